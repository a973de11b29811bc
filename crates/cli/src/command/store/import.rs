//! `market-backbone store import`: reads what `export` wrote, after a check of all of it.

use market_backbone::{
    CandleStore, Clock, SystemClock, import_archive, import_archive_as, import_archive_of,
};

use super::export::print_manifest;
use crate::args::{GlobalArgs, ImportArgs};
use crate::progress::Working;
use crate::settings;

pub(super) async fn run(
    args: ImportArgs,
    store: &dyn CandleStore,
    global: &GlobalArgs,
) -> anyhow::Result<()> {
    let now = SystemClock.now();
    let working = Working::begin(format!("importing {}", args.dir.display()));
    let manifest = match (args.rename, settings::source(global)?) {
        (Some(source), _) => import_archive_as(store, &args.dir, now, source).await?,
        (None, Some(source)) => import_archive_of(store, &args.dir, now, source).await?,
        (None, None) => import_archive(store, &args.dir, now).await?,
    };
    drop(working);
    print_manifest("imported", &manifest, args.rename)
}
