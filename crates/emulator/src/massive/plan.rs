//! The permissions of a key: the venue's plans as a table.

use super::channel::StockChannel;
use crate::calendar::{DAY, MINUTE};

/// The plan of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmulatedPlan {
    /// The free plan: five requests a minute, bars of finished days, no socket.
    Basic,
    /// The plan with bars of five years, 15 minutes old, and bars on the socket.
    Starter,
    /// The plan with bars and trades of ten years, 15 minutes old.
    Developer,
    /// The plan with everything, without a delay.
    Advanced,
}

/// The permissions that a plan can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entitlement {
    Bars,
    Snapshots,
    Trades,
    Quotes,
}

impl EmulatedPlan {
    /// Returns the age of the newest data that it shows, in ms.
    pub(crate) const fn delay_ms(self) -> i64 {
        match self {
            Self::Starter | Self::Developer => 15 * MINUTE,
            Self::Basic | Self::Advanced => 0,
        }
    }

    /// Returns how far back it reaches, in ms.
    pub(crate) const fn reach_ms(self) -> Option<i64> {
        match self {
            Self::Basic => Some(2 * 365 * DAY),
            Self::Starter => Some(5 * 365 * DAY),
            Self::Developer => Some(10 * 365 * DAY),
            Self::Advanced => None,
        }
    }

    pub(crate) const fn has(self, good: Entitlement) -> bool {
        match good {
            Entitlement::Bars => true,
            Entitlement::Snapshots => !matches!(self, Self::Basic),
            Entitlement::Trades => matches!(self, Self::Developer | Self::Advanced),
            Entitlement::Quotes => matches!(self, Self::Advanced),
        }
    }

    /// Returns the number of requests in a minute, where the plan limits them.
    pub(crate) const fn requests_per_minute(self) -> Option<u32> {
        if matches!(self, Self::Basic) { Some(5) } else { None }
    }

    pub(crate) const fn has_socket(self) -> bool {
        !matches!(self, Self::Basic)
    }

    pub(crate) const fn is_real_time(self) -> bool {
        matches!(self, Self::Advanced)
    }

    /// Returns whether its sockets carry a channel.
    pub(crate) const fn carries(self, channel: StockChannel) -> bool {
        match channel {
            StockChannel::Second | StockChannel::Minute => self.has_socket(),
            StockChannel::Trade => self.has(Entitlement::Trades),
            StockChannel::Quote | StockChannel::Band => self.has(Entitlement::Quotes),
        }
    }
}
