//! What a key may see: the venue's plans as a table.

use super::channel::StockChannel;
use crate::calendar::{DAY, MINUTE};

/// A plan that a key can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmulatedPlan {
    /// Free: five requests a minute, bars of finished days, no socket.
    Basic,
    /// Bars of five years, 15 minutes old; bars on the socket.
    Starter,
    /// Bars and trades of ten years, 15 minutes old.
    Developer,
    /// Everything, at once.
    Advanced,
}

/// What plans are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entitlement {
    Bars,
    Snapshots,
    Trades,
    Quotes,
}

impl EmulatedPlan {
    /// How old the newest data are that it shows, in ms.
    pub(crate) const fn delay_ms(self) -> i64 {
        match self {
            Self::Starter | Self::Developer => 15 * MINUTE,
            Self::Basic | Self::Advanced => 0,
        }
    }

    /// How far back it reaches, in ms.
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

    /// Requests of a minute, where the plan limits them.
    pub(crate) const fn requests_per_minute(self) -> Option<u32> {
        if matches!(self, Self::Basic) { Some(5) } else { None }
    }

    pub(crate) const fn has_socket(self) -> bool {
        !matches!(self, Self::Basic)
    }

    pub(crate) const fn is_real_time(self) -> bool {
        matches!(self, Self::Advanced)
    }

    /// Whether its sockets carry a channel.
    pub(crate) const fn carries(self, channel: StockChannel) -> bool {
        match channel {
            StockChannel::Second | StockChannel::Minute => self.has_socket(),
            StockChannel::Trade => self.has(Entitlement::Trades),
            StockChannel::Quote | StockChannel::Band => self.has(Entitlement::Quotes),
        }
    }
}
