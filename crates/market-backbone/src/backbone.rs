//! The house as its users see it.

use std::fmt;
use std::sync::Arc;

use market_backbone_coordinator::{Coordinator, PagePlan};
use market_backbone_core::{
    CallGroup, CandleQuery, CandleSource, Grid, LiveSource, Market, PageSource, Priority, Series,
    SourceError, SourceErrorKind, StreamKind, Symbol, SymbolError, Trade, VenueId,
};
use market_backbone_routing::{Estimate, Router};
use market_backbone_storage::{DerivedSource, Survey};

use crate::storage::Tiers;
use crate::{Builder, Client, Metrics, suggest};

/// The layers of one venue.
pub(crate) struct Layers {
    pub(crate) venue: VenueId,
    pub(crate) router: Arc<Router>,
    pub(crate) coordinator: Arc<Coordinator>,
    pub(crate) candles: Arc<DerivedSource>,
    /// The shared store before the coordinator, where there is one.
    pub(crate) behind: Option<Arc<DerivedSource>>,
    pub(crate) tiers: Tiers,
}

/// The backbone: one for a program, cheap to clone, shared by all its clients.
///
/// Clients share one store, one socket and one budget of requests; that is what keeps them from being banned.
#[derive(Clone)]
pub struct Backbone(Arc<Layers>);

impl Backbone {
    /// Begins to build one. With no setting at all it talks to Upbit and keeps candles in `market-data/`.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn of(layers: Layers) -> Self {
        Self(Arc::new(layers))
    }

    /// A client whose questions are this urgent.
    #[must_use]
    pub fn client(&self, priority: Priority) -> Client {
        Client::new(self.clone(), priority)
    }

    /// How the venue's candles are cut.
    #[must_use]
    pub fn grid(&self) -> Grid {
        self.0.router.capabilities().grid
    }

    /// What the layers have done so far.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        Metrics { router: self.0.router.metrics(), coordinator: self.0.coordinator.metrics() }
    }

    /// Ends feeds, then lets the stores finish, in that order. Call it before the program ends.
    pub async fn shutdown(&self) {
        self.0.router.shutdown().await;
        self.0.tiers.close().await;
    }

    pub(crate) fn symbol(&self, code: &str) -> Result<Symbol, SymbolError> {
        Symbol::new(self.0.venue, code)
    }

    pub(crate) fn candles(&self) -> &dyn CandleSource {
        self.0.candles.as_ref()
    }

    /// What of an answer is known already, near or in the shared store.
    pub(crate) async fn survey(&self, query: &CandleQuery) -> Result<Survey, SourceError> {
        let mut survey = self.0.candles.survey(query).await?;
        let Some(behind) = &self.0.behind else { return Ok(survey) };
        for question in std::mem::take(&mut survey.questions) {
            let rest = behind.survey(&question).await?;
            survey.known += rest.known;
            survey.density = survey.density.or(rest.density);
            survey.questions.extend(rest.questions);
        }
        Ok(survey)
    }

    /// The pages that a question to the venue would take.
    pub(crate) fn pages(&self, question: &CandleQuery, density: Option<f64>) -> PagePlan {
        self.0.coordinator.plan(question, density)
    }

    pub(crate) fn candles_eta(
        &self,
        series: &Series,
        requests: u64,
        priority: Priority,
    ) -> Result<(CallGroup, Estimate), SourceError> {
        self.0.router.candles_eta(series, requests, priority)
    }

    pub(crate) fn streams(&self, kind: StreamKind) -> bool {
        self.0.router.capabilities().streams(kind)
    }

    pub(crate) fn live(&self) -> &dyn LiveSource {
        self.0.router.as_ref()
    }

    pub(crate) async fn trades(
        &self,
        symbol: &Symbol,
        count: usize,
        priority: Priority,
    ) -> Result<Vec<Trade>, SourceError> {
        self.0.coordinator.trades(symbol, count, priority).await
    }

    pub(crate) async fn markets(&self, priority: Priority) -> Result<Vec<Market>, SourceError> {
        self.0.router.markets(priority).await
    }

    /// Says which market was probably meant, where `error` is that there is no such market.
    pub(crate) async fn explain(
        &self,
        error: SourceError,
        asked: &[Symbol],
        priority: Priority,
    ) -> SourceError {
        if error.kind() != SourceErrorKind::UnknownMarket {
            return error;
        }
        let Ok(markets) = self.markets(priority).await else { return error };
        let listed = |symbol: &Symbol| markets.iter().any(|market| market.symbol == *symbol);
        let Some(unknown) = asked.iter().find(|symbol| !listed(symbol)) else { return error };
        let near = suggest::nearest(unknown.code(), markets.iter().map(|market| market.symbol.code()));
        let venue = self.0.venue;
        error.reworded(match near.split_last() {
            None => {
                format!("unknown market {unknown} on {venue}; `market-backbone markets` lists what there is")
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
        f.debug_struct("Backbone").field("venue", &self.0.venue).finish_non_exhaustive()
    }
}
