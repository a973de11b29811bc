//! Where candles are kept: near, and for a fleet also in a database that its machines share.

use std::fmt;
use std::sync::Arc;
#[cfg(feature = "postgres")]
use std::sync::OnceLock;

#[cfg(feature = "postgres")]
use futures::future::BoxFuture;
use market_backbone_core::{
    Candle, CandleSource, CandleStore, Capabilities, Clock, Coverage, DerivationPolicy, Series, StoreError,
    StoreErrorKind, Symbol, Timeframe, VenueId,
};
use market_backbone_storage::{
    DerivedSource, MemoryStore, RemoteStore, RemoteStoreState, StoreConfig, StoredSource, UniverseStore,
};
#[cfg(feature = "postgres")]
use market_backbone_storage::{PostgresConfig, PostgresStore};

use crate::legacy_folder::open_folder;

/// Where candles are kept.
#[derive(Clone)]
#[non_exhaustive]
pub enum Storage {
    /// In memory: gone when the program ends.
    Memory,
    /// In a folder of this machine, which its programs may share.
    Folder(StoreConfig),
    /// A store of the program's own. The backbone closes it at the end of [`shutdown`](crate::Backbone::shutdown).
    Custom(Arc<dyn CandleStore>),
    /// In a database that other machines share. What is known there is not asked of the venue, and is kept
    /// near as well; what is asked of the venue is kept in both, in the database first.
    ///
    /// A database that is away (stopped, restarted, stalled, locked, without a free connection) holds nobody up: what the
    /// near store knows is answered, all else is asked of the venue and kept near, and a warning says so. It is tried again
    /// in the background, and told what it has missed when it is back; what it has missed when the program ends, it
    /// misses. One that does not let us in, or that a newer version has written to, is an error of the build.
    #[cfg(feature = "postgres")]
    Shared {
        /// The database.
        database: PostgresConfig,
        /// The folder before it; `None` for memory.
        local: Option<StoreConfig>,
    },
}

impl Storage {
    /// The folder of this machine, where there is one.
    pub(crate) fn folder(&self) -> Option<&StoreConfig> {
        match self {
            Self::Memory | Self::Custom(_) => None,
            Self::Folder(folder) => Some(folder),
            #[cfg(feature = "postgres")]
            Self::Shared { local: near, .. } => near.as_ref(),
        }
    }

    /// The lists of markets that are kept beside the candles.
    pub(crate) fn universes(&self, clock: &Arc<dyn Clock>) -> UniverseStore {
        match self.folder() {
            Some(folder) => UniverseStore::in_folder(&folder.dir, Arc::clone(clock)),
            None => UniverseStore::in_memory(Arc::clone(clock)),
        }
    }
}

impl fmt::Debug for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("Memory"),
            Self::Folder(folder) => f.debug_tuple("Folder").field(folder).finish(),
            Self::Custom(_) => f.debug_tuple("Custom").finish_non_exhaustive(),
            #[cfg(feature = "postgres")]
            Self::Shared { database, local } => {
                f.debug_struct("Shared").field("database", database).field("local", local).finish()
            }
        }
    }
}

/// The stores, open.
pub(crate) struct StorageTiers {
    local: Arc<dyn CandleStore>,
    shared: Option<Arc<RemoteStore>>,
    /// Sources under whose names a store holds candles that may be anybody's.
    unclaimed: Vec<VenueId>,
    /// Why nothing is kept beyond the end of the program, though it should be.
    memory_fallback: Option<Arc<str>>,
}

impl StorageTiers {
    /// Opens what `storage` names; what is nearer is opened first, and closed again if the rest fails.
    pub(crate) async fn open(storage: Storage) -> Result<Self, StoreError> {
        match storage {
            Storage::Memory => Self::open_local(None).await,
            Storage::Folder(folder) => Self::open_local(Some(folder)).await,
            Storage::Custom(store) => Ok(Self::in_store(store, None)),
            #[cfg(feature = "postgres")]
            Storage::Shared { database, local: near } => {
                let mut tiers = Self::open_local(near).await?;
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

    /// Refuses to begin where a store holds candles under the name of `source` that may be anybody's.
    pub(crate) async fn require(&self, source: VenueId) -> Result<(), StoreError> {
        if !self.unclaimed.contains(&source) {
            return Ok(());
        }
        // Whichever store it is refuses any question about that source, and says what to do.
        let series = Series::new(Symbol::any(source), Timeframe::D1);
        self.local.coverage(&series).await?;
        if let Some(shared) = &self.shared {
            shared.coverage(&series).await?;
        }
        Ok(())
    }

    async fn open_local(folder: Option<StoreConfig>) -> Result<Self, StoreError> {
        let Some(config) = folder else {
            return Ok(Self::in_memory(None));
        };
        let store = match open_folder(config).await {
            Ok(store) => store,
            // Nothing can be kept, but whatever is asked can be answered.
            Err(error) if error.kind() == StoreErrorKind::DiskFull => {
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

    /// Why nothing is kept beyond the end of the program, though it should be.
    pub(crate) fn memory_fallback(&self) -> Option<&Arc<str>> {
        self.memory_fallback.as_ref()
    }

    /// Keeps a candle of which nobody had to be asked, in all stores.
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

    /// What all stores together know of `series`.
    pub(crate) async fn coverage(&self, series: &Series) -> Result<Coverage, StoreError> {
        let mut known = self.local.coverage(series).await?;
        if let Some(shared) = &self.shared {
            known.merge(&shared.coverage(series).await?);
        }
        Ok(known)
    }

    /// How the shared store is, where there is one.
    pub(crate) fn shared(&self) -> Option<RemoteStoreState> {
        self.shared.as_ref().map(|shared| shared.state())
    }

    /// The store that answers first.
    pub(crate) fn local_store(&self) -> Arc<dyn CandleStore> {
        Arc::clone(&self.local)
    }

    /// What lies behind the nearest store: the shared one, where there is one, before `upstream`.
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
        // Computes nothing, for the nearest store would keep it; it is here because it can be surveyed.
        let stored = Arc::new(stored);
        let behind = DerivedSource::new(shared, stored, clock(), capabilities, DerivationPolicy::Never);
        Some(Arc::new(behind))
    }

    /// Finishes what is under way, nearest first.
    pub(crate) async fn close(&self) {
        self.local.close().await;
        if let Some(shared) = &self.shared {
            shared.close().await;
        }
    }
}

/// Connects to the database, as often as it takes; notes whose series are not known to be theirs.
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
