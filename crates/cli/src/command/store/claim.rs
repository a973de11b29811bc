//! `market-backbone store claim`: assigns a source to candles of an older version.

use market_backbone::{CandleStore, SqliteStore, VenueId};

use super::backend;
use crate::args::{ClaimArgs, GlobalArgs};
use crate::{output, settings};

/// Claims in the database, if one is named, and in the folder, wherever candles are unclaimed.
pub(super) async fn run(args: ClaimArgs, global: &GlobalArgs) -> anyhow::Result<()> {
    let (claimed, source) = (args.claimed, args.source.unwrap_or(args.claimed));
    let mut keepers = Vec::new();
    if let Some(database) = settings::shared(global)? {
        let name = format!("the database {database}");
        let store = backend::connect(database).await?;
        let outcome = if store.unclaimed().contains(&claimed) {
            store.claim(claimed, source).await.map(|()| keepers.push(name))
        } else {
            Ok(())
        };
        store.close().await;
        outcome?;
    }
    let config = settings::store(global)?;
    if config.get_dir().join("index.db").is_file() {
        let name = format!("{}", config.get_dir().display());
        // Not by its records: the user who claims it knows better.
        let store = SqliteStore::open(config).await?;
        let outcome = if store.unclaimed().contains(&claimed) {
            store.claim(claimed, source).await.map(|()| keepers.push(name))
        } else {
            Ok(())
        };
        store.close().await;
        outcome?;
    }
    report_claim(claimed, source, &keepers)
}

fn report_claim(claimed: VenueId, source: VenueId, keepers: &[String]) -> anyhow::Result<()> {
    anyhow::ensure!(!keepers.is_empty(), "the candles of {claimed} need no claim here");
    for keeper in keepers {
        output::note(&format!("the candles that {keeper} held under {claimed} now belong to {source}"));
    }
    Ok(())
}
