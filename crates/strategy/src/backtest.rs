//! Runs over history, event by event, and what comes of them.
//!
//! ```
//! use market_backbone_core::{Candle, CandleColumns, Grid, Series, Symbol, Timeframe, Timestamp, VenueId};
//! use market_backbone_strategy::backtest::{Backtest, BacktestConfig};
//! use market_backbone_strategy::paper::{FeeRates, PaperBroker, PaperConfig};
//! use market_backbone_strategy::builtin::{Sizing, SmaCross};
//! use market_backbone_strategy::runner::Runner;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let series = Series::new(Symbol::new(VenueId::new("upbit"), "KRW-BTC")?, Timeframe::M1);
//! let candles: CandleColumns = (0..200)
//!     .map(|minute| {
//!         let price = 100.0 + (minute as f64 / 9.0).sin();
//!         Candle {
//!             open_time: Timestamp::from_secs(minute * 60),
//!             open: price, high: price, low: price, close: price, volume: 1.0, turnover: price, is_final: true,
//!         }
//!     })
//!     .collect();
//!
//! let strategy = SmaCross::new(series.clone(), 5, 20, Sizing::Quantity(1.into()))?;
//! let broker = PaperBroker::new(PaperConfig::new(10_000.into(), FeeRates::quote("0.0005".parse()?)))?;
//! let runner = Runner::new(strategy, broker, Grid::Utc);
//! let mut backtest = Backtest::new(runner, BacktestConfig::default());
//! backtest.bars(&series, &candles);
//! let report = backtest.finish();
//! assert_eq!(report.bars, 200);
//! assert!(report.trades.count > 1);
//! # Ok(())
//! # }
//! ```

mod checks;
mod daily_equity;
mod equity_curve;
mod merged_bars;
mod monte_carlo;
mod run_recorder;
mod sweep;
mod three_ways;
mod trade_book;

use market_backbone_core::{Candle, CandleColumns, FeedEvent, Grid, Series, Timestamp};

pub use self::checks::{LookAhead, WarmUpOutcome, check_rows, look_ahead, warm_up};
pub use self::equity_curve::CurvePoint;
use self::merged_bars::MergedRows;
pub use self::monte_carlo::{MonteCarlo, monte_carlo};
use self::run_recorder::RunRecorder;
pub use self::sweep::{WalkForwardSplit, sweep, walk_forward};
pub use self::three_ways::{PathResult, ThreeWays, three_ways};
pub use self::trade_book::RoundTrip;
use crate::broker::{Broker, BrokerEvent};
use crate::decision::{DecisionLog, NoDecisionLog};
use crate::report::BacktestReport;
use crate::runner::Runner;
use crate::strategy::Strategy;

/// The rules by which the figures of a run are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BacktestConfig {
    /// The calendar that cuts days.
    pub grid: Grid,
    /// The number of trading days of a year, by which daily figures are annualised: 365 where markets never close, 252 for
    /// shares. Days without an event count where it is 365 or more.
    pub days_per_year: u16,
}

impl Default for BacktestConfig {
    fn default() -> Self {
        Self { grid: Grid::Utc, days_per_year: 365 }
    }
}

/// A run over history.
#[derive(Debug)]
pub struct Backtest<S, B, L = NoDecisionLog> {
    runner: Runner<S, B, L>,
    recorder: RunRecorder,
    grid: Grid,
}

impl<S: Strategy, B: Broker, L: DecisionLog> Backtest<S, B, L> {
    /// Returns a run that begins with what the broker's account holds.
    pub fn new(runner: Runner<S, B, L>, config: BacktestConfig) -> Self {
        let recorder = RunRecorder::new(runner.broker(), config);
        Self { runner, recorder, grid: config.grid }
    }

    /// Handles one event, and returns what it did to the orders.
    ///
    /// Events may be live ones: the books of a run on paper are kept in the same way.
    #[inline]
    pub fn event(&mut self, event: &FeedEvent) -> &[BrokerEvent] {
        let news = self.runner.on_event(event).len();
        if news > 0 {
            let Self { runner, recorder, .. } = self;
            recorder.take_news(runner.news(), runner.broker());
        }
        self.recorder.observe(event, self.runner.now());
        self.runner.news()
    }

    /// Handles events in order.
    pub fn events(&mut self, events: impl IntoIterator<Item = FeedEvent>) {
        for event in events {
            self.event(&event);
        }
    }

    /// Handles the closed bars of a series, oldest first. Nothing is allocated for a bar.
    pub fn bars(&mut self, series: &Series, candles: &CandleColumns) {
        let Some(first) = candles.first() else { return };
        let mut event = bar_event(series, first);
        for row in candles {
            set_bar(&mut event, row);
            self.event(&event);
        }
    }

    /// Handles the closed bars of several series, markets or timeframes, in the order in which they became known: by their
    /// closes. Of bars that close together those of the series named first come first.
    pub fn bars_of(&mut self, series: &[(Series, CandleColumns)]) {
        let first = |(series, candles): &(Series, CandleColumns)| Some(bar_event(series, candles.first()?));
        let mut events: Vec<_> = series.iter().map(first).collect();
        for (number, row) in MergedRows::new(series, self.grid) {
            if let (Some(event), Some(candle)) = (&mut events[number], series[number].1.get(row)) {
                set_bar(event, candle);
                self.event(event);
            }
        }
    }

    /// Returns the runner.
    pub const fn runner(&self) -> &Runner<S, B, L> {
        &self.runner
    }

    /// Returns what has come of the run so far.
    pub fn report(&self) -> BacktestReport {
        self.recorder.clone().report(self.runner.broker())
    }

    /// Ends the run and returns what came of it. Positions that are still open are valued at the latest price; they are no
    /// trades yet.
    pub fn finish(self) -> BacktestReport {
        self.finish_with_log().0
    }

    /// Ends the run and returns what came of it, and the decision log.
    pub fn finish_with_log(self) -> (BacktestReport, L) {
        let Self { runner, recorder, .. } = self;
        let (_, broker, log) = runner.into_parts();
        (recorder.report(&broker), log)
    }
}

fn bar_event(series: &Series, candle: Candle) -> FeedEvent {
    let (series, received) = (series.clone(), Timestamp::EPOCH);
    FeedEvent::Bar { series, candle, revision: 0, is_quiet: false, received }
}

fn set_bar(event: &mut FeedEvent, row: Candle) {
    if let FeedEvent::Bar { candle, received, .. } = event {
        *candle = row;
        *received = row.open_time;
    }
}
