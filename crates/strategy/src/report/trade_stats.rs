//! The figures of trades that have ended.

use crate::backtest::RoundTrip;

/// The figures of trades that have ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct TradeStats {
    /// The number of trades.
    pub count: u64,
    /// The number of trades with a profit.
    pub wins: u64,
    /// The share of trades with a profit.
    pub win_rate: Option<f64>,
    /// The profits divided by the losses; `None` without a loss.
    pub profit_factor: Option<f64>,
    /// The mean profit of a trade as a share of what was entered.
    pub mean_share: Option<f64>,
    /// The best trade, as a share of what was entered.
    pub best_share: Option<f64>,
    /// The worst trade, as a share of what was entered.
    pub worst_share: Option<f64>,
    /// The mean time from entry to exit, in seconds.
    pub mean_held_secs: Option<f64>,
}

impl TradeStats {
    pub(crate) fn of(trades: &[RoundTrip]) -> Self {
        let count = trades.len() as u64;
        if count == 0 {
            return Self::default();
        }
        let (mut wins, mut gained, mut lost, mut shares, mut held) = (0, 0.0, 0.0, 0.0, 0.0);
        let (mut best, mut worst) = (f64::NEG_INFINITY, f64::INFINITY);
        for trade in trades {
            if trade.profit > 0.0 {
                wins += 1;
                gained += trade.profit;
            } else {
                lost -= trade.profit;
            }
            let share = trade.profit_share();
            shares += share;
            (best, worst) = (best.max(share), worst.min(share));
            held += trade.left.since(trade.entered).as_secs_f64();
        }
        let mean = |sum: f64| Some(sum / count as f64);
        Self {
            count,
            wins,
            win_rate: mean(wins as f64),
            profit_factor: (lost > 0.0).then(|| gained / lost),
            mean_share: mean(shares),
            best_share: Some(best),
            worst_share: Some(worst),
            mean_held_secs: mean(held),
        }
    }
}
