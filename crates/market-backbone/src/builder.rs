//! Puts the layers together. The only place that knows all of them.

use std::path::PathBuf;
use std::sync::Arc;

use market_backbone_coordinator::{Coordinator, CoordinatorConfig};
use market_backbone_core::{Clock, Derive, Venue};
use market_backbone_routing::{Endpoint, Router, RouterConfig};
use market_backbone_storage::{DerivedSource, StoreConfig, StoredSource};
use market_backbone_upbit::Upbit;

use crate::backbone::Layers;
use crate::storage::{Storage, Tiers};
use crate::{Backbone, Error, SystemClock};

/// Settings of a [`Backbone`] to be. Every one has a default that works.
#[derive(Debug)]
pub struct Builder {
    venue: Arc<dyn Venue>,
    endpoint: Endpoint,
    clock: Arc<dyn Clock>,
    storage: Storage,
    router: RouterConfig,
    coordinator: CoordinatorConfig,
    derive: Derive,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            venue: Arc::new(Upbit::new()),
            endpoint: endpoint(market_backbone_upbit::REST_URL, market_backbone_upbit::WS_URL),
            clock: Arc::new(SystemClock),
            storage: Storage::Folder(StoreConfig::new("market-data")),
            router: RouterConfig::default(),
            coordinator: CoordinatorConfig::default(),
            derive: Derive::default(),
        }
    }
}

impl Builder {
    /// Talks to Upbit at these addresses instead of its own: an emulator, a proxy, a regional host.
    #[must_use]
    pub fn upbit_at(mut self, rest_url: &str, ws_url: &str) -> Self {
        self.endpoint = endpoint(rest_url, ws_url);
        self
    }

    /// Keeps candles in this folder (default: `market-data` where the program runs).
    #[must_use]
    pub fn data_dir(self, dir: impl Into<PathBuf>) -> Self {
        self.storage(Storage::Folder(StoreConfig::new(dir)))
    }

    /// Keeps candles in memory only.
    #[must_use]
    pub fn in_memory(self) -> Self {
        self.storage(Storage::Memory)
    }

    /// Says where candles are kept, in every detail.
    #[must_use]
    pub fn storage(mut self, storage: Storage) -> Self {
        self.storage = storage;
        self
    }

    /// Settings of Layer 1: timeouts, retries, limits, the socket.
    #[must_use]
    pub fn router(mut self, config: RouterConfig) -> Self {
        self.router = config;
        self
    }

    /// Settings of Layer 2: pages in flight, retries of pages.
    #[must_use]
    pub fn coordinator(mut self, config: CoordinatorConfig) -> Self {
        self.coordinator = config;
        self
    }

    /// Says which candles may be computed from one-minute ones that are known already, instead of being asked for
    /// (default: those of three minutes to four hours, [`Derive::Intraday`]).
    #[must_use]
    pub fn derive(mut self, derive: Derive) -> Self {
        self.derive = derive;
        self
    }

    /// Reads the time from this clock.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Opens the store and starts the layers. Nothing is asked of the venue yet.
    ///
    /// # Errors
    ///
    /// If the data folder cannot be opened or is held by another process, a shared database cannot be reached, or
    /// an address cannot be read.
    pub async fn build(self) -> Result<Backbone, Error> {
        let tiers = Tiers::open(self.storage).await?;
        let venue = self.venue.capabilities().venue;
        let capabilities = *self.venue.capabilities();
        let router =
            Arc::new(Router::start(self.venue, &self.endpoint, Arc::clone(&self.clock), self.router)?);
        let pages: Arc<dyn market_backbone_core::PageSource> = Arc::clone(&router) as _;
        let coordinator = Arc::new(Coordinator::new(pages, Arc::clone(&self.clock), self.coordinator));
        let upstream: Arc<dyn market_backbone_core::CandleSource> = Arc::clone(&coordinator) as _;
        let (clock, grid) = (Arc::clone(&self.clock), capabilities.grid);
        let behind = tiers.behind(&upstream, &clock, &capabilities);
        let upstream = behind.as_ref().map_or(upstream, |behind| Arc::clone(behind) as _);
        let stored = Arc::new(StoredSource::new(tiers.nearest(), upstream, Arc::clone(&clock), grid));
        let candles =
            Arc::new(DerivedSource::new(tiers.nearest(), stored, clock, &capabilities, self.derive));
        Ok(Backbone::of(Layers { venue, router, coordinator, candles, behind, tiers }))
    }
}

fn endpoint(rest_url: &str, ws_url: &str) -> Endpoint {
    Endpoint { rest_url: rest_url.to_owned(), ws_url: ws_url.to_owned() }
}
