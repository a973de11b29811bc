//! Runs on the paper broker: three results where the order of prices decides, one where it does not; checks of a strategy.

use std::io;

use market_backbone_core::{Candle, CandleColumns, Grid, Series, Side, Timestamp};
use market_backbone_strategy::Decimal;
use market_backbone_strategy::backtest::{
    Backtest, BacktestConfig, ThreeWays, WarmUpOutcome, check_rows, look_ahead, three_ways, warm_up,
};
use market_backbone_strategy::builtin::{Sizing, SmaCross};
use market_backbone_strategy::decision::JsonDecisionLog;
use market_backbone_strategy::order::{OcaGroup, OrderFill, OrderKind, OrderRequest};
use market_backbone_strategy::paper::{FeeRates, PaperBroker, PaperConfig, PaperConfigError, ShortOfCash};
use market_backbone_strategy::runner::Runner;
use market_backbone_strategy::strategy::{Context, Strategy};

use crate::runner::{candle, series};

/// Buys one at the first bar, and protects it by a stop at 90 and a target at 110.
#[derive(Debug, Default)]
struct Bracket {
    has_bought: bool,
}

impl Strategy for Bracket {
    fn on_bar(&mut self, series: &Series, _candle: &Candle, context: &mut dyn Context) {
        if !std::mem::replace(&mut self.has_bought, true) {
            let order = OrderRequest::new(series.symbol.clone(), Side::Buy, Decimal::ONE, OrderKind::Market);
            context.submit(order).unwrap();
        }
    }

    fn on_fill(&mut self, fill: &OrderFill, context: &mut dyn Context) {
        if fill.side == Side::Buy {
            for kind in [
                OrderKind::Stop { trigger: Decimal::from(90) },
                OrderKind::Limit { price: Decimal::from(110) },
            ] {
                let order = OrderRequest::new(fill.symbol.clone(), Side::Sell, Decimal::ONE, kind);
                context.submit(order.oca(OcaGroup(1)).reduce_only()).unwrap();
            }
        }
    }
}

fn config() -> PaperConfig {
    PaperConfig::new(Decimal::from(1_000), FeeRates::quote(Decimal::ZERO))
}

fn bracket(candles: &CandleColumns) -> ThreeWays {
    let run = |path| {
        let broker = PaperBroker::new(PaperConfig { path, ..config() })?;
        let runner = Runner::new(Bracket::default(), broker, Grid::Utc);
        let mut backtest = Backtest::new(runner, BacktestConfig::default());
        backtest.bars(&series(), candles);
        let ambiguous = backtest.runner().broker().ambiguous_bars() > 0;
        Ok::<_, PaperConfigError>((backtest.finish(), ambiguous))
    };
    three_ways(run).unwrap()
}

fn wide(minute: i64, low: f64, high: f64) -> Candle {
    Candle { low, high, ..candle(minute, 100.0, 100.0) }
}

#[test]
fn stop_and_target_in_one_bar_give_three_results() {
    let candles: CandleColumns =
        [candle(0, 100.0, 100.0), candle(1, 100.0, 100.0), wide(2, 80.0, 120.0), candle(3, 100.0, 100.0)]
            .into();
    let ways = bracket(&candles);
    let equity = |gain: i64| Decimal::from(1_000 + gain);
    assert_eq!((ways.pessimistic.final_equity, ways.optimistic.final_equity), (equity(-10), equity(10)));
    assert_eq!(ways.assumed.final_equity, equity(-10), "of stop and target the worse one");
    assert_eq!((ways.assumed.fills.proven, ways.assumed.fills.ambiguous), (1, 1));
}

#[test]
fn a_bar_that_leaves_no_choice_gives_one_result() {
    let candles: CandleColumns =
        [candle(0, 100.0, 100.0), candle(1, 100.0, 100.0), wide(2, 95.0, 120.0), candle(3, 100.0, 100.0)]
            .into();
    let ways = bracket(&candles);
    assert_eq!(ways.assumed.fills.ambiguous, 0);
    assert_eq!((ways.pessimistic, ways.optimistic.final_equity), (ways.optimistic, Decimal::from(1_010)));
}

#[test]
fn all_in_spends_the_cash_at_the_price_of_the_fill_and_no_more() {
    // Averages of 1 and 2 bars cross up at bar 2; bar 3 opens far above its close.
    let prices = [(10.0, 10.0), (10.0, 9.0), (9.0, 12.0), (16.0, 16.0), (16.0, 16.0)];
    let candles: CandleColumns =
        prices.iter().zip(0..).map(|((open, close), minute)| candle(minute, *open, *close)).collect();
    let fee = Decimal::new(1, 2);
    let cash = Decimal::from(1_000);
    let config =
        PaperConfig { short_of_cash: ShortOfCash::Shrink, ..PaperConfig::new(cash, FeeRates::quote(fee)) };
    let strategy = SmaCross::new(series(), 1, 2, Sizing::AllIn).unwrap();
    let runner = Runner::new(strategy, PaperBroker::new(config).unwrap(), Grid::Utc);
    let mut backtest = Backtest::new(runner, BacktestConfig::default());
    backtest.bars(&series(), &candles);
    let report = backtest.finish();
    // 1000 / (16 × 1.01) = 61.88118811 of it.
    assert_eq!(report.traded, 61.881_188_11 * 16.0);
    assert!(
        report.final_equity < cash && report.final_equity > Decimal::from(990),
        "{}",
        report.final_equity
    );
}

fn wave(bars: i64) -> CandleColumns {
    let at = |minute: i64| (100.0 + 10.0 * (minute as f64 / 9.0).sin() + (minute as f64 / 3.1).cos()).round();
    (0..bars).map(|minute| candle(minute, at(minute - 1), at(minute))).collect()
}

fn log_of<S: Strategy>(strategy: S, candles: &CandleColumns) -> io::Result<Vec<u8>> {
    let broker = PaperBroker::new(config()).map_err(io::Error::other)?;
    let runner = Runner::new(strategy, broker, Grid::Utc).with_log(JsonDecisionLog::new(Vec::new()));
    let mut backtest = Backtest::new(runner, BacktestConfig::default());
    backtest.bars(&series(), candles);
    backtest.finish_with_log().1.finish()
}

fn cross() -> SmaCross {
    SmaCross::new(series(), 3, 10, Sizing::Quantity(Decimal::ONE)).unwrap()
}

/// Was handed the future: it buys where the next close is higher.
#[derive(Debug)]
struct Clairvoyant(CandleColumns);

impl Strategy for Clairvoyant {
    fn on_bar(&mut self, series: &Series, candle: &Candle, context: &mut dyn Context) {
        let next = self.0.rows_before(Timestamp::from_nanos(candle.open_time.as_nanos() + 1));
        let rises = self.0.get(next).is_some_and(|next| next.close > candle.close);
        if rises {
            let order =
                OrderRequest::new(series.symbol.clone(), Side::Buy, Decimal::new(1, 3), OrderKind::Market);
            context.submit(order).unwrap();
        }
    }
}

/// Buys and sells by the number of bars since it began: it never forgets its start.
#[derive(Debug, Default)]
struct Counter(u64);

impl Strategy for Counter {
    fn on_bar(&mut self, series: &Series, _candle: &Candle, context: &mut dyn Context) {
        self.0 += 1;
        let held = context.position(&series.symbol).quantity;
        let side = if held.is_zero() { Side::Buy } else { Side::Sell };
        if self.0.is_multiple_of(20) {
            let order = OrderRequest::new(series.symbol.clone(), side, Decimal::ONE, OrderKind::Market);
            context.submit(order).unwrap();
        }
    }
}

#[test]
fn a_strategy_that_sees_events_only_passes_and_one_with_the_future_is_found_out() {
    let candles = wave(400);
    let (series, rows) = (series(), check_rows(candles.len(), 5));
    assert_eq!(rows.len(), 5);
    let honest = look_ahead((&series, Grid::Utc), &candles, rows.clone(), |candles| log_of(cross(), candles));
    assert_eq!(honest.unwrap(), None);
    let cheat = |candles: &CandleColumns| log_of(Clairvoyant(candles.clone()), candles);
    let mut found = None;
    for row in 1..40 {
        found = found.or(look_ahead((&series, Grid::Utc), &candles, [row], cheat).unwrap());
    }
    assert!(found.is_some(), "a strategy that was handed the future is found out");
}

#[test]
fn a_warm_up_that_is_long_enough_passes_and_a_strategy_that_never_forgets_does_not() {
    let candles = wave(600);
    let series = series();
    let warm = cross().warm_up();
    let outcome =
        warm_up((&series, Grid::Utc, warm), &candles, [97, 211, 333], |candles| log_of(cross(), candles));
    assert_eq!(outcome.unwrap(), WarmUpOutcome::Agrees { compared: 3 });
    let counting = |candles: &CandleColumns| log_of(Counter::default(), candles);
    let outcome = warm_up((&series, Grid::Utc, 10), &candles, [97], counting).unwrap();
    assert!(matches!(outcome, WarmUpOutcome::Differs { began: 97, .. }), "{outcome:?}");
}
