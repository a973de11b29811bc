//! `market-backbone store vacuum`: gives free space back to the disk.

use comfy_table::Table;
use market_backbone::{ShardMaintenance, SqliteStore};
use serde_json::{Value, json};

use super::stats::size;
use crate::args::{ReportFormat, VacuumArgs};
use crate::output::Output;
use crate::progress::Working;

pub(super) async fn run(args: VacuumArgs, store: &SqliteStore) -> anyhow::Result<()> {
    let working = Working::begin("giving space back".to_owned());
    let report = store.vacuum().await?;
    drop(working);
    let (before, after) = report
        .shards
        .iter()
        .fold((0, 0), |(before, after), shard| (before + shard.bytes_before, after + shard.bytes_after));
    let mut output = Output::open(None)?;
    match args.format {
        ReportFormat::Json => {
            for shard in &report.shards {
                output.line(&shard_json(shard).to_string())?;
            }
            let total = json!({
                "kind": "total", "bytes_before": before, "bytes_after": after, "freed_bytes": report.freed_bytes(),
                "forgotten_steps": report.forgotten,
            });
            output.line(&total.to_string())?;
        }
        ReportFormat::Table => {
            output.line(&table(&report.shards).to_string())?;
            output.line(&format!(
                "{} before, {} after: {} given back",
                size(before),
                size(after),
                size(report.freed_bytes())
            ))?;
        }
    }
    output.finish()
}

fn shard_json(shard: &ShardMaintenance) -> Value {
    json!({
        "kind": "shard",
        "file": shard.file.display().to_string(),
        "bytes_before": shard.bytes_before,
        "bytes_after": shard.bytes_after,
        "free_pages_before": shard.free_pages_before,
        "free_pages_after": shard.free_pages_after,
        "steps": shard.steps,
        "rewritten": shard.rewritten,
        "longest_turn_ms": shard.longest_lock_hold.as_secs_f64() * 1_000.0,
    })
}

fn table(shards: &[ShardMaintenance]) -> Table {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(["file", "before", "after", ""]);
    for shard in shards {
        let done = if shard.rewritten { "made anew" } else { "" };
        let (before, after) = (size(shard.bytes_before), size(shard.bytes_after));
        table.add_row([shard.file.display().to_string(), before, after, done.to_owned()]);
    }
    table
}
