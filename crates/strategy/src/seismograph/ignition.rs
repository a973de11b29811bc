//! The ignition score: whether a move is starting now.

use super::config_hash::ProfileTag;
use super::ignition_rules::{BurstSource, IgnitionCurve, IgnitionRules, TickBaseline};
use super::minute_bars::MinuteBars;
use super::profile_error::ProfileError;
use super::score_part::{PartReason, ScorePart};
use super::statistics::unit;
use super::tick_window::TickWindow;

/// The points of the four parts: tick velocity, volume burst, price break, buy pressure.
const POINTS: [f64; 4] = [35.0, 30.0, 20.0, 15.0];

/// The four parts of an ignition score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IgnitionParts {
    /// The trades of the last 10 seconds against the usual; 35 points.
    pub tick_velocity: ScorePart,
    /// The volume of a minute against the five before it; 30 points.
    pub volume_burst: ScorePart,
    /// The price against the box of the last minutes, as a fraction above it; 20 points.
    pub price_break: ScorePart,
    /// The volume that was bought against what was sold, in the last 60 seconds; 15 points.
    pub buy_pressure: ScorePart,
}

impl IgnitionParts {
    /// Returns the parts with their names and the points of each.
    #[must_use]
    pub const fn named(&self) -> [(&'static str, f64, ScorePart); 4] {
        [
            ("tick_velocity", POINTS[0], self.tick_velocity),
            ("volume_burst", POINTS[1], self.volume_burst),
            ("price_break", POINTS[2], self.price_break),
            ("buy_pressure", POINTS[3], self.buy_pressure),
        ]
    }
}

/// The ignition score of a market.
#[derive(Clone, Debug, PartialEq)]
pub struct IgnitionScore {
    /// The points of the known parts, from 0 to 100: the least that the whole score can be.
    pub score: f64,
    /// The four parts.
    pub parts: IgnitionParts,
    /// `true` if the score has reached the threshold of the profile.
    pub is_ignited: bool,
    /// The profile by which the score was computed.
    pub profile: ProfileTag,
}

impl IgnitionScore {
    /// Returns whether all parts are known.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.parts.named().iter().all(|(_, _, part)| part.intensity.is_some())
    }
}

/// Rules of the ignition score under a name.
#[derive(Clone, Debug, PartialEq)]
pub struct IgnitionProfile {
    tag: ProfileTag,
    rules: IgnitionRules,
}

impl IgnitionProfile {
    /// Returns the default profile, `ramps`: every part grows linearly, and the baseline leaves the current window out.
    #[must_use]
    pub fn ramps() -> Self {
        Self::named(
            "ramps",
            IgnitionRules {
                curve: IgnitionCurve::Ramps,
                baseline: TickBaseline::Before,
                burst: BurstSource::ClosedOrForming,
                needs_whole_window: true,
                threshold: 70.0,
                tick_multiple: 8.0,
                volume_multiple: 6.0,
                break_percent: 0.5,
                buy_ratio: 1.8,
                min_ticks: 10,
                box_bars: 30,
                min_bars: 5,
            },
        )
    }

    /// Returns the profile `steps`: as `ramps`, in steps of one half.
    #[must_use]
    pub fn steps() -> Self {
        Self::named("steps", IgnitionRules { curve: IgnitionCurve::Steps, ..Self::ramps().rules })
    }

    /// Returns the profile `legacy`, which scores as the first version did: in steps, closed minutes only, and a baseline
    /// that includes the current window. It cannot exceed 82.5.
    #[must_use]
    pub fn legacy() -> Self {
        Self::named(
            "legacy",
            IgnitionRules {
                curve: IgnitionCurve::Steps,
                baseline: TickBaseline::Including,
                burst: BurstSource::Closed,
                needs_whole_window: false,
                ..Self::ramps().rules
            },
        )
    }

    /// Returns a profile of one's own.
    ///
    /// # Errors
    ///
    /// [`ProfileError`] if a rule lies outside its range.
    pub fn new(name: &str, rules: IgnitionRules) -> Result<Self, ProfileError> {
        ProfileError::check(
            name,
            &[
                ("threshold", rules.threshold, 50.0, 90.0),
                ("tick_multiple", rules.tick_multiple, 4.0, 15.0),
                ("volume_multiple", rules.volume_multiple, 3.0, 12.0),
                ("break_percent", rules.break_percent, 0.3, 1.0),
                ("buy_ratio", rules.buy_ratio, 1.5, 2.5),
                ("min_ticks", rules.min_ticks as f64, 1.0, 1_000.0),
                ("box_bars", rules.box_bars as f64, 5.0, 64.0),
                ("min_bars", rules.min_bars as f64, 2.0, 64.0),
            ],
        )?;
        Ok(Self::named(name, rules))
    }

    fn named(name: &str, rules: IgnitionRules) -> Self {
        Self { tag: ProfileTag::new(name, "ignition", &rules), rules }
    }

    /// Returns the name of the profile and the hash of its rules.
    #[must_use]
    pub const fn tag(&self) -> &ProfileTag {
        &self.tag
    }

    /// Returns the rules.
    #[must_use]
    pub const fn rules(&self) -> &IgnitionRules {
        &self.rules
    }

    /// Scores a market at `price`, from its trades of a minute and its last minutes.
    #[must_use]
    pub fn score(&self, ticks: &TickWindow, minutes: &MinuteBars, price: f64) -> IgnitionScore {
        self.total(IgnitionParts {
            tick_velocity: self.tick_velocity(ticks),
            volume_burst: self.volume_burst(minutes),
            price_break: self.price_break(minutes, price),
            buy_pressure: self.buy_pressure(ticks),
        })
    }

    /// Returns a score of which nothing is known, for this reason.
    #[must_use]
    pub fn unknown(&self, reason: PartReason) -> IgnitionScore {
        let part = ScorePart::unknown(reason);
        let (tick_velocity, volume_burst, price_break, buy_pressure) = (part, part, part, part);
        self.total(IgnitionParts { tick_velocity, volume_burst, price_break, buy_pressure })
    }

    fn total(&self, parts: IgnitionParts) -> IgnitionScore {
        let score: f64 = parts.named().iter().map(|(_, points, part)| points * part.counted()).sum();
        let score = score.clamp(0.0, 100.0);
        IgnitionScore { score, parts, is_ignited: score >= self.rules.threshold, profile: self.tag.clone() }
    }

    /// The intensity of a measure that begins to count at `from` and counts fully at `full`.
    fn curve(&self, measure: f64, from: f64, full: f64) -> f64 {
        match self.rules.curve {
            IgnitionCurve::Ramps => unit((measure - from) / (full - from)),
            IgnitionCurve::Steps if measure > full => 1.0,
            IgnitionCurve::Steps if measure > from => 0.5,
            IgnitionCurve::Steps => 0.0,
        }
    }

    fn is_warming(&self, ticks: &TickWindow) -> bool {
        self.rules.needs_whole_window && !ticks.is_covered()
    }

    fn tick_velocity(&self, ticks: &TickWindow) -> ScorePart {
        let (have, need) = (ticks.ticks(), self.rules.min_ticks);
        if self.is_warming(ticks) {
            return ScorePart::unknown(PartReason::Warming);
        }
        if have < need {
            return ScorePart::zero(None, PartReason::TooFewTicks { have, need });
        }
        let recent = ticks.recent_ticks() as f64;
        let usual = match self.rules.baseline {
            TickBaseline::Before => ((have - ticks.recent_ticks()) as f64 / 5.0).max(1.0),
            TickBaseline::Including => have as f64 / 6.0,
        };
        let ratio = recent / usual;
        ScorePart::measured(
            self.curve(ratio, self.rules.tick_multiple / 2.0, self.rules.tick_multiple),
            ratio,
        )
    }

    fn volume_burst(&self, minutes: &MinuteBars) -> ScorePart {
        if let Some(part) = self.too_few(minutes) {
            return part;
        }
        let forming = match self.rules.burst {
            BurstSource::ClosedOrForming => minutes.forming_burst(),
            BurstSource::Closed => None,
        };
        let ratio = match (minutes.closed_burst(), forming) {
            (Some(closed), Some(forming)) => closed.max(forming),
            (Some(ratio), None) | (None, Some(ratio)) => ratio,
            (None, None) => return ScorePart::zero(None, PartReason::Flat),
        };
        ScorePart::measured(
            self.curve(ratio, self.rules.volume_multiple / 2.0, self.rules.volume_multiple),
            ratio,
        )
    }

    fn price_break(&self, minutes: &MinuteBars, price: f64) -> ScorePart {
        if let Some(part) = self.too_few(minutes) {
            return part;
        }
        let Some(range) = minutes.price_box().filter(|range| range.high > 0.0) else {
            return ScorePart::zero(None, PartReason::Flat);
        };
        let above = price / range.high - 1.0;
        ScorePart::measured(self.curve(above, 0.0, self.rules.break_percent / 100.0), above)
    }

    fn too_few(&self, minutes: &MinuteBars) -> Option<ScorePart> {
        let (have, need) = (minutes.len(), self.rules.min_bars);
        (have < need).then(|| ScorePart::unknown(PartReason::TooFewBars { have, need }))
    }

    fn buy_pressure(&self, ticks: &TickWindow) -> ScorePart {
        let (bought, sold) = (ticks.bought(), ticks.sold());
        if self.is_warming(ticks) {
            return ScorePart::unknown(PartReason::Warming);
        }
        if bought <= 0.0 && sold <= 0.0 && ticks.ticks() > 0 {
            return ScorePart::unknown(PartReason::UnknownSides);
        }
        if bought <= 0.0 {
            return ScorePart::zero(None, PartReason::Absent);
        }
        if sold <= 0.0 {
            return ScorePart { intensity: Some(1.0), measure: None, reason: PartReason::Measured };
        }
        let ratio = bought / sold;
        ScorePart::measured(self.curve(ratio, self.rules.buy_ratio / 2.0, self.rules.buy_ratio), ratio)
    }
}
