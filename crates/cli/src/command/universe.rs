//! `market-backbone universe …`: named lists of markets.

mod listing;

use std::sync::Arc;

use anyhow::Context;
use comfy_table::Table;
use market_backbone::{
    SystemClock, UniverseEntry, UniverseStore, UnknownUniverse, read_universes, resolve_universe,
};
use serde::Serialize;

use crate::args::{GlobalArgs, ReportFormat, UniverseArgs, UniverseCommand};
use crate::exit::UsageError;
use crate::output::{Output, note};
use crate::settings;

pub(crate) async fn run(args: UniverseArgs, global: &GlobalArgs) -> anyhow::Result<()> {
    let store = UniverseStore::in_folder(settings::store(global)?.get_dir(), Arc::new(SystemClock));
    let outcome = apply(args.command, &store, global).await;
    store.close().await;
    outcome
}

async fn apply(command: UniverseCommand, store: &UniverseStore, global: &GlobalArgs) -> anyhow::Result<()> {
    match command {
        UniverseCommand::List { format } => list(format, &store.entries().await?),
        UniverseCommand::Show { key } => show(&resolve_universe(&store.all().await?, &key).map_err(usage)?),
        UniverseCommand::Import { file, key } => {
            let text =
                std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
            let entries = read_universes(&text, key.as_deref())
                .map_err(|error| UsageError(format!("{}: {error}", file.display())))?;
            store.put(&entries).await?;
            for entry in entries {
                note(&format!("{}: {}", entry.lookup, markets_text(entry.members.len())));
            }
            Ok(())
        }
        UniverseCommand::Add { key, markets, unlisted } => {
            if !unlisted {
                listing::ensure_listed(&markets, global).await?;
            }
            add(store, &key, markets).await
        }
        UniverseCommand::Remove { key, markets } => remove(store, &key, &markets).await,
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is given to map_err")]
fn usage(error: UnknownUniverse) -> UsageError {
    UsageError(error.to_string())
}

/// A universe as a line of the list: how many markets it has, not which.
#[derive(Serialize)]
struct UniverseLine<'a> {
    key: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    markets: usize,
}

fn list(format: ReportFormat, entries: &[UniverseEntry]) -> anyhow::Result<()> {
    let mut output = Output::open(None)?;
    match format {
        ReportFormat::Json => {
            for UniverseEntry { kind, lookup, members } in entries {
                let line = UniverseLine { key: lookup, kind: kind.as_str(), markets: members.len() };
                output.line(&serde_json::to_string(&line)?)?;
            }
        }
        ReportFormat::Table => {
            let mut table = Table::new();
            table.load_style(comfy_table::presets::NOTHING);
            table.set_header(["universe", "kind", "markets"]);
            for UniverseEntry { kind, lookup, members } in entries {
                table.add_row([lookup.as_str(), kind.as_str(), &members.len().to_string()]);
            }
            output.line(&table.to_string())?;
        }
    }
    output.finish()
}

fn show(markets: &[String]) -> anyhow::Result<()> {
    let mut output = Output::open(None)?;
    markets.iter().try_for_each(|market| output.line(market))?;
    output.finish()
}

async fn existing(store: &UniverseStore, key: &str) -> anyhow::Result<Option<UniverseEntry>> {
    Ok(store.entries().await?.into_iter().find(|entry| entry.lookup == key))
}

async fn add(store: &UniverseStore, key: &str, markets: Vec<String>) -> anyhow::Result<()> {
    let found = existing(store, key).await?;
    let before = found.as_ref().map_or_else(Vec::new, |entry| entry.members.clone());
    let mut entry = UniverseEntry::custom(key, before.into_iter().chain(markets));
    if let Some(found) = found {
        entry.kind = found.kind;
    }
    store.put(std::slice::from_ref(&entry)).await?;
    note(&format!("{key}: {}", markets_text(entry.members.len())));
    Ok(())
}

async fn remove(store: &UniverseStore, key: &str, markets: &[String]) -> anyhow::Result<()> {
    let Some(mut entry) = existing(store, key).await? else {
        let unknown = resolve_universe(&store.all().await?, key).err().map_or_else(
            || UsageError(format!("`{key}` names several universes; remove from one of them")),
            usage,
        );
        return Err(unknown.into());
    };
    entry.members.retain(|member| !markets.contains(member));
    if markets.is_empty() || entry.members.is_empty() {
        store.remove(key).await?;
        note(&format!("{key}: removed"));
    } else {
        store.put(std::slice::from_ref(&entry)).await?;
        note(&format!("{key}: {}", markets_text(entry.members.len())));
    }
    Ok(())
}

fn markets_text(count: usize) -> String {
    if count == 1 { "1 market".to_owned() } else { format!("{count} markets") }
}
