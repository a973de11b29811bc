//! Where candles are kept: the folder of this machine, the database that machines share.

use std::pin::pin;
use std::time::Duration;

use market_backbone::{
    CandleStore, Finding, PostgresConfig, PostgresStore, Series, SqliteStore, StoreError, VenueId, grid_of,
    open_folder,
};
use tokio::time::timeout;

use crate::args::Global;
use crate::{output, settings};

/// Whoever waits longer than this is told so.
const NOTICE: Duration = Duration::from_secs(2);

/// One of the places.
pub(super) struct Keeper {
    /// Where it is: a folder, or `postgres://user@host:port/database`.
    pub(super) place: String,
    store: Kind,
}

enum Kind {
    Folder(SqliteStore),
    Database(PostgresStore),
}

/// What is meant to be done there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Read,
    Write,
}

/// All places that the settings name, the database first: what it still had, the folder would take from it again. The
/// folder may be missing where there is a database.
pub(super) async fn all(global: &Global, purpose: Purpose) -> anyhow::Result<Vec<Keeper>> {
    let mut keepers = Vec::new();
    let database = settings::shared(global)?;
    let folder = match super::existing(global) {
        Ok(config) => Some(config),
        Err(_) if database.is_some() => None,
        Err(error) => return Err(error),
    };
    if let Some(database) = database {
        let place = database.to_string();
        keepers.push(Keeper { place, store: Kind::Database(connect(database).await?) });
    }
    if let Some(config) = folder {
        let place = config.dir.display().to_string();
        let opened = match purpose {
            Purpose::Read => super::to_read(config).await,
            Purpose::Write => open_folder(config).await.map_err(anyhow::Error::from),
        };
        match opened {
            Ok(store) => keepers.push(Keeper { place, store: Kind::Folder(store) }),
            Err(error) => {
                close(keepers).await;
                return Err(error);
            }
        }
    }
    Ok(keepers)
}

/// Connects to a database that is looked after. Whoever waits for it is told so.
pub(super) async fn connect(database: PostgresConfig) -> Result<PostgresStore, StoreError> {
    let place = database.to_string();
    let mut connecting = pin!(PostgresStore::connect(database));
    if let Ok(connected) = timeout(NOTICE, &mut connecting).await {
        return connected;
    }
    output::note(&format!("waiting for the database {place} for {} s now", NOTICE.as_secs()));
    connecting.await
}

pub(super) async fn close(keepers: Vec<Keeper>) {
    for keeper in keepers {
        keeper.store().close().await;
    }
}

impl Keeper {
    fn store(&self) -> &dyn CandleStore {
        match &self.store {
            Kind::Folder(store) => store,
            Kind::Database(store) => store,
        }
    }

    /// Sources of which nobody has said whose their candles are.
    pub(super) fn unclaimed(&self) -> Vec<VenueId> {
        match &self.store {
            Kind::Folder(store) => store.unclaimed(),
            Kind::Database(store) => store.unclaimed(),
        }
    }

    pub(super) async fn check(&self) -> Result<Vec<Finding>, StoreError> {
        match &self.store {
            Kind::Folder(store) => store.check(grid_of).await,
            Kind::Database(store) => store.check(grid_of).await,
        }
    }

    pub(super) async fn mend_ledger(&self, series: &Series) -> Result<(), StoreError> {
        match &self.store {
            Kind::Folder(store) => store.mend_ledger(series).await,
            Kind::Database(store) => store.mend_ledger(series).await,
        }
    }

    /// Forgets stretches, as far as anything is kept of their series.
    pub(super) async fn forget(&self, stretches: &[super::check::Stretch]) -> Result<(), StoreError> {
        let kept = self.store().series().await?;
        for (series, range) in stretches.iter().filter(|(series, _)| kept.contains(series)) {
            self.store().forget(series, *range).await?;
        }
        Ok(())
    }
}
