//! Puts the layers together. The only place that knows all of them.

use std::path::PathBuf;
use std::sync::Arc;

use market_backbone_coordinator::{Continuity, ContinuityConfig, Coordinator, CoordinatorConfig};
use market_backbone_core::{CandleSource, Clock, Derive, PageSource, Venue, VenueId};
use market_backbone_massive::{MASSIVE, Plan};
use market_backbone_routing::{Endpoint, PinnedConnection, Router, RouterConfig};
use market_backbone_storage::{
    DerivedSource, Recorder, RecorderConfig, StoreConfig, StoredSource, UniverseStore,
};
use market_backbone_upbit::{UPBIT, Upbit};

use crate::layers::{House, Layers};
use crate::splits::SplitBook;
use crate::storage::{Storage, Tiers};
use crate::{Backbone, Error, MassiveAccount, SystemClock, pinned};

/// Settings of a [`Backbone`] to be. Every one has a default that works.
#[derive(Debug)]
pub struct Builder {
    venues: Vec<Wish>,
    clock: Arc<dyn Clock>,
    storage: Storage,
    router: RouterConfig,
    /// For venues that are not to be asked like the others.
    routers: Vec<(VenueId, RouterConfig)>,
    coordinator: CoordinatorConfig,
    continuity: ContinuityConfig,
    recorder: RecorderConfig,
    derive: Derive,
    limits_dir: Option<PathBuf>,
}

/// A venue to talk to.
#[derive(Debug)]
enum Wish {
    Upbit(Endpoint),
    Massive(MassiveAccount),
    Other(Arc<dyn Venue>, Endpoint),
}

impl Wish {
    fn upbit() -> Self {
        Self::upbit_at(market_backbone_upbit::REST_URL, market_backbone_upbit::WS_URL)
    }

    fn upbit_at(rest_url: &str, ws_url: &str) -> Self {
        Self::Upbit(Endpoint::new(rest_url, ws_url))
    }

    fn venue(&self) -> VenueId {
        match self {
            Self::Upbit(_) => UPBIT,
            Self::Massive(_) => MASSIVE,
            Self::Other(venue, _) => venue.capabilities().venue,
        }
    }

    /// The connections with a name.
    async fn pinned(&self, universes: &UniverseStore) -> Result<Vec<PinnedConnection>, Error> {
        match self {
            Self::Massive(account) => pinned::resolve(&account.pins, MASSIVE, universes).await,
            Self::Upbit(_) | Self::Other(..) => Ok(Vec::new()),
        }
    }

    fn open(self, clock: &Arc<dyn Clock>) -> (Arc<dyn Venue>, Endpoint) {
        match self {
            Self::Upbit(endpoint) => (Arc::new(Upbit::new()), endpoint),
            Self::Massive(account) => account.open(clock),
            Self::Other(venue, endpoint) => (venue, endpoint),
        }
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            venues: Vec::new(),
            clock: Arc::new(SystemClock),
            storage: Storage::Folder(StoreConfig::new("market-data")),
            router: RouterConfig::default(),
            routers: Vec::new(),
            coordinator: CoordinatorConfig::default(),
            continuity: ContinuityConfig::default(),
            recorder: RecorderConfig::default(),
            derive: Derive::default(),
            limits_dir: None,
        }
    }
}

impl Builder {
    /// Talks to Upbit. So does a backbone for which no venue is named; where several are, the first is the one that is
    /// asked unless another is said ([`Client::at`](crate::Client::at)).
    #[must_use]
    pub fn upbit(self) -> Self {
        self.wish(Wish::upbit())
    }

    /// Talks to Upbit at these addresses instead of its own: an emulator, a proxy, a regional host.
    #[must_use]
    pub fn upbit_at(self, rest_url: &str, ws_url: &str) -> Self {
        self.wish(Wish::upbit_at(rest_url, ws_url))
    }

    /// Talks to Massive, for the owner of `key`, who has paid for `plan`.
    #[must_use]
    pub fn massive(self, key: impl Into<Box<str>>, plan: Plan) -> Self {
        self.massive_account(MassiveAccount::new(key, plan))
    }

    /// Talks to Massive at these addresses instead of its own.
    #[must_use]
    pub fn massive_at(self, key: impl Into<Box<str>>, plan: Plan, rest_url: &str, ws_url: &str) -> Self {
        self.massive_account(MassiveAccount::new(key, plan).at(rest_url, ws_url))
    }

    /// Talks to Massive with this account.
    #[must_use]
    pub fn massive_account(self, account: MassiveAccount) -> Self {
        self.wish(Wish::Massive(account))
    }

    /// Talks to any venue for which there is an adapter.
    #[must_use]
    pub fn venue(self, venue: Arc<dyn Venue>, endpoint: Endpoint) -> Self {
        self.wish(Wish::Other(venue, endpoint))
    }

    /// A venue that is named twice is the one that was named last, at its first place.
    fn wish(mut self, wish: Wish) -> Self {
        match self.venues.iter_mut().find(|known| known.venue() == wish.venue()) {
            Some(known) => *known = wish,
            None => self.venues.push(wish),
        }
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

    /// Notes what is sent in this folder, a file for each venue and host (default: `limits/` in the data folder).
    ///
    /// Venues count by address: programs of one machine that name the same folder share what the venue allows, and one
    /// that starts right after another's end knows what that one had sent. The command line's is
    /// `~/.local/state/market-backbone/limits`.
    #[must_use]
    pub fn limits_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.limits_dir = Some(dir.into());
        self
    }

    /// Settings of Layer 1: timeouts, retries, limits, the socket. If they say where what is sent is noted, that counts.
    #[must_use]
    pub fn router(mut self, config: RouterConfig) -> Self {
        self.router = config;
        self
    }

    /// The same for one venue alone.
    #[must_use]
    pub fn router_of(mut self, venue: VenueId, config: RouterConfig) -> Self {
        self.routers.retain(|(named, _)| *named != venue);
        self.routers.push((venue, config));
        self
    }

    /// Settings of Layer 2: pages in flight, retries of pages.
    #[must_use]
    pub fn coordinator(mut self, config: CoordinatorConfig) -> Self {
        self.coordinator = config;
        self
    }

    /// Settings of feeds: how late a trade may be, how long one goes on healing a gap.
    #[must_use]
    pub fn continuity(mut self, config: ContinuityConfig) -> Self {
        self.continuity = config;
        self
    }

    /// Settings of the recorder: when a slot is sure, how often the venue is asked to confirm.
    #[must_use]
    pub fn recorder(mut self, config: RecorderConfig) -> Self {
        self.recorder = config;
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

    /// Opens the store and starts the layers. Nothing is asked of a venue yet.
    ///
    /// # Errors
    ///
    /// If the data folder cannot be opened or is held by another process, a shared database cannot be reached, or
    /// an address cannot be read.
    pub async fn build(mut self) -> Result<Backbone, Error> {
        // Beside the candles, because whoever holds the folder is the one who was here before.
        let beside = self.storage.folder().map(|folder| folder.dir.join("limits"));
        if let Some(limits) = self.limits_dir.take().or(beside) {
            let routers = self.routers.iter_mut().map(|(_, config)| config);
            for config in routers.chain([&mut self.router]) {
                config.limits_dir.get_or_insert_with(|| limits.clone());
            }
        }
        let universes = self.storage.universes(&self.clock);
        let tiers = Tiers::open(std::mem::replace(&mut self.storage, Storage::Memory)).await?;
        let mut wishes = std::mem::take(&mut self.venues).into_iter();
        let wish = wishes.next().unwrap_or_else(Wish::upbit);
        let pinned = wish.pinned(&universes).await?;
        let first = Arc::new(self.layers(wish, pinned, &tiers)?);
        let mut venues = vec![Arc::clone(&first)];
        for wish in wishes {
            let pinned = wish.pinned(&universes).await?;
            venues.push(Arc::new(self.layers(wish, pinned, &tiers)?));
        }
        Ok(Backbone::of(House { venues, tiers, universes, clock: self.clock }, first))
    }

    /// The layers of one venue, on the stores of all.
    fn layers(&self, wish: Wish, pinned: Vec<PinnedConnection>, tiers: &Tiers) -> Result<Layers, Error> {
        let (adapter, endpoint) = wish.open(&self.clock);
        let clock = || Arc::clone(&self.clock);
        let capabilities = *adapter.capabilities();
        let venue = capabilities.venue;
        let own = self.routers.iter().find(|(named, _)| *named == venue).map(|(_, config)| config);
        let mut config = own.unwrap_or(&self.router).clone();
        if !pinned.is_empty() {
            config.session.max_connections = config.session.max_connections.max(pinned.len());
            config.session.pinned = pinned;
        }
        let router = Arc::new(Router::start(adapter, &endpoint, clock(), config)?);
        let pages: Arc<dyn PageSource> = Arc::clone(&router) as _;
        let coordinator = Arc::new(Coordinator::new(pages, clock(), self.coordinator));
        let upstream: Arc<dyn CandleSource> = Arc::clone(&coordinator) as _;
        let recorder =
            Recorder::start(tiers.nearest(), Arc::clone(&upstream), clock(), &capabilities, self.recorder);
        let behind = tiers.behind(&upstream, &self.clock, &capabilities);
        let upstream = behind.as_ref().map_or(upstream, |behind| Arc::clone(behind) as _);
        let stored = Arc::new(StoredSource::new(tiers.nearest(), upstream, clock(), capabilities.grid));
        let candles =
            Arc::new(DerivedSource::new(tiers.nearest(), stored, clock(), &capabilities, self.derive));
        let continuity = Continuity::new(
            Arc::clone(&router) as _,
            Arc::clone(&router) as _,
            Arc::clone(&candles) as _,
            clock(),
            self.continuity,
        );
        let splits = SplitBook::default();
        Ok(Layers { venue, router, coordinator, candles, continuity, behind, recorder, splits })
    }
}
