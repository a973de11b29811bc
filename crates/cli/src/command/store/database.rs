//! `store stats` and `store vacuum` of the database that `--store` names, and not of the folder.

use comfy_table::{CellAlignment, Table};
use market_backbone::{DatabaseSeries, DatabaseStats, DatabaseTable, PostgresConfig};
use serde_json::{Value, json};

use super::stats::size;
use super::{backend, note_unclaimed, run_and_close};
use crate::args::{ReportFormat, StatsArgs, VacuumArgs};
use crate::command::unless_stopped;
use crate::output::Output;
use crate::progress::Working;

pub(super) async fn stats(args: StatsArgs, database: PostgresConfig) -> anyhow::Result<()> {
    let place = database.to_string();
    let store = backend::connect(database).await?;
    run_and_close(&store, async |store| {
        store.unclaimed().into_iter().for_each(note_unclaimed);
        unless_stopped(async {
            let stats = store.stats().await?;
            match args.format {
                ReportFormat::Json => write_json(&place, &stats, args.series),
                ReportFormat::Table => write_table(&place, &stats, args.series),
            }
        })
        .await
    })
    .await
}

pub(super) async fn vacuum(args: VacuumArgs, database: PostgresConfig) -> anyhow::Result<()> {
    let place = database.to_string();
    let store = backend::connect(database).await?;
    run_and_close(&store, async |store| {
        unless_stopped(async {
            let before = store.tables().await?;
            let working = Working::begin(format!("giving space back in {place}"));
            store.vacuum().await?;
            drop(working);
            write_vacuum(&place, args.format, (&before, &store.tables().await?))
        })
        .await
    })
    .await
}

fn write_json(place: &str, stats: &DatabaseStats, each: bool) -> anyhow::Result<()> {
    let mut output = Output::open(None)?;
    for table in &stats.tables {
        let DatabaseTable { name, bytes, dead_rows, .. } = table;
        let line =
            json!({ "kind": "table", "place": place, "table": name, "bytes": bytes, "dead_rows": dead_rows });
        output.line(&line.to_string())?;
    }
    for series in stats.series.iter().filter(|_| each) {
        output.line(&series_json(place, series).to_string())?;
    }
    let total = json!({
        "kind": "total",
        "place": place,
        "series": stats.series.len(),
        "rows": stats.rows(),
        "spans": stats.series.iter().map(|series| series.spans).sum::<u64>(),
        "disputes": stats.series.iter().map(|series| series.disputes).sum::<u64>(),
        "revisions": stats.series.iter().map(|series| series.revisions).sum::<u64>(),
        "bytes": stats.bytes(),
        "dead_rows": stats.dead_rows(),
    });
    output.line(&total.to_string())?;
    output.finish()
}

fn series_json(place: &str, one: &DatabaseSeries) -> Value {
    let symbol = &one.series.symbol;
    json!({
        "kind": "series",
        "place": place,
        "source": symbol.venue().as_str(),
        "venue": symbol.venue().family().as_str(),
        "symbol": symbol.code(),
        "timeframe": one.series.timeframe.as_str(),
        "rows": one.rows,
        "spans": one.spans,
        "disputes": one.disputes,
        "revisions": one.revisions,
    })
}

fn write_table(place: &str, stats: &DatabaseStats, each: bool) -> anyhow::Result<()> {
    let mut output = Output::open(None)?;
    if each {
        let mut table = plain(["source", "series", "rows", "spans", "disputes", "revisions"]);
        for one in &stats.series {
            let numbers = [one.rows, one.spans, one.disputes, one.revisions].map(|number| number.to_string());
            let names = [one.series.symbol.venue().to_string(), one.series.to_string()];
            table.add_row(names.into_iter().chain(numbers));
        }
        output.line(&right_aligned(table, 2..6).to_string())?;
        output.line("")?;
    }
    let mut table = plain(["table", "size", "dead rows"]);
    for one in &stats.tables {
        table.add_row([one.name.clone(), size(one.bytes), one.dead_rows.to_string()]);
    }
    table.add_row(["all".to_owned(), size(stats.bytes()), stats.dead_rows().to_string()]);
    output.line(&right_aligned(table, 1..3).to_string())?;
    output.line(&format!("{place}: {} series, {} candles", stats.series.len(), stats.rows()))?;
    output.finish()
}

fn write_vacuum(
    place: &str,
    format: ReportFormat,
    (before, after): (&[DatabaseTable], &[DatabaseTable]),
) -> anyhow::Result<()> {
    let bytes = |tables: &[DatabaseTable]| tables.iter().map(|table| table.bytes).sum::<u64>();
    let dead = |tables: &[DatabaseTable]| tables.iter().map(|table| table.dead_rows).sum::<u64>();
    let mut output = Output::open(None)?;
    output.line(&match format {
        ReportFormat::Json => json!({
            "kind": "total",
            "place": place,
            "bytes_before": bytes(before),
            "bytes_after": bytes(after),
            "dead_rows_before": dead(before),
            "dead_rows_after": dead(after),
        })
        .to_string(),
        ReportFormat::Table => format!(
            "{place}: {} before, {} after; the space of {} dead rows is free for new ones, that of {} not \
             yet",
            size(bytes(before)),
            size(bytes(after)),
            dead(before).saturating_sub(dead(after)),
            dead(after)
        ),
    })?;
    output.finish()
}

fn plain<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(header);
    table
}

fn right_aligned(mut table: Table, columns: std::ops::Range<usize>) -> Table {
    for column in columns {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}
