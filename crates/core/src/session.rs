//! Which part of a trading day it is.

use std::fmt;

/// A part of a trading day of the American stock exchanges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Session {
    /// Nobody trades: nights, weekends, holidays.
    Closed,
    /// Before the exchanges open, from 04:00.
    Pre,
    /// From the opening auction at 09:30 to the closing auction at 16:00 (13:00 on half days).
    Regular,
    /// After the exchanges have closed, until 20:00 (17:00 on half days).
    After,
}

impl Session {
    /// `PRE`, `REGULAR`, `AFTER` or `CLOSED`.
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
