//! The rules of the detector that are not part of a pattern's shape.

use serde::{Deserialize, Serialize};

use crate::seismograph::{ProfileError, ProfileTag};

/// The rules of a detector.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PatternRules {
    /// The seconds of event time for which a pattern of candles is not reported again.
    pub candle_cooldown_secs: f64,
    /// The seconds of event time for which a pattern of trades is not reported again.
    pub tick_cooldown_secs: f64,
    /// The mean size of trades, in the base currency, above which a larger one is a surge.
    pub surge_min_mean: f64,
    /// The multiple of the mean size that is a surge.
    pub surge_multiple: f64,
    /// The fraction of the price that is a gap.
    pub gap_fraction: f64,
}

/// Patterns of candles each time, patterns of trades once a minute; a surge is three times a mean above 100, a gap is 2 %.
impl Default for PatternRules {
    fn default() -> Self {
        Self {
            candle_cooldown_secs: 0.0,
            tick_cooldown_secs: 60.0,
            surge_min_mean: 100.0,
            surge_multiple: 3.0,
            gap_fraction: 0.02,
        }
    }
}

impl PatternRules {
    /// Checks that each rule lies in its range.
    ///
    /// # Errors
    ///
    /// [`ProfileError`] naming the rule that does not.
    pub fn validate(&self) -> Result<(), ProfileError> {
        ProfileError::check(
            "pattern",
            &[
                ("candle_cooldown_secs", self.candle_cooldown_secs, 0.0, 1e7),
                ("tick_cooldown_secs", self.tick_cooldown_secs, 0.0, 1e7),
                ("surge_min_mean", self.surge_min_mean, 0.0, 1e18),
                ("surge_multiple", self.surge_multiple, 1.0, 1e6),
                ("gap_fraction", self.gap_fraction, 1e-6, 1.0),
            ],
        )
    }

    /// Returns the name `pattern` and the hash of the rules.
    #[must_use]
    pub fn tag(&self) -> ProfileTag {
        ProfileTag::new("pattern", "pattern", self)
    }
}
