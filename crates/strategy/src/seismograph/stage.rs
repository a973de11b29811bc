//! The stage of an accumulation, and whether it may be traded.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::daily_signals::AccumulationParts;

/// The stage of an accumulation, later ones greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// No sign of an accumulation.
    None,
    /// The volume has dried out.
    DryOut,
    /// Volume flows in while the price stands.
    Divergence,
    /// A candle of high volume and little movement was seen.
    AccumulationBar,
    /// The range has become tight.
    TightRange,
}

impl Stage {
    /// Returns the number of the stage, from 0 to 4.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// Returns `none`, `dry_out`, `divergence`, `accumulation_bar` or `tight_range`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::DryOut => "dry_out",
            Self::Divergence => "divergence",
            Self::AccumulationBar => "accumulation_bar",
            Self::TightRange => "tight_range",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The way in which a stage follows from the signals of V2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageRule {
    /// The latest stage whose signal is above 0.5; a dry-out counts as soon as there is one.
    LatestSignal,
    /// The rule of the refactored scorer: tight range, else divergence, else the first stage; never the third.
    ThreeStages,
    /// The rungs of the score V1: 80, 50, 30 and 10 points begin the stages 4, 3, 2 and 1.
    Ladder,
}

impl StageRule {
    pub(super) fn stage(self, signals: &AccumulationParts, ladder: f64) -> Stage {
        match self {
            Self::LatestSignal => {
                if signals.tight_range.is_above(0.5) {
                    Stage::TightRange
                } else if signals.accumulation_bar.is_above(0.5) {
                    Stage::AccumulationBar
                } else if signals.absorption.is_above(0.5) {
                    Stage::Divergence
                } else if signals.dry_out.is_above(0.0) {
                    Stage::DryOut
                } else {
                    Stage::None
                }
            }
            Self::ThreeStages if signals.tight_range.is_above(0.5) => Stage::TightRange,
            Self::ThreeStages if signals.absorption.is_above(0.5) => Stage::Divergence,
            Self::ThreeStages => Stage::DryOut,
            Self::Ladder if ladder >= 80.0 => Stage::TightRange,
            Self::Ladder if ladder >= 50.0 => Stage::AccumulationBar,
            Self::Ladder if ladder >= 30.0 => Stage::Divergence,
            Self::Ladder if ladder >= 10.0 => Stage::DryOut,
            Self::Ladder => Stage::None,
        }
    }
}

/// The way in which it follows that a market may be traded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TradeableRule {
    /// The last stage, or a score V3 above 50.
    LastStageOrScore,
    /// One of the last two stages.
    LastTwoStages,
}

impl TradeableRule {
    pub(super) fn is_met(self, stage: Stage, score: Option<f64>) -> bool {
        match self {
            Self::LastStageOrScore => stage == Stage::TightRange || score.is_some_and(|score| score > 50.0),
            Self::LastTwoStages => stage >= Stage::AccumulationBar,
        }
    }
}
