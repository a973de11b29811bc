//! A market that the filter has admitted.

use std::time::Duration;

use market_backbone_core::Timestamp;

use super::rules::WatchRank;
use super::universe_filter::{MarketFacts, MarketSource};
use crate::seismograph::MarketReading;

/// What is remembered of one market.
#[derive(Clone, Debug)]
pub(super) struct ScanCandidate {
    pub(super) facts: MarketFacts,
    pub(super) source: MarketSource,
    pub(super) discovered_at: Timestamp,
    /// Whether the filter admits it. A market that it admits no more stays while it is a member of a tier.
    pub(super) is_admitted: bool,
    pub(super) watched_since: Option<Timestamp>,
    pub(super) ignition_since: Option<Timestamp>,
    pub(super) hot_since: Option<Timestamp>,
    /// Since when nothing speaks for the market's place in the Hot Zone.
    pub(super) cool_since: Option<Timestamp>,
    pub(super) rank: f64,
    pub(super) reading: Option<MarketReading>,
}

impl ScanCandidate {
    pub(super) const fn new(facts: MarketFacts, source: MarketSource, now: Timestamp) -> Self {
        Self {
            facts,
            source,
            discovered_at: now,
            is_admitted: true,
            watched_since: None,
            ignition_since: None,
            hot_since: None,
            cool_since: None,
            rank: 0.0,
            reading: None,
        }
    }

    pub(super) const fn is_gainer(&self) -> bool {
        matches!(self.source, MarketSource::RealtimeGainer)
    }

    /// The accumulation score V3, if there is one.
    pub(super) fn score(&self) -> Option<f64> {
        self.reading.as_ref()?.accumulation.as_ref()?.v3
    }

    /// The figure by which the watchlist ranks this market, if it is known. A gainer counts without a score.
    pub(super) fn watch_value(&self, rank: WatchRank) -> Option<f64> {
        let score = self.score().or(self.is_gainer().then_some(0.0))?;
        match rank {
            WatchRank::Score => Some(score),
            WatchRank::ScoreAndChange => {
                let change = self.reading.as_ref().and_then(|reading| reading.change_percent);
                let change = change.or(self.facts.change_percent)?;
                Some(0.5 * score + 0.5 * change)
            }
        }
    }

    pub(super) fn may_ignite(&self) -> bool {
        self.is_gainer() || self.reading.as_ref().is_some_and(MarketReading::can_trade)
    }
}

/// Whether a membership that began at `since` still has to last at `now`.
pub(super) fn is_held(since: Timestamp, now: Timestamp, secs: f64) -> bool {
    now.since(since) < seconds(secs)
}

pub(super) fn seconds(secs: f64) -> Duration {
    Duration::try_from_secs_f64(secs).unwrap_or_default()
}
