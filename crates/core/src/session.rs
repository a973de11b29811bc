//! The parts of a trading day.

use std::fmt;

/// A part of a trading day of the American stock exchanges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Session {
    /// The market is closed: nights, weekends, holidays.
    Closed,
    /// The pre-market session, from 04:00 to the opening of the exchanges.
    Pre,
    /// The regular session, from the opening auction at 09:30 to the closing auction at 16:00 (13:00 on half
    /// days).
    Regular,
    /// The after-hours session, from the close of the exchanges until 20:00 (17:00 on half days).
    After,
}

impl Session {
    /// Returns `PRE`, `REGULAR`, `AFTER` or `CLOSED`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "CLOSED",
            Self::Pre => "PRE",
            Self::Regular => "REGULAR",
            Self::After => "AFTER",
        }
    }
}

impl fmt::Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
