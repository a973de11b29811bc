//! What an answer would cost, said before anything is fetched.

use std::time::Duration;

use market_backbone_coordinator::PagePlan;
use market_backbone_core::{CandleQuery, RateLimitGroup, Series, StreamKind};

use crate::{Backbone, Error};

/// What an answer would cost: worked out from the ledger, the venue's page size and what its limit leaves, without a
/// request.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Plan {
    /// Of which series.
    pub series: Series,
    /// How much is known already: slots of a range, candles of a count.
    pub known_slots: u64,
    /// How much is not.
    pub unknown_slots: u64,
    /// Pages that will be asked for it.
    pub pages: u64,
    /// Requests it cannot be done without.
    pub at_least: u64,
    /// Requests it will not exceed unless some have to be repeated: one more than the pages where the candle in
    /// progress comes by itself and the socket is too slow to bring it.
    pub at_most: u64,
    /// Whether the number of pages is certain. It is where every slot is known to have a candle; else full density
    /// is assumed as long as nothing is known of the series, and afterwards the density of what is known.
    pub exact: bool,
    /// Requests by what the venue counts together.
    pub requests: Vec<(RateLimitGroup, u64)>,
    /// How long the fetch will take, if nobody else asks meanwhile: what the venue's limit allows, and the round trips.
    pub eta: Duration,
    /// What a round trip is taken to last.
    pub round_trip: Duration,
    /// Whether the round trip has been measured lately; if not it is an assumption.
    pub round_trip_measured: bool,
}

impl Plan {
    /// The share of the answer that is known already, from 0 to 1.
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
        let usual = || self.stack().trading_hours().density(query.series.timeframe);
        let density = survey.density.or_else(usual);
        let pages = survey.queries.iter().map(|question| self.page_plan(question, density));
        let pages = pages.fold(PagePlan::nothing(), PagePlan::and);
        let streams = self.streams(StreamKind::Candle(query.series.timeframe));
        let forming = u64::from(pages.forming_apart);
        let requests = pages.pages + if streams { 0 } else { forming };
        let (group, estimate) = self.candles_eta(&query.series, requests, query.priority)?;
        // Round trips that follow one another count where they are not hidden behind the wait for the limit.
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
