//! The accumulation scores V1, V2 and V3 of a market, from its daily candles.

use market_backbone_core::Candle;

use super::accumulation_rules::{
    AccumulationRules, AccumulationWeights, CLASSIC, HarmonyRule, RedundancyRule,
};
use super::config_hash::ProfileTag;
use super::daily_signals::{AccumulationParts, FEWEST, WINDOW, classic_signals, true_ranges};
use super::pinpoint_signals::{CloseLocation, PinpointRules, QuietDayRule, RANKED_RANGES, pinpoint_signals};
use super::profile_error::ProfileError;
use super::score_part::PartReason;
use super::stage::{Stage, StageRule, TradeableRule};
use super::statistics::{mean, rounded};

/// The number of daily candles with which every part of every score is as good as it gets.
pub const DAILY_BARS_NEEDED: usize = RANKED_RANGES + 1;

/// The accumulation scores of a market.
#[derive(Clone, Debug, PartialEq)]
pub struct AccumulationScore {
    /// The score V1 from 0 to 100, or `None` with fewer than five days.
    pub v1: Option<f64>,
    /// The score V2 from 0 to 100, to one decimal, or `None` with fewer than five days. Unknown parts count nothing.
    pub v2: Option<f64>,
    /// The score V3 from 0 to 100, or `None` with fewer than five days. Unknown parts count nothing.
    pub v3: Option<f64>,
    /// The signals of V1 and V2.
    pub classic: AccumulationParts,
    /// The signals of V3.
    pub pinpoint: AccumulationParts,
    /// The points that V3 added because its signals agree.
    pub harmony: f64,
    /// The factor by which V3 was corrected.
    pub redundancy: f64,
    /// The stage of the accumulation.
    pub stage: Stage,
    /// `true` if the market hardly moves at all.
    pub is_pinned: bool,
    /// `true` if the market may be traded.
    pub can_trade: bool,
    /// The profile by which the scores were computed.
    pub profile: ProfileTag,
}

impl AccumulationScore {
    /// Returns whether no part of V3 is unknown.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.pinpoint.is_complete()
    }

    /// Returns the four signals of V2 as a display shows them: on if above 0.3.
    #[must_use]
    pub fn shown_signals(&self) -> [bool; 4] {
        self.classic.named().map(|(_, part)| part.is_above(0.3))
    }
}

/// Rules of the accumulation scores under a name.
#[derive(Clone, Debug, PartialEq)]
pub struct AccumulationProfile {
    tag: ProfileTag,
    rules: AccumulationRules,
}

impl AccumulationProfile {
    /// Returns the default profile, `pinpoint`: the version of the configuration file.
    #[must_use]
    pub fn pinpoint() -> Self {
        Self::named(
            "pinpoint",
            AccumulationRules {
                weights: AccumulationWeights {
                    tight_range: 0.30,
                    absorption: 0.35,
                    accumulation_bar: 0.20,
                    dry_out: 0.15,
                },
                harmony: HarmonyRule::Weakest,
                redundancy: RedundancyRule::TightWithoutFlow,
                signals: PinpointRules {
                    range_samples: 10,
                    quiet_days: QuietDayRule::FourTraits,
                    close_location: CloseLocation::LastCandle,
                },
                stage: StageRule::LatestSignal,
                tradeable: TradeableRule::LastStageOrScore,
                pinned_below: 0.003,
            },
        )
    }

    /// Returns the profile `refactored`: the version that replaced it under the same name.
    #[must_use]
    pub fn refactored() -> Self {
        Self::named(
            "refactored",
            AccumulationRules {
                weights: AccumulationWeights {
                    tight_range: 0.35,
                    absorption: 0.30,
                    accumulation_bar: 0.20,
                    dry_out: 0.15,
                },
                harmony: HarmonyRule::Pairs,
                redundancy: RedundancyRule::TightAlone,
                signals: PinpointRules {
                    range_samples: 20,
                    quiet_days: QuietDayRule::TwoTraits,
                    close_location: CloseLocation::TwentyDays,
                },
                stage: StageRule::ThreeStages,
                tradeable: TradeableRule::LastStageOrScore,
                pinned_below: 0.003,
            },
        )
    }

    /// Returns a profile of one's own.
    ///
    /// # Errors
    ///
    /// [`ProfileError`] if a weight is not between 0 and 1, if the weights do not add up to 1, or if the pinned range is
    /// not a fraction.
    pub fn new(name: &str, rules: AccumulationRules) -> Result<Self, ProfileError> {
        let AccumulationWeights { tight_range, absorption, accumulation_bar, dry_out } = rules.weights;
        ProfileError::check(
            name,
            &[
                ("weights.tight_range", tight_range, 0.0, 1.0),
                ("weights.absorption", absorption, 0.0, 1.0),
                ("weights.accumulation_bar", accumulation_bar, 0.0, 1.0),
                ("weights.dry_out", dry_out, 0.0, 1.0),
                (
                    "sum of weights",
                    rounded(tight_range + absorption + accumulation_bar + dry_out, 9),
                    1.0,
                    1.0,
                ),
                ("pinned_below", rules.pinned_below, 0.0, 1.0),
            ],
        )?;
        Ok(Self::named(name, rules))
    }

    fn named(name: &str, rules: AccumulationRules) -> Self {
        Self { tag: ProfileTag::new(name, "accumulation", &rules), rules }
    }

    /// Returns the name of the profile and the hash of its rules.
    #[must_use]
    pub const fn tag(&self) -> &ProfileTag {
        &self.tag
    }

    /// Returns the rules.
    #[must_use]
    pub const fn rules(&self) -> &AccumulationRules {
        &self.rules
    }

    /// Scores a market from its closed daily candles, oldest first; [`DAILY_BARS_NEEDED`] of them are enough.
    ///
    /// `float_shares` is the number of shares in free float, where it is known. A candle with impossible figures makes all
    /// scores unknown.
    #[must_use]
    pub fn score(&self, days: &[Candle], float_shares: Option<f64>) -> AccumulationScore {
        let days = &days[days.len().saturating_sub(DAILY_BARS_NEEDED)..];
        let is_sound = days.iter().all(Candle::is_valid);
        let has_enough = is_sound && days.len() >= FEWEST;
        let bad = || AccumulationParts::unknown(PartReason::BadCandle);
        let classic = if is_sound { classic_signals(days) } else { bad() };
        let float_shares = float_shares.unwrap_or(10_000_000.0);
        let pinpoint =
            if is_sound { pinpoint_signals(days, &self.rules.signals, float_shares) } else { bad() };
        let (harmony, redundancy) = (self.harmony(&pinpoint), self.redundancy(&pinpoint));
        let ladder = ladder(&classic);
        let v3 = ((self.rules.weights.points(&pinpoint) + harmony) * redundancy).clamp(0.0, 100.0);
        let v3 = has_enough.then_some(v3);
        let stage = self.rules.stage.stage(&classic, ladder);
        let is_pinned = is_sound && is_pinned(days, self.rules.pinned_below);
        AccumulationScore {
            v1: has_enough.then_some(ladder),
            v2: has_enough.then(|| rounded(CLASSIC.points(&classic), 1)),
            v3,
            classic,
            pinpoint,
            harmony,
            redundancy,
            stage,
            is_pinned,
            can_trade: has_enough && !is_pinned && self.rules.tradeable.is_met(stage, v3),
            profile: self.tag.clone(),
        }
    }

    fn harmony(&self, parts: &AccumulationParts) -> f64 {
        let intensities = parts.named().map(|(_, part)| part.counted());
        match self.rules.harmony {
            HarmonyRule::Weakest => {
                let weakest = intensities.into_iter().fold(1.0, f64::min);
                if weakest >= 0.6 { 20.0 * (weakest - 0.6) } else { 0.0 }
            }
            HarmonyRule::Pairs => {
                let pair = parts.tight_range.is_above(0.6) && parts.absorption.is_above(0.5);
                let strong = intensities.iter().filter(|intensity| **intensity > 0.5).count();
                (if pair { 10.0 } else { 0.0 }) + (if strong >= 3 { 5.0 } else { 0.0 })
            }
        }
    }

    fn redundancy(&self, parts: &AccumulationParts) -> f64 {
        let [tight, flow, bars, _] = parts.named().map(|(_, part)| part.counted());
        match self.rules.redundancy {
            RedundancyRule::TightWithoutFlow if tight >= 0.6 && flow <= 0.4 => 0.7,
            RedundancyRule::TightAlone if tight > 0.7 && flow < 0.3 && bars < 0.3 => 0.5,
            RedundancyRule::TightWithoutFlow | RedundancyRule::TightAlone => 1.0,
        }
    }
}

/// The score V1: the first rung that fits.
fn ladder(signals: &AccumulationParts) -> f64 {
    let [tight, flow, bar, dry] = signals.named().map(|(_, part)| part.is_above(0.5));
    match (tight, flow, bar, dry) {
        (true, true, _, _) => 100.0,
        (true, false, _, _) => 80.0,
        (false, true, true, _) => 70.0,
        (false, false, true, _) => 50.0,
        (false, true, false, _) => 30.0,
        (false, false, false, true) => 10.0,
        (false, false, false, false) => 0.0,
    }
}

/// Returns whether the price hardly moves: the mean true range of twenty days is below `fraction` of it.
fn is_pinned(days: &[Candle], fraction: f64) -> bool {
    let days = &days[days.len().saturating_sub(WINDOW)..];
    match (mean(&true_ranges(days)), days.last()) {
        (Some(range), Some(day)) if days.len() >= FEWEST => range / day.close < fraction,
        _ => false,
    }
}
