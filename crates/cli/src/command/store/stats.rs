//! `market-backbone store stats`: the stored data, its size, and its fragmentation.

use comfy_table::{CellAlignment, Table};
use market_backbone::{SeriesStats, ShardStats, SqliteStore, StoreStats};
use serde_json::{Value, json};

use crate::args::{ReportFormat, StatsArgs};
use crate::output::Output;
use crate::terminal::TextStyle;

const PAGE_BYTES: u64 = 4_096;

pub(super) async fn run(args: StatsArgs, store: &SqliteStore) -> anyhow::Result<()> {
    let stats = store.stats().await?;
    let mut output = Output::open(None)?;
    match args.format {
        ReportFormat::Json => {
            for shard in &stats.shards {
                output.line(&shard_json(shard).to_string())?;
            }
            for series in stats.series.iter().filter(|_| args.series) {
                output.line(&series_json(series).to_string())?;
            }
            output.line(&total_json(&stats).to_string())?;
        }
        ReportFormat::Table => {
            if args.series {
                output.line(&series_table(&stats.series).to_string())?;
                output.line("")?;
            }
            output.line(&shard_table(&stats).to_string())?;
        }
    }
    output.finish()
}

fn shard_json(shard: &ShardStats) -> Value {
    json!({
        "kind": "shard",
        "source": shard.source.as_str(),
        "file": shard.file.display().to_string(),
        "series": shard.series,
        "rows": shard.rows,
        "spans": shard.spans,
        "revisions": shard.revisions,
        "bytes": shard.bytes,
        "log_bytes": shard.log_bytes,
        "pages": shard.pages,
        "free_pages": shard.free_pages,
        "scattered": shard.scattered,
        "sealed_files": shard.sealed_files,
        "sealed_rows": shard.sealed_rows,
        "sealed_bytes": shard.sealed_bytes,
    })
}

fn series_json(stats: &SeriesStats) -> Value {
    json!({
        "kind": "series",
        "source": stats.series.symbol.venue().as_str(),
        "venue": stats.series.symbol.venue().family().as_str(),
        "symbol": stats.series.symbol.code(),
        "timeframe": stats.series.timeframe.as_str(),
        "file": stats.file.display().to_string(),
        "rows": stats.rows,
        "spans": stats.spans,
        "revisions": stats.revisions,
        "bytes": stats.bytes,
        "unused_bytes": stats.unused_bytes,
        "scattered": stats.scattered,
    })
}

fn total_json(stats: &StoreStats) -> Value {
    json!({
        "kind": "total",
        "shards": stats.shards.len(),
        "series": stats.series.len(),
        "rows": stats.rows(),
        "spans": stats.spans(),
        "revisions": stats.revisions(),
        "bytes": stats.bytes(),
        "free_pages": stats.shards.iter().map(|shard| shard.free_pages).sum::<u64>(),
        "sealed_rows": stats.sealed_rows(),
        "sealed_bytes": stats.sealed_bytes(),
    })
}

fn series_table(all: &[SeriesStats]) -> Table {
    let mut table = plain(["source", "series", "rows", "spans", "revisions", "size", "unused", "scattered"]);
    for one in all {
        table.add_row([
            one.series.symbol.venue().to_string(),
            one.series.to_string(),
            count(one.rows),
            count(one.spans),
            count(one.revisions),
            size(one.bytes),
            share(one.unused_bytes, one.bytes),
            percent(one.scattered),
        ]);
    }
    right_align(&mut table);
    table
}

fn shard_table(stats: &StoreStats) -> Table {
    let mut table = plain([
        "file",
        "source",
        "series",
        "rows",
        "spans",
        "revisions",
        "size",
        "log",
        "sealed",
        "free",
        "scattered",
    ]);
    for shard in &stats.shards {
        table.add_row([
            shard.file.display().to_string(),
            shard.source.to_string(),
            count(shard.series),
            count(shard.rows),
            count(shard.spans),
            count(shard.revisions),
            size(shard.bytes),
            size(shard.log_bytes),
            size(shard.sealed_bytes),
            share(shard.free_pages, shard.pages),
            percent(shard.scattered),
        ]);
    }
    let free = stats.shards.iter().map(|shard| shard.free_pages).sum::<u64>();
    let pages = stats.shards.iter().map(|shard| shard.pages).sum::<u64>();
    table.add_row([
        "all".to_owned(),
        String::new(),
        count(stats.series.len()),
        count(stats.rows()),
        count(stats.spans()),
        count(stats.revisions()),
        size(stats.bytes()),
        String::new(),
        size(stats.sealed_bytes()),
        format!("{} ({})", share(free, pages), size(free * PAGE_BYTES)),
        String::new(),
    ]);
    right_align(&mut table);
    table
}

fn plain<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(header);
    table
}

fn right_align(table: &mut Table) {
    for column in 2..10 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

/// A number of things, with thousands separators on a terminal.
fn count(things: impl std::fmt::Display) -> String {
    TextStyle::of_stdout().number(&things.to_string())
}

fn share(part: u64, whole: u64) -> String {
    percent(if whole == 0 { 0.0 } else { part as f64 / whole as f64 })
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// Formats bytes for people.
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{:.1} KiB", bytes as f64 / 1_024.0),
        1_048_576..1_073_741_824 => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
        _ => format!("{:.1} GiB", bytes as f64 / 1_073_741_824.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_as_people_say_them() {
        let said = [0, 1_023, 1_536, 5 << 20, 3 << 30].map(size);
        assert_eq!(said, ["0 B", "1023 B", "1.5 KiB", "5.0 MiB", "3.0 GiB"]);
    }
}
