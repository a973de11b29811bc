//! A part of a score: its intensity, the figure behind it, and the reason for both.

use std::fmt;

/// The reason why a part of a score has its intensity, or has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PartReason {
    /// The intensity follows from the measure.
    Measured,
    /// Prices or volumes do not differ, so that there is nothing to compare; the intensity is 0.
    Flat,
    /// The price has risen further than an accumulation may.
    PriceRose,
    /// The body of the last candle is larger than a quiet accumulation's.
    LargeBody,
    /// Volume has not dried out, or no buying outweighs the selling.
    Absent,
    /// There are fewer candles than the formula needs.
    TooFewBars {
        /// The number of candles there are.
        have: usize,
        /// The number of candles that are needed.
        need: usize,
    },
    /// There are fewer trades in the window than the formula needs.
    TooFewTicks {
        /// The number of trades in the window.
        have: u64,
        /// The number of trades that are needed.
        need: u64,
    },
    /// The market has not been watched for as long as the window is.
    Warming,
    /// The feed of the market is interrupted, and what is missing has not been delivered.
    GapOpen,
    /// A candle has impossible figures.
    BadCandle,
    /// Nobody knows which side took the trades in the window.
    UnknownSides,
}

impl fmt::Display for PartReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Measured => f.write_str("measured"),
            Self::Flat => f.write_str("nothing moved: there is nothing to compare"),
            Self::PriceRose => f.write_str("the price has already risen"),
            Self::LargeBody => f.write_str("the last candle moved too far"),
            Self::Absent => f.write_str("no sign of it"),
            Self::TooFewBars { have, need } => write!(f, "{have} candles of the {need} that are needed"),
            Self::TooFewTicks { have, need } => write!(f, "{have} trades of the {need} that are needed"),
            Self::Warming => f.write_str("not watched for long enough"),
            Self::GapOpen => f.write_str("the feed is interrupted"),
            Self::BadCandle => f.write_str("a candle has impossible figures; fetch the days again"),
            Self::UnknownSides => f.write_str("the sides of the trades are not known"),
        }
    }
}

/// One part of a score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScorePart {
    /// The intensity from 0 to 1, or `None` if it is unknown.
    pub intensity: Option<f64>,
    /// The figure that the intensity was computed from, where there is one. It still tells markets apart where their
    /// intensities have reached the top.
    pub measure: Option<f64>,
    /// The reason for the intensity, or for its absence.
    pub reason: PartReason,
}

impl ScorePart {
    /// Returns a part that follows from `measure`.
    pub(crate) const fn measured(intensity: f64, measure: f64) -> Self {
        Self { intensity: Some(intensity), measure: Some(measure), reason: PartReason::Measured }
    }

    /// Returns a part of intensity 0, for this reason.
    pub(crate) const fn zero(measure: Option<f64>, reason: PartReason) -> Self {
        Self { intensity: Some(0.0), measure, reason }
    }

    /// Returns a part that is unknown, for this reason.
    pub(crate) const fn unknown(reason: PartReason) -> Self {
        Self { intensity: None, measure: None, reason }
    }

    /// Returns the intensity, where an unknown one counts nothing.
    #[must_use]
    pub fn counted(&self) -> f64 {
        self.intensity.unwrap_or(0.0)
    }

    /// Returns whether the intensity is known and above `level`.
    #[must_use]
    pub fn is_above(&self, level: f64) -> bool {
        self.intensity.is_some_and(|intensity| intensity > level)
    }
}
