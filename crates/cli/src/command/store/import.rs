//! `market-backbone store import`: takes in what `export` wrote, after a look at all of it.

use market_backbone::{
    CandleStore, Clock, SystemClock, import_archive, import_archive_as, import_archive_of,
};

use super::export::say;
use crate::args::{Global, Import};
use crate::settings;

pub(super) async fn run(args: Import, store: &dyn CandleStore, global: &Global) -> anyhow::Result<()> {
    let now = SystemClock.now();
    let manifest = match (args.rename, settings::source(global)?) {
        (Some(source), _) => import_archive_as(store, &args.dir, now, source).await?,
        (None, Some(source)) => import_archive_of(store, &args.dir, now, source).await?,
        (None, None) => import_archive(store, &args.dir, now).await?,
    };
    say("imported", &manifest, args.rename)
}
