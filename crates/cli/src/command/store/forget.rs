//! `market-backbone store forget`: deletes candles of one series, and their coverage, in the folder and in
//! the database behind it.

use std::io::{IsTerminal, stdin};

use anyhow::{Context, bail, ensure};
use market_backbone::{
    CandleStore, Clock, Series, SystemClock, TimeRange, Timestamp, VenueId, grid_of, normalize_code,
};
use serde_json::{Value, json};

use crate::args::{ForgetArgs, ReportFormat, VenueArg};
use crate::exit::UsageError;
use crate::output::{self, Output};

/// The number of rows counted at once.
const READ_PAGE: usize = 50_000;

/// The data to forget in one store.
struct ForgetTarget<'a> {
    place: &'a str,
    store: &'a dyn CandleStore,
    rows: u64,
    /// True if something is known, even if that is that there are no rows.
    is_known: bool,
}

pub(super) async fn run(
    args: ForgetArgs,
    venue: VenueArg,
    keepers: &[(String, Box<dyn CandleStore>)],
) -> anyhow::Result<()> {
    let mut stored = Vec::new();
    for (_, store) in keepers {
        stored.extend(store.series().await?);
    }
    let series = choose_series(&args, venue, stored)?;
    let range = range(&args, &series)?;
    let mut found = Vec::new();
    for (place, store) in keepers {
        let store = store.as_ref();
        let rows = count(store, &series, range).await?;
        let is_known = !store.coverage(&series).await?.within(range).spans().is_empty();
        found.push(ForgetTarget { place, store, rows, is_known });
    }
    if !args.yes && stdin().is_terminal() && !ask_confirmation(&series, range, &found)? {
        bail!("nothing was forgotten");
    }
    let mut output = Output::open(None)?;
    for ForgetTarget { place, store, rows, is_known } in found {
        if rows > 0 || is_known {
            store.forget(&series, range).await?;
        }
        let line = match args.format {
            ReportFormat::Json => as_json(&series, range, place, rows).to_string(),
            ReportFormat::Table if rows == 0 && !is_known => {
                format!("{place}: knew nothing of {}", what(&series, range))
            }
            ReportFormat::Table => format!("{place}: forgot {rows} candles of {}", what(&series, range)),
        };
        output.line(&line)?;
    }
    output.finish()?;
    if keepers.len() > 1 {
        output::note("other machines that share the database keep what is in their own folders");
    }
    Ok(())
}

/// Returns the one series of that name.
fn choose_series(args: &ForgetArgs, venue: VenueArg, stored: Vec<Series>) -> anyhow::Result<Series> {
    let spelt = normalize_code(venue.id(), &args.market);
    let is_named = |series: &Series| {
        let code = series.symbol.code();
        series.timeframe == args.timeframe && (code == args.market || code == spelt)
    };
    let is_source = |source: VenueId| match &args.source {
        Some(named) => source.as_str() == named,
        None => family(source) == venue.id().as_str(),
    };
    let mut named: Vec<_> =
        stored.into_iter().filter(|series| is_named(series) && is_source(series.symbol.venue())).collect();
    named.sort();
    named.dedup();
    // An exact market code goes before one that the name stands for.
    if named.iter().any(|series| series.symbol.code() == args.market) {
        named.retain(|series| series.symbol.code() == args.market);
    }
    let mut sources: Vec<_> = named.iter().map(|series| series.symbol.venue().as_str()).collect();
    sources.dedup();
    ensure!(
        sources.len() <= 1,
        UsageError(format!(
            "several sources have {spelt} {}: name one with --source: {}",
            args.timeframe,
            sources.join(", ")
        ))
    );
    named.pop().with_context(|| {
        format!("nothing is stored of {spelt} {}; `store stats --series` lists what is", args.timeframe)
    })
}

/// Returns the venue whose protocol a source speaks: its name up to a region or an address.
fn family(source: VenueId) -> &'static str {
    source.as_str().split(['-', '@']).next().unwrap_or_default()
}

/// Returns a range of whole slots, because half of a slot cannot be known.
fn range(args: &ForgetArgs, series: &Series) -> anyhow::Result<TimeRange> {
    let (grid, frame) = (grid_of(series.symbol.venue()), series.timeframe);
    let now = SystemClock.now();
    let from = args.from.map_or(Timestamp::MIN, |from| grid.floor(frame, from.at(now)));
    let to = args.to.map_or(Timestamp::MAX, |to| grid.ceil(frame, to.at(now)));
    Ok(TimeRange::new(from, to).map_err(|error| UsageError(error.to_string()))?)
}

async fn count(store: &dyn CandleStore, series: &Series, range: TimeRange) -> anyhow::Result<u64> {
    let (mut rows, mut rest) = (0, Some(range));
    while let Some(range) = rest {
        let read = store.read(series, range, READ_PAGE).await?.candles;
        rows += read.len() as u64;
        let oldest = read.first().filter(|_| read.len() == READ_PAGE);
        rest = oldest.and_then(|oldest| TimeRange::new(range.from(), oldest.open_time).ok());
    }
    Ok(rows)
}

fn ask_confirmation(series: &Series, range: TimeRange, found: &[ForgetTarget<'_>]) -> anyhow::Result<bool> {
    for ForgetTarget { place, rows, .. } in found {
        output::note(&format!("{place}: {rows} candles of {}", what(series, range)));
    }
    output::note("forget them, and their coverage? [y/N]");
    let mut answer = String::new();
    stdin().read_line(&mut answer).context("cannot read the answer; use --yes")?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

fn what(series: &Series, range: TimeRange) -> String {
    let source = series.symbol.venue();
    match (range.from(), range.to()) {
        (Timestamp::MIN, Timestamp::MAX) => format!("{series} ({source})"),
        (from, Timestamp::MAX) => format!("{series} ({source}) from {from}"),
        (Timestamp::MIN, to) => format!("{series} ({source}) before {to}"),
        (from, to) => format!("{series} ({source}) from {from} to {to}"),
    }
}

fn as_json(series: &Series, range: TimeRange, place: &str, rows: u64) -> Value {
    let end = |moment: Timestamp, open| (moment != open).then(|| moment.to_string());
    json!({
        "kind": "forgotten",
        "place": place,
        "venue": series.symbol.venue().as_str(),
        "symbol": series.symbol.code(),
        "timeframe": series.timeframe.as_str(),
        "from": end(range.from(), Timestamp::MIN),
        "to": end(range.to(), Timestamp::MAX),
        "rows": rows,
    })
}
