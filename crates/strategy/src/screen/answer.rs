//! What a screen answers about a market.

use std::fmt;

use market_backbone_core::{TimeRange, Timestamp};

/// The answer to whether a market meets a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    /// The market meets it.
    Match,
    /// The market does not meet it, whatever else is not known.
    NoMatch,
    /// The answer depends on something that is not known. It never counts as a match.
    Unknown,
}

impl Verdict {
    /// Returns the word in tables and files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Match => "match",
            Self::NoMatch => "no match",
            Self::Unknown => "unknown",
        }
    }

    pub(super) const fn of(holds: bool) -> Self {
        if holds { Self::Match } else { Self::NoMatch }
    }

    pub(super) const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::NoMatch, _) | (_, Self::NoMatch) => Self::NoMatch,
            (Self::Match, Self::Match) => Self::Match,
            _ => Self::Unknown,
        }
    }

    pub(super) const fn not(self) -> Self {
        match self {
            Self::Match => Self::NoMatch,
            Self::NoMatch => Self::Match,
            Self::Unknown => Self::Unknown,
        }
    }

    pub(super) const fn or(self, other: Self) -> Self {
        self.not().and(other.not()).not()
    }
}

/// The reason why a value is unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhyUnknown {
    /// There is no bar at all.
    NoBars,
    /// There are fewer bars than it needs.
    Warming {
        /// The bars without a hole that there are.
        have: usize,
        /// The bars that are needed.
        need: usize,
        /// `true` if older bars lie beyond an unknown slot.
        is_after_hole: bool,
    },
    /// Slots that it is computed from are unknown.
    Hole {
        /// The first of them.
        range: TimeRange,
    },
    /// The slots since then are unknown, so that the newest bar is not known to be the newest.
    Stale {
        /// The end of what is known.
        since: Timestamp,
    },
    /// The formula has no value, as where nothing was traded.
    Undefined,
    /// Another reason, in words.
    Other(String),
}

impl fmt::Display for WhyUnknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoBars => f.write_str("there are no bars"),
            Self::Warming { have, need, is_after_hole: false } => write!(f, "{have} of {need} bars"),
            Self::Warming { have, need, is_after_hole: true } => {
                write!(f, "{have} of {need} bars since an unknown slot")
            }
            Self::Hole { range } => write!(f, "unknown from {range}"),
            Self::Stale { since } => write!(f, "unknown since {since}"),
            Self::Undefined => f.write_str("the formula has no value"),
            Self::Other(reason) => f.write_str(reason),
        }
    }
}

/// A quantity of a screen and what it is for a market.
#[derive(Clone, Debug, PartialEq)]
pub struct ScreenValue {
    /// The quantity, as text.
    pub name: String,
    /// Its value, or why there is none.
    pub value: Result<f64, WhyUnknown>,
    /// The notes about the value: `flat`, `settling`.
    pub notes: Vec<&'static str>,
}

/// The answer of a screen about a market.
#[derive(Clone, Debug, PartialEq)]
pub struct ScreenAnswer {
    /// The answer to whether the market meets the condition.
    pub verdict: Verdict,
    /// Every quantity that the screen reads, in the order of the text.
    pub values: Vec<ScreenValue>,
    /// The value that it is ranked by, if there is one.
    pub rank: Option<f64>,
}

impl ScreenAnswer {
    /// Returns the quantities that are unknown, with the reasons.
    pub fn unknown(&self) -> impl Iterator<Item = (&str, &WhyUnknown)> {
        self.values.iter().filter_map(|value| Some((value.name.as_str(), value.value.as_ref().err()?)))
    }
}
