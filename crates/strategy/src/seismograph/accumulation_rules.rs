//! The rules of the accumulation scores.

use serde::{Deserialize, Serialize};

use super::daily_signals::AccumulationParts;
use super::pinpoint_signals::PinpointRules;
use super::stage::{StageRule, TradeableRule};

/// The weights of the four signals, which add up to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccumulationWeights {
    /// The weight of the tight range.
    pub tight_range: f64,
    /// The weight of OBV divergence or absorption.
    pub absorption: f64,
    /// The weight of the accumulation bars.
    pub accumulation_bar: f64,
    /// The weight of the dry-out.
    pub dry_out: f64,
}

/// The weights of V2, which has one version only.
pub(super) const CLASSIC: AccumulationWeights =
    AccumulationWeights { tight_range: 0.30, absorption: 0.35, accumulation_bar: 0.25, dry_out: 0.10 };

impl AccumulationWeights {
    pub(super) fn points(&self, parts: &AccumulationParts) -> f64 {
        100.0
            * (self.tight_range * parts.tight_range.counted()
                + self.absorption * parts.absorption.counted()
                + self.accumulation_bar * parts.accumulation_bar.counted()
                + self.dry_out * parts.dry_out.counted())
    }
}

/// The points that V3 adds where its signals agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HarmonyRule {
    /// Twenty times what the weakest signal has above 0.6: 8 points at most.
    Weakest,
    /// 10 points for a tight range above 0.6 with an absorption above 0.5, and 5 for three signals above 0.5.
    Pairs,
}

/// The factor by which V3 corrects signals that say the same twice or contradict each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RedundancyRule {
    /// 0.7 for a tight range of 0.6 or more with an absorption of 0.4 or less.
    TightWithoutFlow,
    /// 0.5 for a tight range above 0.7 with absorption and accumulation bars below 0.3.
    TightAlone,
}

/// The rules of the accumulation scores.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccumulationRules {
    /// The weights of V3.
    pub weights: AccumulationWeights,
    /// The points for signals that agree.
    pub harmony: HarmonyRule,
    /// The factor for signals that repeat or contradict each other.
    pub redundancy: RedundancyRule,
    /// The rules by which the signals of V3 are read.
    pub signals: PinpointRules,
    /// The rule of the stages.
    pub stage: StageRule,
    /// The rule that says what may be traded.
    pub tradeable: TradeableRule,
    /// The mean true range of twenty days, as a fraction of the price, below which a market counts as pinned (to an
    /// offer, to another currency): its tight range is no accumulation, and it may not be traded.
    pub pinned_below: f64,
}
