//! Interruptions of a live feed: when, why, and what became of what was said in the meantime.

use std::fmt;
use std::sync::Arc;

use super::Channel;
use crate::Timestamp;

/// An interruption of a live feed: between these moments events of these channels may be missing.
///
/// Layer 1 says that it has begun and that events arrive again ([`Opened`](GapState::Opened),
/// [`Resumed`](GapState::Resumed)). Whoever goes on from there and fetches what is missing says so too
/// ([`Healing`](GapState::Healing), then [`Healed`](GapState::Healed) or [`Lost`](GapState::Lost)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// What is known of it now.
    pub state: GapState,
    /// Which of the reader's channels are concerned, sorted.
    pub channels: Arc<[Channel]>,
    /// The last moment at which the feed was known to be whole, by our clock.
    pub from: Timestamp,
    /// When events arrived again; `None` while none do.
    pub to: Option<Timestamp>,
    /// Why it came about.
    pub cause: GapCause,
    /// Why what is missing will not be delivered, where the gap is [`Lost`](GapState::Lost).
    pub loss: Option<LossReason>,
}

/// What is known of a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GapState {
    /// It has begun.
    Opened,
    /// Events arrive again; what came in between is missing.
    Resumed,
    /// What is missing is being fetched.
    Healing,
    /// It is over and nothing this reader asked for is missing.
    Healed,
    /// It is over and some of what happened in it will not be delivered.
    Lost,
}

impl GapState {
    /// `opened`, `resumed`, `healing`, `healed` or `lost`.
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

/// Why a gap came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GapCause {
    /// The connection ended.
    Disconnected,
    /// The connection stood but nothing came.
    Silent,
    /// The venue ended it with an error.
    Refused,
    /// The venue ended it because we read too slowly.
    TooSlow,
    /// Another connection took the place of this one.
    Evicted,
    /// More is wished for than may be followed, and what is more urgent came first.
    Displaced,
    /// Events came faster than they were taken, and some were dropped.
    Lagged,
    /// The venue's running totals say that more was traded than was heard of.
    MissingPrints,
    /// Nobody was listening: the feed goes on from where an earlier one ended.
    Absent,
}

impl GapCause {
    /// In one word: `disconnected`, `silent`, `refused`, `too_slow`, `evicted`, `displaced`,
    /// `lagged`, `missing_prints` or `absent`.
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

/// Why something that happened will not be delivered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LossReason {
    /// It is older than what the venue still has.
    TooOld {
        /// How many days before today the venue goes back.
        days: u8,
    },
    /// The venue was asked for it again and again, and did not give it.
    Unreachable {
        /// What went wrong the last time.
        message: Arc<str>,
    },
    /// It is more than may be held in memory until it is in order.
    TooMuch {
        /// How many events may.
        limit: usize,
    },
    /// The venue gave an answer, but what it gave does not join what was heard, so more may be missing.
    Unproven {
        /// What is known, and up to where.
        message: Arc<str>,
    },
    /// The feed ended before it could be fetched.
    Ended,
}

impl fmt::Display for LossReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooOld { days } => write!(f, "the venue goes back no more than {days} days"),
            Self::Unreachable { message } => write!(f, "the venue does not give it: {message}"),
            Self::TooMuch { limit } => write!(f, "it is more than {limit} events"),
            Self::Unproven { message } => {
                write!(f, "it cannot be told whether all of it is there: {message}")
            }
            Self::Ended => f.write_str("the feed ended before it could be fetched"),
        }
    }
}
