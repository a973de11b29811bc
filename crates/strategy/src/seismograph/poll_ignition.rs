//! The ignition score of a market of which only tickers are polled.

use market_backbone_core::Timestamp;

use super::config_hash::ProfileTag;
use super::stage::Stage;

/// The name of the profile.
pub const POLL_PROFILE: &str = "poll";

/// The least change of the price, as a fraction, for which a market is scored again.
const LEAST_MOVE: f64 = 0.001;
/// The least change of the score that is published whatever the score.
const PUBLISHED_CHANGE: f64 = 5.0;
/// The score from which every change is published.
const PUBLISHED_SCORE: f64 = 50.0;

/// The figures of a market that a poll shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PollObservation {
    /// The time of the observation, by the venue's clock.
    pub time: Timestamp,
    /// The latest price.
    pub price: f64,
    /// The change against the previous close, in percent.
    pub change_percent: f64,
    /// The volume of the day as a multiple of the usual volume of a day, where it is known.
    pub volume_ratio: Option<f64>,
    /// The stage of the market's accumulation.
    pub stage: Stage,
}

/// The ignition score from a poll.
#[derive(Clone, Debug, PartialEq)]
pub struct PollScore {
    /// The time of the observation.
    pub time: Timestamp,
    /// The score from 0 to 100.
    pub score: f64,
    /// The points for the change of the price: 14 for each percent.
    pub change_points: f64,
    /// The points for the stage: 20 for the last one, 10 for the one before it.
    pub stage_points: f64,
    /// The points for the volume: 15, 10 or 5 from 3, 2 or 1.5 times the usual; `None` if it is not known.
    pub volume_points: Option<f64>,
    /// The profile `poll`.
    pub profile: ProfileTag,
}

/// Scores one market from polls, and says when a score is worth publishing.
#[derive(Clone, Debug)]
pub struct PollIgnition {
    tag: ProfileTag,
    last_price: Option<f64>,
    published: Option<f64>,
}

impl Default for PollIgnition {
    fn default() -> Self {
        let tag = ProfileTag::new(POLL_PROFILE, "poll", &(LEAST_MOVE, PUBLISHED_CHANGE, PUBLISHED_SCORE));
        Self { tag, last_price: None, published: None }
    }
}

impl PollIgnition {
    /// Returns a market that has not been polled yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Scores an observation. Observations need not differ.
    #[must_use]
    pub fn score(&self, seen: &PollObservation) -> PollScore {
        let change_points = seen.change_percent.max(0.0) * 14.0;
        let stage_points = match seen.stage {
            Stage::TightRange => 20.0,
            Stage::AccumulationBar => 10.0,
            Stage::None | Stage::DryOut | Stage::Divergence => 0.0,
        };
        let volume_points = seen.volume_ratio.map(|ratio| match ratio {
            ratio if ratio >= 3.0 => 15.0,
            ratio if ratio >= 2.0 => 10.0,
            ratio if ratio >= 1.5 => 5.0,
            _ => 0.0,
        });
        let total = change_points + stage_points + volume_points.unwrap_or(0.0);
        let score = total.clamp(0.0, 100.0);
        PollScore {
            time: seen.time,
            score,
            change_points,
            stage_points,
            volume_points,
            profile: self.tag.clone(),
        }
    }

    /// Takes an observation, and returns its score if it is worth publishing: the price moved by a thousandth, and the
    /// score changed by 5 points or is at least 50.
    pub fn observe(&mut self, seen: &PollObservation) -> Option<PollScore> {
        let has_moved = self.last_price.is_none_or(|last| (seen.price - last).abs() >= LEAST_MOVE * last);
        if !has_moved {
            return None;
        }
        self.last_price = Some(seen.price);
        let score = self.score(seen);
        let has_changed = self.published.is_none_or(|last| (score.score - last).abs() >= PUBLISHED_CHANGE);
        if !has_changed && score.score < PUBLISHED_SCORE {
            return None;
        }
        self.published = Some(score.score);
        Some(score)
    }
}
