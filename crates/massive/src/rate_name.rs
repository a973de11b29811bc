//! How a rate is written in settings: `5/min`, `100/min`, `100/s`.

use std::fmt;
use std::str::FromStr;

use crate::capabilities::MassiveRate;

impl MassiveRate {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::FivePerMinute, Self::HundredPerMinute, Self::HundredPerSecond];

    /// Returns `5/min`, `100/min` or `100/s`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FivePerMinute => "5/min",
            Self::HundredPerMinute => "100/min",
            Self::HundredPerSecond => "100/s",
        }
    }
}

impl fmt::Display for MassiveRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that names no rate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MassiveRateError(String);

impl fmt::Display for MassiveRateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no rate `{}`; there are 5/min, 100/min and 100/s", self.0)
    }
}

impl std::error::Error for MassiveRateError {}

/// Reads what [`Display`](fmt::Display) writes.
impl FromStr for MassiveRate {
    type Err = MassiveRateError;

    fn from_str(text: &str) -> Result<Self, MassiveRateError> {
        let named = Self::ALL.into_iter().find(|rate| rate.as_str() == text);
        named.ok_or_else(|| MassiveRateError(text.chars().take(40).collect()))
    }
}
