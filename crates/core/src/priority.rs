//! The priority of a request.

use std::time::Duration;

/// The priority of a request or subscription; the first is the most urgent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Priority {
    /// A live bot that is about to trade.
    Critical,
    /// A screener or a monitor that watches many markets.
    High,
    /// A chart somebody looks at.
    #[default]
    Normal,
    /// A backtester or a backfill: spare capacity only, but never starved indefinitely.
    Low,
}

impl Priority {
    /// All priorities, most urgent first.
    pub const ALL: [Self; 4] = [Self::Critical, Self::High, Self::Normal, Self::Low];

    /// Returns the response time aimed at for one request: 50, 100, 500, 5000 ms.
    ///
    /// It is an aim, not a promise: a request that misses it is still answered.
    #[must_use]
    pub const fn latency_target(self) -> Duration {
        Duration::from_millis(match self {
            Self::Critical => 50,
            Self::High => 100,
            Self::Normal => 500,
            Self::Low => 5_000,
        })
    }

    /// Returns `critical`, `high`, `normal` or `low`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Normal => "normal",
            Self::Low => "low",
        }
    }
}
