//! The backbone, the facade over all layers.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use market_backbone_coordinator::{Continuity, PagePlan};
use market_backbone_core::{
    CandleQuery, CandleSource, Grid, Instrument, LiveSource, PageSource, Priority, RateLimitGroup, Series,
    SourceError, SourceErrorKind, StreamKind, Symbol, SymbolError, Timestamp, Trade, VenueId,
};
use market_backbone_routing::{CompletionEstimate, Router};
use market_backbone_storage::{QueryEstimate, Recorder, UniverseStore};
use tokio::time::timeout;

use crate::venue_stack::{Inner, VenueStack};
use crate::{Builder, Client, Error, Metrics, suggest};

/// The longest time for finding a similar market: at a venue with many markets this takes many requests.
const SUGGEST_TIMEOUT: Duration = Duration::from_secs(5);

/// The backbone: one for a program, cheap to clone, shared by all its clients.
///
/// All clients share one store, and for each venue one socket and one budget of requests; that keeps them from
/// being banned. A backbone for several venues is set to one of them, at first the one that was named first;
/// see [`at`](Self::at).
#[derive(Clone)]
pub struct Backbone {
    inner: Arc<Inner>,
    stack: Arc<VenueStack>,
}

impl Backbone {
    /// Creates a builder. Without any setting the backbone talks to the [default venue](crate::default_venue) and keeps
    /// candles in `market-data/`.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn of(inner: Inner, venue: Arc<VenueStack>) -> Self {
        Self { inner: Arc::new(inner), stack: venue }
    }

    /// Returns the same backbone, set to another of its venues: its clients ask that one.
    ///
    /// # Errors
    ///
    /// [`Error::Venue`] if it was not built for that venue.
    pub fn at(&self, venue: VenueId) -> Result<Self, Error> {
        let stack = Arc::clone(self.inner.at(venue)?);
        Ok(Self { inner: Arc::clone(&self.inner), stack })
    }

    /// Returns the venue this backbone is set to.
    #[must_use]
    pub fn venue(&self) -> VenueId {
        self.stack.venue
    }

    /// Returns all venues it was built for.
    #[must_use]
    pub fn venues(&self) -> Vec<VenueId> {
        self.inner.venues.iter().map(|stack| stack.venue).collect()
    }

    /// Creates a client whose requests have this priority.
    #[must_use]
    pub fn client(&self, priority: Priority) -> Client {
        Client::new(self.clone(), priority)
    }

    /// Returns the calendar that cuts the candles of this venue.
    #[must_use]
    pub fn grid(&self) -> Grid {
        self.stack.router.capabilities().grid
    }

    /// Returns the earliest and the latest moment of which this venue has single trades. A feed cannot begin
    /// earlier.
    #[must_use]
    pub fn trade_history_range(&self) -> (Timestamp, Timestamp) {
        let now = self.now();
        (self.stack.router.capabilities().trades_kept_since(now), now)
    }

    /// Returns the current time by the venue's clock as far as it is known; it is this machine's until the
    /// venue has answered.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.stack.clock.now()
    }

    /// Returns the metrics of this venue's layers and of the shared store.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        Metrics {
            router: self.stack.router.metrics(),
            coordinator: self.stack.coordinator.metrics(),
            feeds: self.stack.continuity.metrics(),
            recorder: self.stack.recorder.metrics(),
            shared: self.inner.tiers.shared(),
        }
    }

    /// Rotates every live connection to this venue: a new one is opened before the old one is closed, and a
    /// feed misses nothing. Waits until that is done, and returns whether all connections were replaced.
    ///
    /// [`rotation_interval`](market_backbone_routing::SessionConfig::rotation_interval) rotates them regularly.
    pub async fn rotate(&self) -> bool {
        self.stack.router.rotate().await
    }

    /// Ends the feeds of all venues, then lets the recorders write what they have, then closes the stores. Call
    /// it before the program ends.
    pub async fn shutdown(&self) {
        self.inner.shutdown().await;
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.inner
    }

    pub(crate) fn stack(&self) -> &VenueStack {
        &self.stack
    }

    pub(crate) fn symbol(&self, code: &str) -> Result<Symbol, SymbolError> {
        Symbol::new(self.stack.venue, &self.stack.router.spelling(code))
    }

    pub(crate) fn universes(&self) -> &UniverseStore {
        &self.inner.universes
    }

    pub(crate) fn candles(&self) -> &dyn CandleSource {
        self.stack.clock_aware.as_ref()
    }

    /// Returns what is known of an answer already, in the local or the shared store.
    pub(crate) async fn survey(&self, query: &CandleQuery) -> Result<QueryEstimate, SourceError> {
        let question = self.stack.clock_aware.inner_query(query);
        let mut survey = self.stack.candles.estimate(question.as_ref().unwrap_or(query)).await?;
        let Some(behind) = &self.stack.shared_tier else { return Ok(survey) };
        for question in std::mem::take(&mut survey.queries) {
            let Ok(rest) = behind.estimate(&question).await else {
                survey.queries.push(question); // gone in the middle of it: then the venue is asked
                continue;
            };
            survey.known += rest.known;
            survey.density = survey.density.or(rest.density);
            survey.queries.extend(rest.queries);
        }
        Ok(survey)
    }

    /// Returns the pages that a query to the venue would take.
    pub(crate) fn page_plan(&self, question: &CandleQuery, density: Option<f64>) -> PagePlan {
        self.stack.coordinator.plan(question, density)
    }

    pub(crate) fn candles_eta(
        &self,
        series: &Series,
        requests: u64,
        priority: Priority,
    ) -> Result<(RateLimitGroup, CompletionEstimate), SourceError> {
        self.stack.router.candles_eta(series, requests, priority)
    }

    pub(crate) fn streams(&self, kind: StreamKind) -> bool {
        self.stack.router.capabilities().streams(kind)
    }

    pub(crate) fn continuity(&self) -> &Continuity {
        &self.stack.continuity
    }

    pub(crate) fn recorder(&self) -> &Recorder {
        &self.stack.recorder
    }

    pub(crate) fn router(&self) -> &Router {
        &self.stack.router
    }

    pub(crate) fn live(&self) -> &dyn LiveSource {
        self.stack.router.as_ref()
    }

    pub(crate) async fn trades(
        &self,
        symbol: &Symbol,
        count: usize,
        priority: Priority,
    ) -> Result<Vec<Trade>, SourceError> {
        self.stack.coordinator.trades(symbol, count, priority).await
    }

    pub(crate) async fn markets(&self, priority: Priority) -> Result<Vec<Instrument>, SourceError> {
        self.stack.router.markets(priority).await
    }

    /// Adds the most similar market to `error`, if the error says that there is no such market.
    pub(crate) async fn suggest_on_unknown(
        &self,
        error: SourceError,
        asked: &[Symbol],
        priority: Priority,
    ) -> SourceError {
        if error.kind() != SourceErrorKind::UnknownMarket {
            return error;
        }
        let Ok(Ok(markets)) = timeout(SUGGEST_TIMEOUT, self.markets(priority)).await else { return error };
        let listed =
            |symbol: &Symbol| symbol.is_any() || markets.iter().any(|market| market.symbol == *symbol);
        let Some(unknown) = asked.iter().find(|symbol| !listed(symbol)) else { return error };
        let near = suggest::nearest(unknown.code(), markets.iter().map(|market| market.symbol.code()));
        let venue = self.stack.venue.without_address();
        error.with_message(match near.split_last() {
            None => {
                format!("unknown market {unknown} on {venue}; `market-backbone markets` lists all markets")
            }
            Some((only, [])) => format!("unknown market {unknown} on {venue}; did you mean {only}?"),
            Some((last, rest)) => {
                format!("unknown market {unknown} on {venue}; did you mean {} or {last}?", rest.join(", "))
            }
        })
    }
}

impl fmt::Debug for Backbone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backbone").field("venue", &self.stack.venue).finish_non_exhaustive()
    }
}
