//! `market-backbone store import`: reads what `export` wrote, after a check of all of it.

use market_backbone::{
    CandleStore, Clock, SystemClock, check_archive_calendars, import_archive, import_archive_as,
    import_archive_of, known_venues,
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
    if !args.dir.join("_manifest.json").is_file() {
        let dir = args.dir.display();
        anyhow::bail!(
            "{dir} holds no archive: it has no _manifest.json; name a folder that `store export` wrote"
        );
    }
    let now = SystemClock.now();
    check_archive_calendars(&args.dir, known_venues()).await?;
    let working = Working::begin(format!("importing {}", args.dir.display()));
    let manifest = match (args.rename, settings::source(global)?) {
        (Some(source), _) => import_archive_as(store, &args.dir, now, source).await?,
        (None, Some(source)) => import_archive_of(store, &args.dir, now, source).await?,
        (None, None) => import_archive(store, &args.dir, now).await?,
    };
    drop(working);
    print_manifest("imported", &manifest, args.rename)
}
