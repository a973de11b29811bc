//! Runs of `sma-cross` over the same bars and with the same money.

use std::io;
use std::ops::Range;

use anyhow::Context;
use market_backbone::CandleColumns;
use market_backbone::strategy::Decimal;
use market_backbone::strategy::backtest::{Backtest, BacktestConfig, ThreeWays, three_ways};
use market_backbone::strategy::builtin::{Sizing, SmaCross};
use market_backbone::strategy::decimals::decimal;
use market_backbone::strategy::decision::{DecisionLog, JsonDecisionLog, NoDecisionLog};
use market_backbone::strategy::paper::{
    FeeRates, IntrabarPath, PaperBroker, PaperConfig, ShortOfCash, Slippage,
};
use market_backbone::strategy::report::BacktestReport;
use market_backbone::strategy::runner::Runner;

use super::BarData;
use crate::args::MoneyArgs;
use crate::exit::UsageError;

/// The strategy asks for no history; what it needs it keeps itself.
const HISTORY: usize = 0;

/// The bars and the money of any number of runs.
#[derive(Debug)]
pub(crate) struct SmaCrossRun<'a> {
    data: &'a BarData,
    config: PaperConfig,
    sizing: Sizing,
}

impl<'a> SmaCrossRun<'a> {
    /// Checks that the windows can cross.
    pub(crate) fn check_windows(fast: usize, slow: usize) -> Result<(), UsageError> {
        if 0 < fast && fast < slow {
            return Ok(());
        }
        Err(UsageError(format!(
            "--fast {fast} must be at least 1 and below --slow {slow}: a cross needs a shorter and a longer average"
        )))
    }

    /// Prepares runs whose longest window is `longest`.
    ///
    /// # Errors
    ///
    /// If there are too few bars for one decision, or the cash does not pay for the amount.
    pub(crate) fn new(data: &'a BarData, money: &MoneyArgs, longest: usize) -> anyhow::Result<Self> {
        let bars = data.candles.len();
        // A crossing shows in two averages of the longer window.
        let needed = longest.saturating_add(1);
        anyhow::ensure!(
            bars >= needed,
            "{}: {bars} bars are too few: an average of {longest} needs {needed} before it can cross; name an earlier --from, \
             or a shorter --slow",
            data.series
        );
        if let Some(quantity) = money.quantity {
            let first = data.candles.first().and_then(|bar| decimal(bar.open)).unwrap_or_default();
            let cost = quantity.saturating_mul(first).saturating_mul(Decimal::ONE + money.fee);
            if cost > money.cash {
                return Err(UsageError(format!(
                    "--quantity {quantity} costs {} at the first price, and --cash is {}: buy less, or begin with more",
                    cost.normalize(),
                    money.cash
                ))
                .into());
            }
        }
        let slippage = match money.slippage {
            none if none.is_zero() => Slippage::None,
            share => Slippage::Fraction(share),
        };
        let config = PaperConfig {
            slippage,
            short_of_cash: ShortOfCash::Shrink,
            grid: data.grid,
            ..PaperConfig::new(money.cash, FeeRates::quote(money.fee))
        };
        let sizing = money.quantity.map_or(Sizing::AllIn, Sizing::Quantity);
        Ok(Self { data, config, sizing })
    }

    pub(crate) const fn candles(&self) -> &'a CandleColumns {
        &self.data.candles
    }

    pub(crate) const fn data(&self) -> &'a BarData {
        self.data
    }

    /// Runs as assumed, and where it matters against and for the account.
    pub(crate) fn three_ways(&self, fast: usize, slow: usize) -> anyhow::Result<ThreeWays> {
        three_ways(|path| {
            let bars = (&CandleColumns::new(), self.candles());
            let (report, is_ambiguous, _) = self.once((fast, slow), path, NoDecisionLog, bars)?;
            Ok((report, is_ambiguous))
        })
    }

    /// Runs as assumed.
    pub(crate) fn report(&self, fast: usize, slow: usize) -> anyhow::Result<BacktestReport> {
        self.report_of(fast, slow, 0..self.candles().len())
    }

    /// Runs as assumed over the bars in `rows`. The averages know the bars before them.
    pub(crate) fn report_of(
        &self,
        fast: usize,
        slow: usize,
        rows: Range<usize>,
    ) -> anyhow::Result<BacktestReport> {
        let candles = self.candles();
        let warm = candles.slice(rows.start.saturating_sub(slow)..rows.start);
        let bars = (&warm, &candles.slice(rows));
        Ok(self.once((fast, slow), IntrabarPath::default(), NoDecisionLog, bars)?.0)
    }

    /// Returns the decision log of a run over `candles`.
    pub(crate) fn decisions<W: io::Write>(
        &self,
        fast: usize,
        slow: usize,
        log: JsonDecisionLog<W>,
        candles: &CandleColumns,
    ) -> anyhow::Result<W> {
        let bars = (&CandleColumns::new(), candles);
        let (_, _, log) = self.once((fast, slow), IntrabarPath::default(), log, bars)?;
        log.finish().context("cannot write the decision log")
    }

    fn once<L: DecisionLog>(
        &self,
        (fast, slow): (usize, usize),
        path: IntrabarPath,
        log: L,
        (warm, candles): (&CandleColumns, &CandleColumns),
    ) -> anyhow::Result<(BacktestReport, bool, L)> {
        let BarData { series, grid, days_per_year, .. } = self.data;
        let strategy = SmaCross::new(series.clone(), fast, slow, self.sizing)?;
        let broker = PaperBroker::new(PaperConfig { path, ..self.config.clone() })?;
        let mut runner = Runner::new(strategy, broker, *grid).with_history(HISTORY).with_log(log);
        runner.warm_up(series, warm);
        let config = BacktestConfig { grid: *grid, days_per_year: *days_per_year };
        let mut backtest = Backtest::new(runner, config);
        backtest.bars(series, candles);
        let is_ambiguous = backtest.runner().broker().ambiguous_bars() > 0;
        let (report, log) = backtest.finish_with_log();
        Ok((report, is_ambiguous, log))
    }
}
