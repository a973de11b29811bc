//! `market-backbone store …`: the data folder itself, and the database behind it, without a venue.

mod backend;
mod check;
mod claim;
mod database;
mod export;
mod forget;
mod import;
mod seal;
mod stats;
mod vacuum;

use market_backbone::{CandleStore, SqliteStore, StoreConfig, StoreErrorKind, VenueId, open_folder};

use super::unless_stopped;
use crate::args::{ForgetArgs, GlobalArgs, StatsArgs, StoreArgs, StoreCommand};
use crate::{output, settings};

/// Runs a command on the data folder.
pub(crate) async fn run(args: StoreArgs, global: &GlobalArgs) -> anyhow::Result<()> {
    match args.command {
        StoreCommand::Stats(args) => match settings::shared(global)? {
            Some(database) => database::stats(args, database).await,
            None => stats_of_folder(args, global).await,
        },
        StoreCommand::Check(args) if args.repair => unless_stopped(check::repair(args, global)).await,
        StoreCommand::Check(args) => unless_stopped(check::run(args, global)).await,
        StoreCommand::Claim(args) => claim::run(args, global).await,
        StoreCommand::Vacuum(args) => match settings::shared(global)? {
            Some(database) => database::vacuum(args, database).await,
            None => {
                writing(existing(global)?, async |store| unless_stopped(vacuum::run(args, store)).await).await
            }
        },
        StoreCommand::Seal => {
            writing(existing(global)?, async |store| unless_stopped(seal::run(store)).await).await
        }
        StoreCommand::Forget(args) => forget(args, global).await,
        StoreCommand::Export(args) => match settings::shared(global)? {
            Some(database) => {
                let store = backend::connect(database).await?;
                run_and_close(&store, async |store| {
                    ensure_all_claimed(&store.unclaimed())?;
                    unless_stopped(export::run(args, store)).await
                })
                .await
            }
            None => {
                reading(global, async |store| {
                    ensure_all_claimed(&store.unclaimed())?;
                    unless_stopped(export::run(args, store)).await
                })
                .await
            }
        },
        StoreCommand::Import(args) => match settings::shared(global)? {
            Some(database) => {
                let store = backend::connect(database).await?;
                run_and_close(&store, async |store| unless_stopped(import::run(args, store, global)).await)
                    .await
            }
            None => {
                let config = settings::store(global)?;
                writing(config, async |store| unless_stopped(import::run(args, store, global)).await).await
            }
        },
    }
}

async fn stats_of_folder(args: StatsArgs, global: &GlobalArgs) -> anyhow::Result<()> {
    reading(global, async |store| {
        store.unclaimed().into_iter().for_each(note_unclaimed);
        unless_stopped(stats::run(args, store)).await
    })
    .await
}

/// Deletes in the database first: otherwise the folder would copy its rows again.
async fn forget(mut args: ForgetArgs, global: &GlobalArgs) -> anyhow::Result<()> {
    if args.source.is_none() {
        // An address, a region or --same-as names it as well.
        args.source = settings::source(global)?.map(|source| source.as_str().to_owned());
    }
    let database = settings::shared(global)?;
    let config = match existing(global) {
        Ok(config) => Some(config),
        Err(_) if database.is_some() => None,
        Err(error) => return Err(error),
    };
    let mut keepers: Vec<(String, Box<dyn CandleStore>)> = Vec::new();
    if let Some(database) = database {
        let place = database.to_string();
        keepers.push((place, Box::new(backend::connect(database).await?)));
    }
    if let Some(config) = config {
        let place = config.get_dir().display().to_string();
        keepers.push((place, Box::new(SqliteStore::open(config).await?)));
    }
    let outcome = unless_stopped(forget::run(args, global.venue, &keepers)).await;
    for (_, store) in &keepers {
        store.close().await;
    }
    outcome
}

/// Notes candles of an older version that a command leaves out.
fn note_unclaimed(source: VenueId) {
    output::note(&format!(
        "left out: candles that an older version kept under {source}; `store claim` assigns their source"
    ));
}

/// Fails if candles have no known source: a check or a copy would silently leave them out.
fn ensure_all_claimed(unclaimed: &[VenueId]) -> anyhow::Result<()> {
    let Some(source) = unclaimed.first() else { return Ok(()) };
    anyhow::bail!(
        "the source of the candles that an older version kept under {source} is not known; run \
         `market-backbone store claim \
         {source}` if they are its own, `market-backbone store claim {source} --as {source}@127.0.0.1:9001` if they are \
         another's"
    )
}

/// Returns the settings of an existing store: opening a missing one would create it.
fn existing(global: &GlobalArgs) -> anyhow::Result<StoreConfig> {
    let config = settings::store(global)?;
    let dir = config.get_dir().display();
    anyhow::ensure!(
        config.get_dir().join("index.db").is_file(),
        "no candles are stored in {dir}; name the folder with --data-dir"
    );
    Ok(config)
}

/// Opens the folder for reading, beside any other user of it.
async fn reading(
    global: &GlobalArgs,
    task: impl AsyncFnOnce(&SqliteStore) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let store = open_to_read(existing(global)?).await?;
    run_and_close(&store, task).await
}

async fn open_to_read(config: StoreConfig) -> anyhow::Result<SqliteStore> {
    Ok(match open_folder(config.clone()).await {
        Err(error) if error.kind() == StoreErrorKind::Locked => SqliteStore::open_read_only(config).await?,
        opened => opened?,
    })
}

/// Opens the folder for writing, beside other users that share it.
async fn writing(
    config: StoreConfig,
    task: impl AsyncFnOnce(&SqliteStore) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let store = open_folder(config).await?;
    run_and_close(&store, task).await
}

async fn run_and_close<S: CandleStore>(
    store: &S,
    task: impl AsyncFnOnce(&S) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let outcome = task(store).await;
    store.close().await;
    outcome
}
