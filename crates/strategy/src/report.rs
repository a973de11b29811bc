//! What came of a run: figures, trades and the course of the equity.
//!
//! A figure that is not defined is `None`, never 0 or infinity: the Sharpe ratio of one day, the win rate of no trade.

mod json;
mod performance;
mod picture;
mod text;
mod trade_stats;

use market_backbone_core::{Symbol, Timestamp};
use rust_decimal::Decimal;

pub use self::performance::Performance;
pub use self::picture::{HeatCell, HeatMap, RunPicture};
pub use self::trade_stats::TradeStats;
use crate::backtest::{CurvePoint, RoundTrip};

/// The outcome of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct BacktestReport {
    /// The number of bars with a trade in them.
    pub bars: u64,
    /// The number of events, bars included.
    pub events: u64,
    /// The beginning of the first bar, or the time of the first event.
    pub begin: Timestamp,
    /// The close of the last bar, or the time of the last event.
    pub end: Timestamp,
    /// The value of the account before the first event.
    pub initial_equity: Decimal,
    /// The value of the account after the last event, open positions at the latest price.
    pub final_equity: Decimal,
    /// The gain as a share of the initial equity: 0.05 is five percent.
    pub total_return: Option<f64>,
    /// The fees, in the quote currency.
    pub fees: Decimal,
    /// The value of all fills, in the quote currency.
    pub traded: f64,
    /// The value of all fills as a multiple of the mean daily equity.
    pub turnover: Option<f64>,
    /// The share of the time in which a position was open.
    pub exposure: Option<f64>,
    /// The figures from daily equity, and the drawdown.
    pub performance: Performance,
    /// The number of fills by certainty.
    pub fills: FillCounts,
    /// The figures of the trades that have ended.
    pub trades: TradeStats,
    /// The trades that have ended, in the order of their ends.
    pub round_trips: Vec<RoundTrip>,
    /// The number of markets in which a position is still open.
    pub open_positions: usize,
    /// The result of each market.
    pub markets: Vec<MarketResult>,
    /// The course of the equity, in at most a few thousand points.
    pub curve: Vec<CurvePoint>,
}

/// The number of fills by the certainty that they would have happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct FillCounts {
    /// Fills that the data prove.
    pub proven: u64,
    /// Fills by a rule of the model that no order of prices inside the bar contradicts.
    pub assumed: u64,
    /// Fills that depend on the order of prices inside the bar.
    pub ambiguous: u64,
}

/// The result of one market.
#[derive(Clone, Debug, PartialEq)]
pub struct MarketResult {
    /// The market of these figures.
    pub symbol: Symbol,
    /// The number of fills.
    pub fills: u64,
    /// The number of trades that have ended.
    pub trades: u64,
    /// The number of those with a profit.
    pub wins: u64,
    /// The profit of the trades that have ended, after fees.
    pub profit: f64,
    /// The fees of all fills, in the quote currency.
    pub fees: f64,
    /// The value of all fills, in the quote currency.
    pub traded: f64,
}

impl MarketResult {
    pub(crate) const fn new(symbol: Symbol) -> Self {
        Self { symbol, fills: 0, trades: 0, wins: 0, profit: 0.0, fees: 0.0, traded: 0.0 }
    }
}
