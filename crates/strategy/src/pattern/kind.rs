//! The patterns there are, and what is said of one that was found.

use std::fmt;
use std::time::Duration;

use market_backbone_core::{Symbol, Timestamp};

/// The time for which a pattern is worth showing: three days.
const SHOWN_FOR: Duration = Duration::from_secs(3 * 86_400);

/// The patterns that are looked for: eight of candles, three of trades.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PatternKind {
    /// A candle that closed where it opened.
    Doji,
    /// A candle with a long lower shadow and its body at the top.
    Hammer,
    /// A hammer after a rise.
    HangingMan,
    /// A candle with a long upper shadow and its body at the bottom.
    ShootingStar,
    /// A body that covers the one before, of the other colour.
    Engulfing,
    /// A small body inside a large one, of the other colour.
    Harami,
    /// A fall, a small body, and a rise into the first body.
    MorningStar,
    /// A rise, a small body, and a fall into the first body.
    EveningStar,
    /// A trade far larger than those before it.
    VolumeSurge,
    /// A price that has gone back to the middle of its last trades.
    PriceOscillation,
    /// A price far from that of the trade before.
    PriceGap,
}

impl PatternKind {
    /// All patterns, those of candles first.
    pub const ALL: [Self; 11] = [
        Self::Doji,
        Self::Hammer,
        Self::HangingMan,
        Self::ShootingStar,
        Self::Engulfing,
        Self::Harami,
        Self::MorningStar,
        Self::EveningStar,
        Self::VolumeSurge,
        Self::PriceOscillation,
        Self::PriceGap,
    ];

    /// Returns the name in lists and messages, such as `hanging_man`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Doji => "doji",
            Self::Hammer => "hammer",
            Self::HangingMan => "hanging_man",
            Self::ShootingStar => "shooting_star",
            Self::Engulfing => "engulfing",
            Self::Harami => "harami",
            Self::MorningStar => "morning_star",
            Self::EveningStar => "evening_star",
            Self::VolumeSurge => "volume_surge",
            Self::PriceOscillation => "price_oscillation",
            Self::PriceGap => "price_gap",
        }
    }

    /// Returns the least number of candles, or of trades, with which the pattern can be seen.
    ///
    /// Each pattern has its own: a common minimum would delay the shorter ones.
    #[must_use]
    pub const fn min_bars(self) -> usize {
        match self {
            Self::Doji | Self::Hammer | Self::ShootingStar => 1,
            Self::Engulfing | Self::Harami => 2,
            Self::MorningStar | Self::EveningStar | Self::PriceGap => 3,
            Self::HangingMan => 4,
            Self::VolumeSurge => 5,
            Self::PriceOscillation => 7,
        }
    }

    /// Returns whether it is a pattern of trades and not of candles.
    #[must_use]
    pub const fn is_of_trades(self) -> bool {
        matches!(self, Self::VolumeSurge | Self::PriceOscillation | Self::PriceGap)
    }
}

impl fmt::Display for PatternKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The move that a pattern announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PatternDirection {
    /// A rise of the price.
    Bullish,
    /// A fall of the price.
    Bearish,
    /// A turn, whichever way the price went before.
    Reversal,
    /// Neither: something happens.
    Neutral,
}

impl PatternDirection {
    /// Returns `bullish`, `bearish`, `reversal` or `neutral`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bullish => "bullish",
            Self::Bearish => "bearish",
            Self::Reversal => "reversal",
            Self::Neutral => "neutral",
        }
    }
}

/// The detector that found a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PatternSource {
    /// A detector of one's own.
    Detector,
    /// A detector that stands in for a producer whose heartbeat is stale.
    Fallback,
}

impl PatternSource {
    /// Returns `detector` or `fallback`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Detector => "detector",
            Self::Fallback => "fallback",
        }
    }
}

/// A pattern that was found. Market, pattern and time together name it once and for all.
#[derive(Clone, Debug, PartialEq)]
pub struct PatternDetection {
    /// The market in which it was found.
    pub symbol: Symbol,
    /// The pattern that was found.
    pub pattern: PatternKind,
    /// The move that it announces.
    pub direction: PatternDirection,
    /// The confidence from 0.6 to 1.
    pub confidence: f64,
    /// The event time at which it was complete: the open time of the last candle, or the time of the trade.
    pub time: Timestamp,
    /// The latest price.
    pub price: f64,
    /// The change of the price since the candle or trade before, in percent, if there was one.
    pub price_change: Option<f64>,
    /// The volume of the last candle or trade.
    pub volume: f64,
    /// The volume as a multiple of the mean of those before, if there were some.
    pub relative_volume: Option<f64>,
    /// The detector that found it.
    pub source: PatternSource,
}

impl PatternDetection {
    /// Returns the time after which the pattern is no news any more: three days later.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.time + SHOWN_FOR
    }
}
