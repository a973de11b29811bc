//! The figure of a bar that an indicator of one series is computed on.

use std::borrow::Cow;
use std::fmt;

use market_backbone_core::{Candle, CandleColumns};

/// The figure of a bar that an indicator is computed on. The close is meant where none is named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PriceSource {
    /// The last price.
    #[default]
    Close,
    /// The first price.
    Open,
    /// The highest price.
    High,
    /// The lowest price.
    Low,
    /// The amount traded, in the base currency.
    Volume,
    /// The amount traded, in the quote currency.
    Turnover,
    /// The middle of the highest and the lowest price.
    Median,
    /// The mean of the highest, the lowest and the last price.
    Typical,
}

impl PriceSource {
    /// Lists every source.
    pub const ALL: [Self; 8] = [
        Self::Close,
        Self::Open,
        Self::High,
        Self::Low,
        Self::Volume,
        Self::Turnover,
        Self::Median,
        Self::Typical,
    ];

    /// Returns the name in text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Close => "close",
            Self::Open => "open",
            Self::High => "high",
            Self::Low => "low",
            Self::Volume => "volume",
            Self::Turnover => "turnover",
            Self::Median => "median",
            Self::Typical => "typical",
        }
    }

    /// Returns the source of this name.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.as_str() == text)
    }

    /// Returns the figure of `bar`.
    #[inline]
    #[must_use]
    pub fn of(self, bar: &Candle) -> f64 {
        match self {
            Self::Close => bar.close,
            Self::Open => bar.open,
            Self::High => bar.high,
            Self::Low => bar.low,
            Self::Volume => bar.volume,
            Self::Turnover => bar.turnover,
            Self::Median => f64::midpoint(bar.high, bar.low),
            Self::Typical => (bar.high + bar.low + bar.close) / 3.0,
        }
    }

    /// Returns the figures of all of `bars`, without a copy where they are a column.
    #[must_use]
    pub fn column(self, bars: &CandleColumns) -> Cow<'_, [f64]> {
        Cow::Borrowed(match self {
            Self::Close => bars.closes(),
            Self::Open => bars.opens(),
            Self::High => bars.highs(),
            Self::Low => bars.lows(),
            Self::Volume => bars.volumes(),
            Self::Turnover => bars.turnovers(),
            Self::Median | Self::Typical => return bars.iter().map(|bar| self.of(&bar)).collect(),
        })
    }
}

impl fmt::Display for PriceSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
