//! The estimated cost of an answer, known before anything is fetched.

use std::time::Duration;

use market_backbone_coordinator::PagePlan;
use market_backbone_core::{CandleQuery, RateLimitGroup, Series, StreamKind};

use crate::venues::typical_density;
use crate::{Backbone, Error};

/// The estimated cost of an answer. It follows from the stored coverage, the venue's page size and its
/// remaining rate limit, without a request.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Plan {
    /// The series of the candles.
    pub series: Series,
    /// The amount that is known already: slots of a range, candles of a count.
    pub known_slots: u64,
    /// The amount that is not known: slots of a range, candles of a count.
    pub unknown_slots: u64,
    /// The number of pages to be fetched.
    pub pages: u64,
    /// The fewest requests it can take.
    pub at_least: u64,
    /// The most requests it can take unless some have to be repeated: one more than the pages where the forming
    /// candle is fetched separately and the socket is too slow to send it.
    pub at_most: u64,
    /// `true` if the number of pages is certain, because every slot is known to have a candle. Otherwise full
    /// density is assumed as long as nothing is known about the series, and the known density afterwards.
    pub exact: bool,
    /// The number of requests in each rate limit group.
    pub requests: Vec<(RateLimitGroup, u64)>,
    /// The time the fetch will take, if nobody else sends requests meanwhile: the venue's rate limit, and the
    /// round trips.
    pub eta: Duration,
    /// The assumed duration of a round trip.
    pub round_trip: Duration,
    /// `true` if the round trip has been measured lately; otherwise it is an assumption.
    pub round_trip_measured: bool,
}

impl Plan {
    /// Returns the share of the answer that is known already, from 0 to 1.
    #[must_use]
    pub fn known_share(&self) -> f64 {
        match self.known_slots + self.unknown_slots {
            0 => 1.0,
            all => self.known_slots as f64 / all as f64,
        }
    }
}

impl Backbone {
    pub(crate) async fn plan(&self, query: &CandleQuery) -> Result<Plan, Error> {
        let survey = self.survey(query).await?;
        let usual = || typical_density(self.grid(), query.series.timeframe);
        let density = survey.density.or_else(usual);
        let pages = survey.queries.iter().map(|question| self.page_plan(question, density));
        let pages = pages.fold(PagePlan::nothing(), PagePlan::and);
        let streams = self.streams(StreamKind::Candle(query.series.timeframe));
        let forming = u64::from(pages.forming_apart);
        let requests = pages.pages + if streams { 0 } else { forming };
        let (group, estimate) = self.candles_eta(&query.series, requests, query.priority)?;
        // Consecutive round trips count only where the wait for the rate limit does not hide them.
        let chain = pages.sequential_time(estimate.round_trip);
        let eta = (estimate.takes + chain.min(estimate.round_trip)).max(chain + estimate.round_trip);
        Ok(Plan {
            series: query.series.clone(),
            known_slots: survey.known,
            unknown_slots: survey.wanted.saturating_sub(survey.known),
            pages: pages.pages,
            at_least: pages.at_least,
            at_most: pages.at_most + forming,
            exact: pages.exact,
            requests: if requests == 0 { Vec::new() } else { vec![(group, requests)] },
            eta: if requests == 0 { Duration::ZERO } else { eta },
            round_trip: estimate.round_trip,
            round_trip_measured: estimate.measured,
        })
    }
}
