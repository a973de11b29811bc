//! The storage tiers: a local store, and for several machines also a shared database.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
#[cfg(feature = "postgres")]
use std::sync::OnceLock;

#[cfg(feature = "postgres")]
use futures::future::BoxFuture;
use market_backbone_core::{
    Candle, CandleSource, CandleStore, Capabilities, Clock, Coverage, DerivationPolicy, Series, StoreError,
    Symbol, Timeframe, VenueId,
};
#[cfg(feature = "sqlite")]
use market_backbone_storage::StoreConfig;
use market_backbone_storage::{
    DerivedSource, MemoryStore, RemoteStore, RemoteStoreState, StoredSource, UniverseStore,
};
#[cfg(feature = "postgres")]
use market_backbone_storage::{PostgresConfig, PostgresStore};

#[cfg(feature = "sqlite")]
use crate::legacy_folder::open_folder;

/// The place where candles are kept.
#[derive(Clone)]
#[non_exhaustive]
pub enum Storage {
    /// Candles are kept in memory, and are lost when the program ends.
    Memory,
    /// Candles are kept in a folder of this machine, which its programs may share.
    #[cfg(feature = "sqlite")]
    Folder(StoreConfig),
    /// Candles are kept in a store of the program's own. The backbone closes it at the end of
    /// [`shutdown`](crate::Backbone::shutdown).
    Custom(Arc<dyn CandleStore>),
    /// Candles are kept in a database that several machines share. Data in it is not fetched from the venue,
    /// and is copied to the local store as well. Data from the venue is stored in both, in the database first.
    ///
    /// A database that is away (stopped, restarted, stalled, locked, or without a free connection) delays
    /// nobody: the local store answers what it knows, everything else is fetched from the venue and kept
    /// locally, and a warning says so. The database is tried again in the background, and receives the missed
    /// data when it is back. Data still missing when the program ends stays missing there. A database that
    /// refuses the login, or that a newer version has written to, is an error of the build.
    #[cfg(feature = "postgres")]
    Shared {
        /// The shared database.
        database: PostgresConfig,
        /// The local folder before it, or `None` for memory.
        #[cfg(feature = "sqlite")]
        local: Option<StoreConfig>,
    },
}

/// The folder `market-data` in the working directory; memory in a build without the feature `sqlite`.
impl Default for Storage {
    fn default() -> Self {
        #[cfg(feature = "sqlite")]
        return Self::Folder(StoreConfig::new("market-data"));
        #[cfg(not(feature = "sqlite"))]
        return Self::Memory;
    }
}

impl Storage {
    /// Returns the folder of this machine, where there is one.
    #[cfg(feature = "sqlite")]
    pub(crate) fn dir(&self) -> Option<&Path> {
        match self {
            Self::Memory | Self::Custom(_) => None,
            Self::Folder(folder) => Some(folder.get_dir()),
            #[cfg(feature = "postgres")]
            Self::Shared { local, .. } => local.as_ref().map(StoreConfig::get_dir),
        }
    }

    /// Returns the folder of this machine: without the feature `sqlite` there is none.
    #[cfg(not(feature = "sqlite"))]
    pub(crate) fn dir(&self) -> Option<&Path> {
        None
    }

    /// Returns the store of universes, which is beside the candles.
    #[cfg_attr(not(feature = "sqlite"), expect(unused_variables, reason = "lists in memory keep no times"))]
    pub(crate) fn universes(&self, clock: &Arc<dyn Clock>) -> UniverseStore {
        #[cfg(feature = "sqlite")]
        if let Some(dir) = self.dir() {
            return UniverseStore::in_folder(dir, Arc::clone(clock));
        }
        UniverseStore::in_memory()
    }
}

impl fmt::Debug for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("Memory"),
            #[cfg(feature = "sqlite")]
            Self::Folder(folder) => f.debug_tuple("Folder").field(folder).finish(),
            Self::Custom(_) => f.debug_tuple("Custom").finish_non_exhaustive(),
            #[cfg(feature = "postgres")]
            Self::Shared { database, .. } => f
                .debug_struct("Shared")
                .field("database", database)
                .field("local", &self.dir())
                .finish_non_exhaustive(),
        }
    }
}

/// The open stores.
pub(crate) struct StorageTiers {
    local: Arc<dyn CandleStore>,
    shared: Option<Arc<RemoteStore>>,
    /// The sources under whose names a store holds candles of unclaimed origin.
    unclaimed: Vec<VenueId>,
    /// The reason why nothing is kept beyond the end of the program although it should be.
    memory_fallback: Option<Arc<str>>,
}

impl StorageTiers {
    /// Opens what `storage` names. The nearer store is opened first, and closed again if the rest fails.
    pub(crate) async fn open(storage: Storage) -> Result<Self, StoreError> {
        match storage {
            Storage::Memory => Ok(Self::in_memory(None)),
            #[cfg(feature = "sqlite")]
            Storage::Folder(folder) => Self::open_folder(folder).await,
            Storage::Custom(store) => Ok(Self::in_store(store, None)),
            #[cfg(feature = "postgres")]
            Storage::Shared {
                database,
                #[cfg(feature = "sqlite")]
                local,
            } => {
                #[cfg(feature = "sqlite")]
                let mut tiers = match local {
                    Some(folder) => Self::open_folder(folder).await?,
                    None => Self::in_memory(None),
                };
                #[cfg(not(feature = "sqlite"))]
                let mut tiers = Self::in_memory(None);
                let unclaimed = Arc::new(OnceLock::new());
                match RemoteStore::open(
                    format!("the database {database}"),
                    shared_store_opener(database, &unclaimed),
                )
                .await
                {
                    Ok(database) => {
                        tiers.unclaimed.extend(unclaimed.get().into_iter().flatten());
                        tiers.shared = Some(Arc::new(database));
                    }
                    Err(error) => {
                        tiers.close().await;
                        return Err(error);
                    }
                }
                Ok(tiers)
            }
        }
    }

    /// Returns an error if a store holds candles of unclaimed origin under the name of `source`.
    pub(crate) async fn require(&self, source: VenueId) -> Result<(), StoreError> {
        if !self.unclaimed.contains(&source) {
            return Ok(());
        }
        // The store refuses any query about that source, with a message that says what to do.
        let series = Series::new(Symbol::any(source), Timeframe::D1);
        self.local.coverage(&series).await?;
        if let Some(shared) = &self.shared {
            shared.coverage(&series).await?;
        }
        Ok(())
    }

    #[cfg(feature = "sqlite")]
    async fn open_folder(config: StoreConfig) -> Result<Self, StoreError> {
        let store = match open_folder(config).await {
            Ok(store) => store,
            // Nothing can be stored, but every query can be answered.
            Err(error) if error.kind() == market_backbone_core::StoreErrorKind::DiskFull => {
                tracing::warn!(%error, "candles are kept in memory only");
                return Ok(Self::in_memory(Some(error.to_string().into())));
            }
            Err(error) => return Err(error),
        };
        let (unclaimed, near) = (store.unclaimed(), Arc::new(store));
        Ok(Self { local: near, shared: None, unclaimed, memory_fallback: None })
    }

    fn in_memory(makeshift: Option<Arc<str>>) -> Self {
        Self::in_store(Arc::new(MemoryStore::new()), makeshift)
    }

    fn in_store(local: Arc<dyn CandleStore>, memory_fallback: Option<Arc<str>>) -> Self {
        Self { local, shared: None, unclaimed: Vec::new(), memory_fallback }
    }

    /// Returns the reason why nothing is kept beyond the end of the program although it should be.
    pub(crate) fn memory_fallback(&self) -> Option<&Arc<str>> {
        self.memory_fallback.as_ref()
    }

    /// Stores a candle that needed no request in all stores.
    pub(crate) async fn commit_candle(
        &self,
        series: &Series,
        candle: &Candle,
        known: &Coverage,
    ) -> Result<(), StoreError> {
        let candles = std::slice::from_ref(candle);
        if let Some(shared) = &self.shared {
            shared.commit(series, candles, known).await?;
        }
        self.local.commit(series, candles, known).await
    }

    /// Returns the state of the shared store, where there is one.
    pub(crate) fn shared(&self) -> Option<RemoteStoreState> {
        self.shared.as_ref().map(|shared| shared.state())
    }

    /// Returns the store that answers first.
    pub(crate) fn local_store(&self) -> Arc<dyn CandleStore> {
        Arc::clone(&self.local)
    }

    /// Returns the tier behind the local store: the shared store, where there is one, before `upstream`.
    pub(crate) fn shared_tier(
        &self,
        upstream: &Arc<dyn CandleSource>,
        clock: &Arc<dyn Clock>,
        capabilities: &Capabilities,
    ) -> Option<Arc<DerivedSource>> {
        let shared: Arc<dyn CandleStore> = Arc::clone(self.shared.as_ref()?) as _;
        let clock = || Arc::clone(clock);
        let stored = StoredSource::new(Arc::clone(&shared), Arc::clone(upstream), clock(), capabilities.grid)
            .shared()
            .rechecking_early(capabilities);
        // It derives nothing, because the local store would keep the result. It is here because it can be
        // surveyed.
        let stored = Arc::new(stored);
        let behind = DerivedSource::new(shared, stored, clock(), capabilities, DerivationPolicy::Never);
        Some(Arc::new(behind))
    }

    /// Finishes the work in progress and closes the stores, nearest first.
    pub(crate) async fn close(&self) {
        self.local.close().await;
        if let Some(shared) = &self.shared {
            shared.close().await;
        }
    }
}

/// Returns the function that connects to the database, as often as it takes. It records the series that are not
/// known to belong to a source.
#[cfg(feature = "postgres")]
fn shared_store_opener(
    database: PostgresConfig,
    unclaimed: &Arc<OnceLock<Vec<VenueId>>>,
) -> impl Fn() -> BoxFuture<'static, Result<Arc<dyn CandleStore>, StoreError>> + Send + Sync + 'static {
    let unclaimed = Arc::clone(unclaimed);
    move || {
        let (database, unclaimed) = (database.clone(), Arc::clone(&unclaimed));
        Box::pin(async move {
            let store = PostgresStore::connect(database).await?;
            unclaimed.get_or_init(|| store.unclaimed());
            Ok(Arc::new(store) as Arc<dyn CandleStore>)
        })
    }
}
