//! Gaps of a live feed: when, why, and whether the missing events are delivered later.

use std::fmt;
use std::sync::Arc;

use super::Channel;
use crate::Timestamp;

/// An interruption of a live feed. Between these moments events of these channels may be missing.
///
/// The router reports that it has begun and that events arrive again ([`Opened`](GapState::Opened),
/// [`Resumed`](GapState::Resumed)). The layer that backfills the missing events reports that too
/// ([`Healing`](GapState::Healing), then [`Healed`](GapState::Healed) or [`Lost`](GapState::Lost)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The current state of the gap.
    pub state: GapState,
    /// The affected channels of this reader, sorted.
    pub channels: Arc<[Channel]>,
    /// The last moment at which the feed was known to be complete, by the local clock.
    pub from: Timestamp,
    /// The moment at which events arrived again, or `None` while none do.
    pub to: Option<Timestamp>,
    /// The cause of the gap.
    pub cause: GapCause,
    /// The reason why missing events will not be delivered, where the gap is [`Lost`](GapState::Lost).
    pub loss: Option<LossReason>,
}

/// The state of a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GapState {
    /// The gap has begun.
    Opened,
    /// Events arrive again; those in between are missing.
    Resumed,
    /// The missing events are being fetched.
    Healing,
    /// The gap is over and no event this reader asked for is missing.
    Healed,
    /// The gap is over and some of its events will not be delivered.
    Lost,
}

impl GapState {
    /// Returns `opened`, `resumed`, `healing`, `healed` or `lost`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Resumed => "resumed",
            Self::Healing => "healing",
            Self::Healed => "healed",
            Self::Lost => "lost",
        }
    }
}

/// The cause of a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GapCause {
    /// The connection ended.
    Disconnected,
    /// The connection was open but nothing arrived.
    Silent,
    /// The venue ended the connection with an error.
    Refused,
    /// The venue ended the connection because this client read too slowly.
    TooSlow,
    /// Another connection replaced this one.
    Evicted,
    /// More channels are wanted than can be followed, and more urgent ones took precedence.
    Displaced,
    /// Events arrived faster than they were taken, and some were dropped.
    Lagged,
    /// The venue's running totals show more trades than arrived.
    MissingPrints,
    /// Nobody was listening: the feed continues from where an earlier one ended.
    Absent,
}

impl GapCause {
    /// Returns one word: `disconnected`, `silent`, `refused`, `too_slow`, `evicted`, `displaced`, `lagged`,
    /// `missing_prints` or `absent`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Disconnected => "disconnected",
            Self::Silent => "silent",
            Self::Refused => "refused",
            Self::TooSlow => "too_slow",
            Self::Evicted => "evicted",
            Self::Displaced => "displaced",
            Self::Lagged => "lagged",
            Self::MissingPrints => "missing_prints",
            Self::Absent => "absent",
        }
    }
}

/// The reason why events will not be delivered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LossReason {
    /// The events are older than what the venue still has.
    TooOld {
        /// The number of days before today that the venue goes back.
        days: u8,
    },
    /// The venue was asked repeatedly and did not deliver the events.
    Unreachable {
        /// The last failure.
        message: Arc<str>,
    },
    /// There are more events than may be held in memory until they are in order.
    TooMuch {
        /// The most events that may be held.
        limit: usize,
    },
    /// The venue's answer does not join the events that arrived live, so more may be missing.
    Unproven {
        /// The known facts, and up to which moment.
        message: Arc<str>,
    },
    /// The feed ended before the events could be fetched.
    Ended,
}

impl fmt::Display for LossReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooOld { days } => write!(f, "the venue goes back no more than {days} days"),
            Self::Unreachable { message } => write!(f, "the venue did not deliver it: {message}"),
            Self::TooMuch { limit } => write!(f, "it is more than {limit} events"),
            Self::Unproven { message } => {
                write!(f, "it is not known whether all of it was delivered: {message}")
            }
            Self::Ended => f.write_str("the feed ended before it could be fetched"),
        }
    }
}
