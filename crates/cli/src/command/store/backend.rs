//! The stores of candles: the folder of this machine, and the database that machines share.

use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use market_backbone::{
    CandleStore, Finding, PostgresConfig, PostgresStore, Series, SqliteStore, StoreError, VenueId,
    known_venues, open_folder,
};
use tokio::time::timeout;

use crate::args::GlobalArgs;
use crate::{output, settings};

/// The wait after which a note is printed.
const NOTICE_AFTER: Duration = Duration::from_secs(2);

/// One of the stores.
pub(super) struct StoreBackend {
    /// The place of the store: a folder, or `postgres://user@host:port/database`.
    pub(super) place: String,
    kind: BackendKind,
}

enum BackendKind {
    Folder(SqliteStore),
    Database(PostgresStore),
}

/// The purpose of opening a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AccessMode {
    Read,
    Write,
}

/// Opens all stores that the settings name, the database first: otherwise the folder would copy its rows
/// again.
///
/// The folder may be missing if there is a database.
pub(super) async fn open_all(global: &GlobalArgs, purpose: AccessMode) -> anyhow::Result<Vec<StoreBackend>> {
    let mut keepers = Vec::new();
    let database = settings::shared(global)?;
    let folder = match super::existing(global) {
        Ok(config) => Some(config),
        Err(_) if database.is_some() => None,
        Err(error) => return Err(error),
    };
    if let Some(database) = database {
        let place = database.to_string();
        keepers.push(StoreBackend { place, kind: BackendKind::Database(connect(database).await?) });
    }
    if let Some(config) = folder {
        let place = config.get_dir().display().to_string();
        let opened = match purpose {
            AccessMode::Read => super::open_to_read(config).await,
            AccessMode::Write => open_folder(config).await.map_err(anyhow::Error::from),
        };
        match opened {
            Ok(store) => keepers.push(StoreBackend { place, kind: BackendKind::Folder(store) }),
            Err(error) => {
                close(keepers).await;
                return Err(error);
            }
        }
    }
    Ok(keepers)
}

/// Connects to a database for maintenance. A note is printed if that takes long.
pub(super) async fn connect(database: PostgresConfig) -> Result<PostgresStore, StoreError> {
    let place = database.to_string();
    let mut connecting = pin!(PostgresStore::connect(database));
    if let Ok(connected) = timeout(NOTICE_AFTER, &mut connecting).await {
        return connected;
    }
    output::note(&format!("waiting for the database {place} for {} s now", NOTICE_AFTER.as_secs()));
    connecting.await
}

pub(super) async fn close(keepers: Vec<StoreBackend>) {
    for keeper in keepers {
        keeper.store().close().await;
    }
}

impl StoreBackend {
    fn store(&self) -> &dyn CandleStore {
        match &self.kind {
            BackendKind::Folder(store) => store,
            BackendKind::Database(store) => store,
        }
    }

    /// Returns the sources with unclaimed candles.
    pub(super) fn unclaimed(&self) -> Vec<VenueId> {
        match &self.kind {
            BackendKind::Folder(store) => store.unclaimed(),
            BackendKind::Database(store) => store.unclaimed(),
        }
    }

    pub(super) async fn check(&self) -> Result<Vec<Finding>, StoreError> {
        match &self.kind {
            BackendKind::Folder(store) => store.check(known_venues()).await,
            BackendKind::Database(store) => store.check(known_venues()).await,
        }
    }

    /// Rebuilds a damaged file from its valid content; returns the ranges that were known and no longer are.
    pub(super) async fn rebuild(&self, file: &Path) -> Result<Vec<super::check::SeriesRange>, StoreError> {
        match &self.kind {
            BackendKind::Folder(store) => store.rebuild(file).await,
            BackendKind::Database(_) => Ok(Vec::new()), // its files are managed by the server
        }
    }

    /// Makes a bad sealed file again from the table that it is a copy of.
    pub(super) async fn seal_again(&self, file: &Path) -> Result<(), StoreError> {
        match &self.kind {
            BackendKind::Folder(store) => store.seal_again(file).await,
            BackendKind::Database(_) => Ok(()), // it has none
        }
    }

    pub(super) async fn repair_ledger(&self, series: &Series) -> Result<(), StoreError> {
        match &self.kind {
            BackendKind::Folder(store) => store.repair_ledger(series).await,
            BackendKind::Database(store) => store.repair_ledger(series).await,
        }
    }

    /// Forgets ranges, as far as anything of their series is stored.
    pub(super) async fn forget(&self, stretches: &[super::check::SeriesRange]) -> Result<(), StoreError> {
        let kept = self.store().series().await?;
        for (series, range) in stretches.iter().filter(|(series, _)| kept.contains(series)) {
            self.store().forget(series, *range).await?;
        }
        Ok(())
    }
}
