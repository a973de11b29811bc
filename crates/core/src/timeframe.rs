//! The timeframes of candles.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The length of a candle. Where candles begin is the [`Grid`](crate::Grid)'s to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Timeframe {
    /// Candles of one second.
    S1,
    /// Candles of one minute.
    M1,
    /// Candles of three minutes.
    M3,
    /// Candles of five minutes.
    M5,
    /// Candles of ten minutes.
    M10,
    /// Candles of fifteen minutes.
    M15,
    /// Candles of thirty minutes.
    M30,
    /// Candles of one hour.
    H1,
    /// Candles of two hours.
    H2,
    /// Candles of four hours.
    H4,
    /// Candles of six hours.
    H6,
    /// Candles of eight hours.
    H8,
    /// Candles of twelve hours.
    H12,
    /// Candles of one day.
    D1,
    /// Candles of three days, counted from the Unix epoch.
    D3,
    /// Candles of one week.
    W1,
    /// Candles of one calendar month.
    Month,
    /// Candles of one calendar year.
    Year,
}

impl Timeframe {
    /// Lists every timeframe, shortest first.
    pub const ALL: [Self; 18] = [
        Self::S1,
        Self::M1,
        Self::M3,
        Self::M5,
        Self::M10,
        Self::M15,
        Self::M30,
        Self::H1,
        Self::H2,
        Self::H4,
        Self::H6,
        Self::H8,
        Self::H12,
        Self::D1,
        Self::D3,
        Self::W1,
        Self::Month,
        Self::Year,
    ];

    /// Returns the spelling used in commands, tables and files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::S1 => "1s",
            Self::M1 => "1m",
            Self::M3 => "3m",
            Self::M5 => "5m",
            Self::M10 => "10m",
            Self::M15 => "15m",
            Self::M30 => "30m",
            Self::H1 => "1h",
            Self::H2 => "2h",
            Self::H4 => "4h",
            Self::H6 => "6h",
            Self::H8 => "8h",
            Self::H12 => "12h",
            Self::D1 => "1d",
            Self::D3 => "3d",
            Self::W1 => "1w",
            Self::Month => "1M",
            Self::Year => "1y",
        }
    }

    /// Returns the length in seconds where every candle has the same one; `None` for months and years.
    #[must_use]
    pub const fn fixed_secs(self) -> Option<i64> {
        Some(match self {
            Self::S1 => 1,
            Self::M1 => 60,
            Self::M3 => 180,
            Self::M5 => 300,
            Self::M10 => 600,
            Self::M15 => 900,
            Self::M30 => 1_800,
            Self::H1 => 3_600,
            Self::H2 => 7_200,
            Self::H4 => 14_400,
            Self::H6 => 21_600,
            Self::H8 => 28_800,
            Self::H12 => 43_200,
            Self::D1 => 86_400,
            Self::D3 => 259_200,
            Self::W1 => 604_800,
            Self::Month | Self::Year => return None,
        })
    }

    /// Returns the length, the average one for months and years; for estimates only.
    #[must_use]
    pub const fn typical(self) -> Duration {
        Duration::from_secs(match self {
            Self::Month => 2_629_746,
            Self::Year => 31_556_952,
            fixed => match fixed.fixed_secs() {
                Some(secs) => secs.unsigned_abs(),
                None => 0,
            },
        })
    }
}

impl fmt::Display for Timeframe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// An error for a text that names no timeframe.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no timeframe `{0}`; there are 1s 1m 3m 5m 10m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1M 1y")]
pub struct TimeframeError(String);

impl FromStr for Timeframe {
    type Err = TimeframeError;

    fn from_str(text: &str) -> Result<Self, TimeframeError> {
        Self::ALL
            .into_iter()
            .find(|frame| frame.as_str() == text)
            .ok_or_else(|| TimeframeError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_reads_back() {
        for frame in Timeframe::ALL {
            assert_eq!(frame.to_string().parse(), Ok(frame));
        }
    }

    #[test]
    fn minutes_and_months_differ_by_case_alone() {
        assert_eq!("1m".parse(), Ok(Timeframe::M1));
        assert_eq!("1M".parse(), Ok(Timeframe::Month));
    }

    #[test]
    fn the_error_lists_what_there_is() {
        let text = "7m".parse::<Timeframe>().unwrap_err().to_string();
        for frame in Timeframe::ALL {
            assert!(text.contains(frame.as_str()), "{text}");
        }
    }
}
