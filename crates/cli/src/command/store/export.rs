//! `market-backbone store export`: writes series to files, with their coverage and a content hash.

use anyhow::Context;
use market_backbone::{
    CandleStore, Clock, ExportOptions, Manifest, Series, SystemClock, TimeRange, Timeframe, Timestamp,
    VenueId, export_archive, known_venues,
};

use crate::args::{self, ExportArgs, TimeArg};
use crate::exit::UsageError;
use crate::output::{self, Output};
use crate::progress::Working;

pub(super) async fn run(args: ExportArgs, store: &dyn CandleStore) -> anyhow::Result<()> {
    let at = |time: Option<TimeArg>, open| time.map_or(open, |time| time.at(SystemClock.now()));
    let (from, to) = (at(args.from, Timestamp::MIN), at(args.to, Timestamp::MAX));
    let range = TimeRange::new(from, to).map_err(|error| UsageError(error.to_string()))?;
    let mut stored = store.series().await?;
    stored.retain(|series| args.source.is_none_or(|source| series.symbol.venue() == source));
    let series = choose_series(&args.series, stored)?;
    let format = match args.format {
        args::ArchiveFormatArg::Csv => market_backbone::ArchiveFormat::Csv,
        args::ArchiveFormatArg::Parquet => market_backbone::ArchiveFormat::Parquet,
    };
    let working = Working::begin(format!("exporting {} series", series.len()));
    let order = ExportOptions::new(args.output, format, series, known_venues()).range(range);
    let manifest = export_archive(store, &order).await?;
    drop(working);
    print_manifest("exported", &manifest, None)
}

/// Returns the named series, or all.
fn choose_series(named: &[String], stored: Vec<Series>) -> anyhow::Result<Vec<Series>> {
    if named.is_empty() {
        anyhow::ensure!(
            !stored.is_empty(),
            "nothing is stored here; --data-dir names the folder of the store"
        );
        return Ok(stored);
    }
    let mut chosen = Vec::new();
    for name in named {
        let readable = name.split_once(' ').map(|(_, timeframe)| timeframe.parse::<Timeframe>());
        let unreadable = || UsageError(format!("--series {name:?}: write it like \"KRW-BTC 1m\""));
        readable
            .ok_or_else(unreadable)?
            .map_err(|error| UsageError(format!("--series {name:?}: {error}")))?;
        let before = chosen.len();
        chosen.extend(stored.iter().filter(|series| series.to_string() == *name).cloned());
        let found = (chosen.len() > before).then_some(());
        found
            .with_context(|| format!("nothing is stored of {name}; `store stats --series` lists what is"))?;
    }
    Ok(chosen)
}

/// Prints the hash alone on stdout, so that scripts can compare it. The rest goes to stderr for people.
pub(super) fn print_manifest(
    done: &str,
    manifest: &Manifest,
    renamed: Option<VenueId>,
) -> anyhow::Result<()> {
    let mut output = Output::open(None)?;
    output.line(&manifest.content_hash.to_string())?;
    output.finish()?;
    let (series, rows) = (manifest.series.len(), manifest.rows());
    let sources: Vec<_> = manifest.sources().iter().map(|source| source.as_str()).collect();
    let mut whose = sources.join(", ");
    if let Some(source) = renamed.filter(|source| sources != [source.as_str()]) {
        whose.push_str(&format!(" as {source}"));
    }
    output::note(&format!("{done} {series} series, {rows} rows, of {whose}"));
    Ok(())
}
