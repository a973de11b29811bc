//! `market-backbone store check`: whether all that is stored can be true, and what would mend it.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use market_backbone::{
    Backbone, CandleStore, Client, Finding, Priority, RepairPlan, Series, SqliteStore, TimeRange, Timestamp,
    VenueId, grid_of, open_folder, plan_repair,
};
use serde_json::{Value, json};

use crate::args::{Check, Global, Report, VenueName};
use crate::output::{self, Output};
use crate::settings;

/// What is unknown since it has been forgotten.
type Stretch = (Series, TimeRange);

pub(super) async fn run(args: Check, store: &SqliteStore) -> anyhow::Result<()> {
    let _reader = output::while_read()?;
    let findings = store.check(grid_of).await?;
    let plan = plan_repair(&findings);
    write(&findings, &plan, args.format)?;
    clean(findings.len())
}

/// Checks, forgets what cannot be true, asks the venue for it again, and checks again.
pub(super) async fn repair(args: Check, global: &Global) -> anyhow::Result<()> {
    let store = open_folder(settings::store(global)?).await?;
    let outcome = match super::all_claimed(&store.unclaimed()) {
        Ok(()) => forget_flaws(&store, args.format).await,
        Err(error) => Err(error),
    };
    store.close().await;
    let stretches = outcome?;
    for (source, stretches) in by_source(stretches) {
        let venue = VenueName::of(source).with_context(|| format!("this build does not talk to {source}"))?;
        let backbone = settings::builder_at(global, source, venue)?.build().await?;
        let asked = if backbone.venue() == source {
            ask_again(&backbone, &stretches).await
        } else {
            // Nobody else may fill what is missing of it.
            output::note(&format!(
                "{} stretches of {source} are unknown now; --rest-url names where it is, to ask for them again",
                stretches.len()
            ));
            Ok(())
        };
        backbone.shutdown().await;
        asked?;
    }
    let store = open_folder(settings::store(global)?).await?;
    let left = store.check(grid_of).await;
    store.close().await;
    clean(left?.len())
}

/// What has been forgotten is unknown, whatever happens next: nothing false is left behind.
async fn forget_flaws(store: &SqliteStore, format: Report) -> anyhow::Result<Vec<Stretch>> {
    let findings = store.check(grid_of).await?;
    let mut plan = plan_repair(&findings);
    write(&findings, &plan, format)?;
    for series in &plan.ledgers {
        store.mend_ledger(series).await?;
    }
    if !plan.ledgers.is_empty() {
        // Of a series whose ledger could not be read, only now can be seen what it holds.
        plan = plan_repair(&store.check(grid_of).await?);
    }
    for (series, range) in &plan.stretches {
        store.forget(series, *range).await?;
    }
    Ok(plan.stretches)
}

/// Each source with what is to be asked of it.
fn by_source(stretches: Vec<Stretch>) -> BTreeMap<VenueId, Vec<Stretch>> {
    let mut sources = BTreeMap::<_, Vec<_>>::new();
    for stretch in stretches {
        sources.entry(stretch.0.symbol.venue()).or_default().push(stretch);
    }
    sources
}

async fn ask_again(backbone: &Backbone, stretches: &[Stretch]) -> anyhow::Result<()> {
    let client: Client = backbone.client(Priority::Low);
    for (series, range) in stretches {
        let request = client.candles(series.symbol.code(), series.timeframe);
        // Whether there was a past at all is asked, not all of it.
        let request = match range.from() {
            Timestamp::MIN => request.count(1).before(range.to()),
            from => request.range(from..range.to()),
        };
        let set = request.closed().await?;
        output::note(&format!("{series}, {range}: {} candles asked for again", set.candles.len()));
    }
    Ok(())
}

fn clean(findings: usize) -> anyhow::Result<()> {
    match findings {
        0 => Ok(()),
        1 => bail!("the store has 1 flaw"),
        many => bail!("the store has {many} flaws"),
    }
}

fn write(findings: &[Finding], plan: &RepairPlan, format: Report) -> anyhow::Result<()> {
    let mut output = Output::open(None)?;
    let as_json = format == Report::Json;
    for finding in findings {
        output.line(&if as_json { finding_json(finding).to_string() } else { finding.to_string() })?;
    }
    if as_json {
        output.line(&plan_json(plan, findings.len()).to_string())?;
    } else {
        output.line(&plan_text(plan, findings.len()))?;
    }
    output.finish()
}

fn plan_text(plan: &RepairPlan, findings: usize) -> String {
    if findings == 0 {
        return "nothing to find fault with".to_owned();
    }
    let RepairPlan { stretches, slots, requests, by_hand, ledgers } = plan;
    let mut text = format!(
        "repair: forget {} stretches of {slots} slots and ask for them again in at most {requests} requests",
        stretches.len()
    );
    if !ledgers.is_empty() {
        text.push_str(&format!("; write {} ledgers anew", ledgers.len()));
    }
    if *by_hand > 0 {
        text.push_str(&format!("; {by_hand} findings are for you to see to"));
    }
    text
}

fn finding_json(finding: &Finding) -> Value {
    let range = finding.range();
    json!({
        "kind": "finding",
        "flaw": finding.flaw.as_str(),
        "source": finding.series().map(|series| series.symbol.venue().as_str()),
        "venue": finding.series().map(|series| series.symbol.venue().family().as_str()),
        "symbol": finding.series().map(|series| series.symbol.code()),
        "timeframe": finding.series().map(|series| series.timeframe.as_str()),
        "from": range.map(|range| range.from().to_string()),
        "to": range.map(|range| range.to().to_string()),
        "slots": finding.slots,
        "text": finding.to_string(),
    })
}

fn plan_json(plan: &RepairPlan, findings: usize) -> Value {
    let stretches: Vec<_> = plan
        .stretches
        .iter()
        .map(|(series, range)| {
            let source = series.symbol.venue().as_str();
            json!({"source": source, "series": series.to_string(), "from": range.from().to_string(), "to": range.to().to_string()})
        })
        .collect();
    json!({
        "kind": "repair",
        "findings": findings,
        "stretches": stretches,
        "slots": plan.slots,
        "requests": plan.requests,
        "ledgers": plan.ledgers.len(),
        "by_hand": plan.by_hand,
    })
}
