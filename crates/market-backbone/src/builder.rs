//! Builds a backbone. This is the only place that knows all layers.

use std::path::PathBuf;
use std::sync::Arc;

use market_backbone_coordinator::{Continuity, ContinuityConfig, Coordinator, CoordinatorConfig};
use market_backbone_core::{
    CandleSource, Clock, DerivationPolicy, PageSource, SourceError, SourceErrorKind, Venue, VenueClock,
    VenueDescriptor, VenueId, WireObserver,
};
use market_backbone_routing::{Endpoint, PinnedConnection, Router, RouterConfig};
use market_backbone_storage::{
    ClockAwareSource, DerivedSource, Recorder, RecorderConfig, StoredSource, UniverseStore,
};

use crate::splits::SplitCache;
use crate::storage::{Storage, StorageTiers};
use crate::venue_stack::{Inner, VenueStack};
use crate::{Backbone, Error, SystemClock, VenueConfig, default_venue, known_venues, pinned};

/// The settings of a [`Backbone`] to be built. Every setting has a working default.
#[derive(Debug)]
pub struct Builder {
    venues: Vec<VenueSpec>,
    clock: Arc<dyn Clock>,
    storage: Storage,
    router: RouterConfig,
    /// The router settings of venues that differ from the others.
    routers: Vec<(VenueId, RouterConfig)>,
    coordinator: CoordinatorConfig,
    continuity: ContinuityConfig,
    recorder: RecorderConfig,
    derive: DerivationPolicy,
    limits_dir: Option<PathBuf>,
    observer: Option<Arc<dyn WireObserver>>,
    without_store: bool,
}

/// A venue to connect to.
#[derive(Debug)]
enum VenueSpec {
    Described(VenueConfig),
    Adapter(Arc<dyn Venue>, Endpoint),
}

impl VenueSpec {
    /// Returns whose data it is, by its addresses or by what was said of them. An adapter that was made elsewhere, and knows its
    /// venue's addresses, must have been made for that source.
    fn source(&self) -> Result<VenueId, SourceError> {
        match self {
            Self::Described(config) => config.source(),
            Self::Adapter(venue, endpoint) => {
                let (says, homes) = (venue.capabilities().venue, venue.official_hosts());
                if homes.is_empty() {
                    return Ok(says);
                }
                let found = endpoint.source(says, homes)?;
                if found == says {
                    return Ok(says);
                }
                let message = format!(
                    "the adapter speaks for {says}, but the addresses are those of {found}; make it for that source, or \
                     say that the endpoint is the same as {says}"
                );
                Err(SourceError::new(SourceErrorKind::BadRequest, message).at_venue(says))
            }
        }
    }

    /// Returns what is known of the venue beyond its adapter. An adapter that comes alone may be of a venue of this build.
    fn descriptor(&self, source: VenueId) -> Option<&'static VenueDescriptor> {
        match self {
            Self::Described(config) => Some(config.descriptor()),
            Self::Adapter(..) => known_venues().find(source).ok(),
        }
    }

    /// The connections with a name.
    async fn pinned(
        &self,
        source: VenueId,
        universes: &UniverseStore,
    ) -> Result<Vec<PinnedConnection>, Error> {
        match self {
            Self::Described(config) => pinned::resolve(config.pins(), source, universes).await,
            Self::Adapter(..) => Ok(Vec::new()),
        }
    }

    fn open(self, source: VenueId) -> Result<(Arc<dyn Venue>, Endpoint), SourceError> {
        match self {
            Self::Described(config) => config.open(source),
            Self::Adapter(venue, endpoint) => Ok((venue, endpoint)),
        }
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            venues: Vec::new(),
            clock: Arc::new(SystemClock),
            storage: Storage::default(),
            router: RouterConfig::default(),
            routers: Vec::new(),
            coordinator: CoordinatorConfig::default(),
            continuity: ContinuityConfig::default(),
            recorder: RecorderConfig::default(),
            derive: DerivationPolicy::default(),
            limits_dir: None,
            observer: None,
            without_store: false,
        }
    }
}

impl Builder {
    /// Talks to a described venue: one of the [known venues](known_venues), or one of a program's own.
    ///
    /// Takes a `&'static` [`VenueDescriptor`], for its default settings, or a [`VenueConfig`]. A backbone for which no
    /// venue is named talks to the first of the known venues; where several are named, the first is the one that is asked
    /// unless another is said ([`Client::at`](crate::Client::at)).
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use market_backbone::{Backbone, VenueConfig, VenueId, known_venues};
    ///
    /// let venue = known_venues().find(VenueId::new("massive"))?;
    /// let config = VenueConfig::new(venue).key("…").set("plan", "starter");
    /// let backbone = Backbone::builder().connect(config).build().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn connect(self, venue: impl Into<VenueConfig>) -> Self {
        self.add_venue(VenueSpec::Described(venue.into()))
    }

    /// Talks to a venue through an adapter that the program made itself. A venue with a descriptor is better
    /// [connected](Self::connect): then stores and archives know its calendar as well.
    #[must_use]
    pub fn venue(self, venue: Arc<dyn Venue>, endpoint: Endpoint) -> Self {
        self.add_venue(VenueSpec::Adapter(venue, endpoint))
    }

    fn add_venue(mut self, spec: VenueSpec) -> Self {
        self.venues.push(spec);
        self
    }

    /// Returns the sources to connect to. If one is named twice, the later setting counts, at the place of the
    /// first.
    fn sources(&mut self) -> Result<Vec<(VenueId, VenueSpec)>, SourceError> {
        let mut sources: Vec<(VenueId, VenueSpec)> = Vec::new();
        for spec in std::mem::take(&mut self.venues) {
            let source = spec.source()?;
            match sources.iter_mut().find(|(known, _)| *known == source) {
                Some((_, known)) => *known = spec,
                None => sources.push((source, spec)),
            }
        }
        if sources.is_empty() {
            let venue = default_venue();
            sources.push((venue.id(), VenueSpec::Described(venue.into())));
        }
        Ok(sources)
    }

    /// Keeps candles in this folder (default: `market-data` in the working directory).
    #[cfg(feature = "sqlite")]
    #[must_use]
    pub fn data_dir(self, dir: impl Into<PathBuf>) -> Self {
        self.storage(Storage::Folder(market_backbone_storage::StoreConfig::new(dir)))
    }

    /// Keeps candles in memory only.
    #[must_use]
    pub fn in_memory(self) -> Self {
        self.storage(Storage::Memory)
    }

    /// Sets in detail where candles are kept.
    #[must_use]
    pub fn storage(mut self, storage: Storage) -> Self {
        self.storage = storage;
        self
    }

    /// Opens no store, for a program that uses no stored data: latest prices, listings. The folder is still
    /// used for universes and for the [journal of requests](Self::limits_dir).
    #[must_use]
    pub fn without_store(mut self) -> Self {
        self.without_store = true;
        self
    }

    /// Keeps the journal of sent requests in this folder, one file for each venue and host (default: `limits/`
    /// in the data folder).
    ///
    /// Venues count requests by address. Programs of one machine that name the same folder share the venue's
    /// limits, and a program that starts right after another ends knows what that one has sent. The command
    /// line uses `~/.local/state/market-backbone/limits`.
    #[must_use]
    pub fn limits_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.limits_dir = Some(dir.into());
        self
    }

    /// Sets Layer 1: timeouts, retries, limits, the socket. A journal folder in these settings takes
    /// precedence.
    #[must_use]
    pub fn router(mut self, config: RouterConfig) -> Self {
        self.router = config;
        self
    }

    /// Sets Layer 1 for one source alone, or for all sources of a venue that have no settings of their own.
    #[must_use]
    pub fn router_of(mut self, venue: VenueId, config: RouterConfig) -> Self {
        self.routers.retain(|(named, _)| *named != venue);
        self.routers.push((venue, config));
        self
    }

    /// Sets Layer 2: pages in flight, retries of pages.
    #[must_use]
    pub fn coordinator(mut self, config: CoordinatorConfig) -> Self {
        self.coordinator = config;
        self
    }

    /// Sets the feeds: how late a trade may be, how long a gap may be healed.
    #[must_use]
    pub fn continuity(mut self, config: ContinuityConfig) -> Self {
        self.continuity = config;
        self
    }

    /// Sets the recorder: when a slot is final, how often the venue is asked to confirm.
    #[must_use]
    pub fn recorder(mut self, config: RecorderConfig) -> Self {
        self.recorder = config;
        self
    }

    /// Shows all that the venues send to `observer`, such as a recorder. For a recording that can be replayed, connect
    /// one venue, and use no store: what is stored is not asked for, and so not recorded.
    #[must_use]
    pub fn observer(mut self, observer: Arc<dyn WireObserver>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Sets which candles may be computed from known one-minute candles instead of being fetched (default:
    /// three minutes to four hours, [`DerivationPolicy::Intraday`]).
    #[must_use]
    pub fn derive(mut self, derive: DerivationPolicy) -> Self {
        self.derive = derive;
        self
    }

    /// Sets the clock of this machine. Everything at a venue uses the venue's clock: the difference is measured
    /// and added wherever the current time matters at the venue, `received` stamps included.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Opens the store and starts the layers. No request is sent to a venue yet.
    ///
    /// # Errors
    ///
    /// If the data folder cannot be opened or another program holds it exclusively; if a shared database
    /// refuses (a wrong password, no such database, tables of a newer version; one that is only away is not an
    /// error); if an address cannot be read; or if an older version kept candles under the name of a requested
    /// source and their origin has not been claimed.
    pub async fn build(mut self) -> Result<Backbone, Error> {
        // The journal is beside the candles, so programs that share the candles share the venue's limits.
        let beside = self.storage.dir().map(|dir| dir.join("limits"));
        if let Some(limits) = self.limits_dir.take().or(beside) {
            let with_limits = |config: RouterConfig| match config.get_limits_dir() {
                Some(_) => config,
                None => config.limits_dir(Some(limits.clone())),
            };
            self.router = with_limits(self.router);
            self.routers =
                self.routers.into_iter().map(|(venue, config)| (venue, with_limits(config))).collect();
        }
        let universes = self.storage.universes(&self.clock);
        let sources = self.sources()?;
        let storage = std::mem::replace(&mut self.storage, Storage::Memory);
        let tiers = StorageTiers::open(if self.without_store { Storage::Memory } else { storage }).await?;
        match self.venues(sources, &tiers, &universes).await {
            Ok((first, venues)) => Ok(Backbone::of(Inner { venues, tiers, universes }, first)),
            Err(error) => {
                tiers.close().await;
                Err(error)
            }
        }
    }

    /// Builds the layers of all sources; those of the first come first.
    async fn venues(
        &self,
        sources: Vec<(VenueId, VenueSpec)>,
        tiers: &StorageTiers,
        universes: &UniverseStore,
    ) -> Result<(Arc<VenueStack>, Vec<Arc<VenueStack>>), Error> {
        for (source, _) in &sources {
            tiers.require(*source).await?;
        }
        let mut venues = Vec::new();
        for (source, spec) in sources {
            let pinned = spec.pinned(source, universes).await?;
            venues.push(Arc::new(self.venue_stack(source, spec, pinned, tiers)?));
        }
        let first = venues.first().map(Arc::clone);
        let none = || SourceError::new(SourceErrorKind::Unsupported, "no venue was named");
        Ok((first.ok_or_else(none)?, venues))
    }

    /// Builds the layers of one venue, on the shared stores.
    fn venue_stack(
        &self,
        venue: VenueId,
        spec: VenueSpec,
        pinned: Vec<PinnedConnection>,
        tiers: &StorageTiers,
    ) -> Result<VenueStack, Error> {
        let time = Arc::new(VenueClock::new(Arc::clone(&self.clock)));
        let venues: Arc<dyn Clock> = Arc::clone(&time) as _;
        let clock = || Arc::clone(&venues);
        let descriptor = spec.descriptor(venue);
        let (adapter, endpoint) = spec.open(venue)?;
        let capabilities = *adapter.capabilities();
        let of = |name: VenueId| self.routers.iter().find(|(named, _)| *named == name);
        let own = of(venue).or_else(|| of(venue.family())).map(|(_, config)| config);
        let mut config = own.unwrap_or(&self.router).clone();
        if !pinned.is_empty() {
            let session = config.get_session().clone();
            let connections = session.get_max_connections().max(pinned.len());
            config = config.session(session.max_connections(connections).pinned(pinned));
        }
        if let Some(observer) = &self.observer {
            config = config.observer(Some(Arc::clone(observer)));
        }
        let router = Arc::new(Router::start_by(adapter, &endpoint, time, config)?);
        let pages: Arc<dyn PageSource> = Arc::clone(&router) as _;
        let coordinator = Arc::new(Coordinator::new(pages, clock(), self.coordinator));
        let upstream: Arc<dyn CandleSource> = Arc::clone(&coordinator) as _;
        let recorder = Recorder::start(
            tiers.local_store(),
            Arc::clone(&upstream),
            clock(),
            &capabilities,
            self.recorder,
        );
        let behind = tiers.shared_tier(&upstream, &venues, &capabilities);
        let upstream = behind.as_ref().map_or(upstream, |behind| Arc::clone(behind) as _);
        let stored = StoredSource::new(tiers.local_store(), upstream, clock(), capabilities.grid);
        let stored = Arc::new(stored.rechecking_early(&capabilities));
        let candles =
            Arc::new(DerivedSource::new(tiers.local_store(), stored, clock(), &capabilities, self.derive));
        let inner: Arc<dyn CandleSource> = Arc::clone(&candles) as _;
        let behind_it = (tiers.local_store(), Arc::clone(&router) as _);
        let punctual = Arc::new(ClockAwareSource::new(inner, behind_it, clock()));
        let continuity = Continuity::new(
            Arc::clone(&router) as _,
            Arc::clone(&router) as _,
            Arc::clone(&candles) as _,
            clock(),
            self.continuity,
        );
        let splits = SplitCache::default();
        let clock = venues;
        Ok(VenueStack {
            venue,
            descriptor,
            clock,
            router,
            coordinator,
            candles,
            clock_aware: punctual,
            continuity,
            shared_tier: behind,
            recorder,
            splits,
        })
    }
}
