//! The divergence of volume and price, reported once when it begins and once when it ends.

use super::baseline::{ZenRules, ZenScore};

/// The beginning or the end of a divergence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DivergenceEdge {
    /// Volume has become unusual while the price has hardly moved.
    Began,
    /// It is over.
    Ended,
}

/// Watches one market for a divergence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DivergenceWatch {
    is_active: bool,
}

impl DivergenceWatch {
    /// Returns whether the market diverges.
    #[must_use]
    pub const fn is_active(self) -> bool {
        self.is_active
    }

    /// Takes the present scores, and returns what has changed. Unknown scores change nothing.
    pub fn update(&mut self, score: &ZenScore, rules: &ZenRules) -> Option<DivergenceEdge> {
        let (Ok(volume), Ok(price)) = (score.volume, score.price) else { return None };
        let is_active = volume >= rules.divergence_volume && price < rules.divergence_price;
        if std::mem::replace(&mut self.is_active, is_active) == is_active {
            return None;
        }
        Some(if is_active { DivergenceEdge::Began } else { DivergenceEdge::Ended })
    }
}

/// Returns the rank of a market: its ignition score, or ten times zenV less zenP if that is more.
#[must_use]
pub fn composite_rank(ignition: f64, zen: &ZenScore) -> f64 {
    zen.divergence().map_or(ignition, |divergence| ignition.max(10.0 * divergence))
}
