//! What is usual for a market, and how far a day is from it.

use std::fmt;

use market_backbone_core::Candle;
use serde::{Deserialize, Serialize};

use crate::seismograph::statistics::{mean_and_deviation, rounded};
use crate::seismograph::{ProfileError, ProfileTag};

/// The number of closed days that say what is usual.
pub const HISTORY_DAYS: usize = 19;

/// The figure of the price that is compared with the usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PriceMeasure {
    /// The size of the change since the previous close, in percent.
    Change,
    /// The price itself, among the closes of twenty days with itself as the last.
    Level,
}

/// The rules of zenV, zenP and their divergence.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ZenRules {
    /// The figure of the price.
    pub price: PriceMeasure,
    /// The zenV from which volume is unusual.
    pub divergence_volume: f64,
    /// The zenP below which the price has hardly moved.
    pub divergence_price: f64,
}

/// Rules of zenV and zenP under a name.
#[derive(Clone, Debug, PartialEq)]
pub struct ZenProfile {
    tag: ProfileTag,
    rules: ZenRules,
}

impl ZenProfile {
    /// Returns the default profile, `change`: changes of the price, and a divergence from zenV 2 with zenP below 0.5.
    #[must_use]
    pub fn change() -> Self {
        let price = PriceMeasure::Change;
        Self::named("change", ZenRules { price, divergence_volume: 2.0, divergence_price: 0.5 })
    }

    /// Returns the profile `wide`: as `change`, with a zenP below 1.
    #[must_use]
    pub fn wide() -> Self {
        Self::named("wide", ZenRules { divergence_price: 1.0, ..Self::change().rules })
    }

    /// Returns the profile `level`: as `change`, with the price itself instead of its change.
    #[must_use]
    pub fn level() -> Self {
        Self::named("level", ZenRules { price: PriceMeasure::Level, ..Self::change().rules })
    }

    /// Returns a profile of one's own.
    ///
    /// # Errors
    ///
    /// [`ProfileError`] if a bound of the divergence is not between -10 and 100.
    pub fn new(name: &str, rules: ZenRules) -> Result<Self, ProfileError> {
        ProfileError::check(
            name,
            &[
                ("divergence_volume", rules.divergence_volume, -10.0, 100.0),
                ("divergence_price", rules.divergence_price, -10.0, 100.0),
            ],
        )?;
        Ok(Self::named(name, rules))
    }

    fn named(name: &str, rules: ZenRules) -> Self {
        Self { tag: ProfileTag::new(name, "zen", &rules), rules }
    }

    /// Returns the name of the profile and the hash of its rules.
    #[must_use]
    pub const fn tag(&self) -> &ProfileTag {
        &self.tag
    }

    /// Returns the rules.
    #[must_use]
    pub const fn rules(&self) -> &ZenRules {
        &self.rules
    }
}

/// The reason why a z-score is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ZenUnknown {
    /// There are fewer closed days than needed.
    TooFewDays {
        /// The number of closed days there are.
        have: usize,
    },
    /// A day has impossible figures.
    BadCandle,
    /// Every day was like the others, so that nothing can be unusual.
    Flat,
    /// The session has not begun, or nothing is usually traded so early.
    NotOpen,
    /// The volume of the day is not known: the market was not watched from the start of the session.
    VolumeUnknown,
    /// The previous close is not known.
    PreviousCloseUnknown,
    /// The feed of the market is interrupted.
    GapOpen,
}

impl fmt::Display for ZenUnknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooFewDays { have } => {
                write!(f, "{have} closed days of the {HISTORY_DAYS} that are needed")
            }
            Self::BadCandle => f.write_str("a day has impossible figures; fetch the days again"),
            Self::Flat => f.write_str("every day was like the others"),
            Self::NotOpen => f.write_str("the session has hardly begun"),
            Self::VolumeUnknown => f.write_str("the session was not watched from its start"),
            Self::PreviousCloseUnknown => f.write_str("the previous close is not known"),
            Self::GapOpen => f.write_str("the feed is interrupted"),
        }
    }
}

/// The scores zenV and zenP, in standard deviations from the usual.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ZenScore {
    /// The score of the volume, or the reason for its absence.
    pub volume: Result<f64, ZenUnknown>,
    /// The score of the price, or the reason for its absence.
    pub price: Result<f64, ZenUnknown>,
}

impl ZenScore {
    /// Returns scores that are both unknown, for this reason.
    #[must_use]
    pub const fn unknown(reason: ZenUnknown) -> Self {
        Self { volume: Err(reason), price: Err(reason) }
    }

    /// Returns both scores to two decimals, if both are known.
    #[must_use]
    pub fn rounded(&self) -> Option<(f64, f64)> {
        Some((rounded(self.volume.ok()?, 2), rounded(self.price.ok()?, 2)))
    }

    /// Returns zenV less zenP, if both are known: the higher, the more volume moved the price the less.
    #[must_use]
    pub fn divergence(&self) -> Option<f64> {
        Some(self.volume.ok()? - self.price.ok()?)
    }
}

/// The mean and deviation of a figure over the closed days.
type Usual = (f64, f64);

/// The usual volume and change of a market: those of its last 19 closed days.
#[derive(Clone, Debug, PartialEq)]
pub struct ZenBaseline {
    volume: Usual,
    change: Usual,
    // Invariant: 19 closes, the last one that of the last day.
    closes: Box<[f64]>,
}

impl ZenBaseline {
    /// Returns what is usual after these closed days, oldest first. The day that will be scored must not be among them.
    ///
    /// # Errors
    ///
    /// [`ZenUnknown`] if there are fewer than 19 days or one of them is impossible.
    pub fn new(days: &[Candle]) -> Result<Self, ZenUnknown> {
        let too_few = ZenUnknown::TooFewDays { have: days.len() };
        let from = days.len().checked_sub(HISTORY_DAYS).ok_or(too_few)?;
        let days = &days[from..];
        if !days.iter().all(Candle::is_valid) {
            return Err(ZenUnknown::BadCandle);
        }
        let volumes: Vec<f64> = days.iter().map(|day| day.volume).collect();
        let closes: Box<[f64]> = days.iter().map(|day| day.close).collect();
        let changes: Vec<f64> =
            closes.windows(2).map(|pair| change_percent(pair[0], pair[1]).abs()).collect();
        let volume = mean_and_deviation(&volumes).ok_or(too_few)?;
        let change = mean_and_deviation(&changes).ok_or(too_few)?;
        Ok(Self { volume, change, closes })
    }

    /// Returns the close of the last closed day.
    #[must_use]
    pub fn last_close(&self) -> f64 {
        self.closes.last().copied().unwrap_or(f64::NAN)
    }

    /// Returns the mean volume of a day.
    #[must_use]
    pub const fn mean_volume(&self) -> f64 {
        self.volume.0
    }

    /// Scores a whole day: the one after the last day of the baseline.
    #[must_use]
    pub fn day(&self, today: &Candle, measure: PriceMeasure) -> ZenScore {
        if !today.is_valid() {
            return ZenScore::unknown(ZenUnknown::BadCandle);
        }
        let (mean, deviation) = self.volume;
        let volume =
            if deviation > 0.0 { Ok((today.volume - mean) / deviation) } else { Err(ZenUnknown::Flat) };
        ZenScore { volume, price: self.price(today.close, self.last_close(), measure) }
    }

    /// Scores the day so far: `volume` was traded while the share `elapsed` of a usual day's volume is traded.
    ///
    /// The usual volume grows with `elapsed`, its deviation with the square root of it. Without a time-of-day profile,
    /// `elapsed` is the share of the session's time.
    #[must_use]
    pub fn day_so_far(
        &self,
        volume: f64,
        price: f64,
        previous_close: f64,
        elapsed: f64,
        measure: PriceMeasure,
    ) -> ZenScore {
        let (mean, deviation) = self.volume;
        let volume = if elapsed.is_nan() || elapsed <= 0.0 {
            Err(ZenUnknown::NotOpen)
        } else if deviation <= 0.0 {
            Err(ZenUnknown::Flat)
        } else {
            let elapsed = elapsed.min(1.0);
            Ok((volume - mean * elapsed) / (deviation * elapsed.sqrt()))
        };
        ZenScore { volume, price: self.price(price, previous_close, measure) }
    }

    fn price(&self, price: f64, previous_close: f64, measure: PriceMeasure) -> Result<f64, ZenUnknown> {
        let (value, (mean, deviation)) = match measure {
            PriceMeasure::Change => (change_percent(previous_close, price).abs(), self.change),
            PriceMeasure::Level => (price, self.level(price)),
        };
        if deviation > 0.0 { Ok((value - mean) / deviation) } else { Err(ZenUnknown::Flat) }
    }

    /// The mean and deviation of the closes with `price` as the twentieth.
    fn level(&self, price: f64) -> Usual {
        let count = (self.closes.len() + 1) as f64;
        let mean = (self.closes.iter().sum::<f64>() + price) / count;
        let square = |value: f64| (value - mean) * (value - mean);
        let squares: f64 = self.closes.iter().map(|close| square(*close)).sum::<f64>() + square(price);
        (mean, (squares / count).sqrt())
    }
}

fn change_percent(from: f64, to: f64) -> f64 {
    (to / from - 1.0) * 100.0
}
