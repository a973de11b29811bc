//! `market-backbone store import`: takes in what `export` wrote, after a look at all of it.

use market_backbone::{CandleStore, import_archive};

use super::export::say;
use crate::args::Import;

pub(super) async fn run(args: Import, store: &dyn CandleStore) -> anyhow::Result<()> {
    say("imported", &import_archive(store, &args.dir).await?)
}
