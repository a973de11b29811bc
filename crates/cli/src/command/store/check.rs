//! `market-backbone store check`: checks the integrity of all stored data, and repairs it.

use std::collections::BTreeMap;

use anyhow::bail;
use market_backbone::{
    Backbone, Client, Finding, Priority, RepairPlan, Series, TimeRange, Timestamp, VenueId, known_venues,
    plan_repair,
};
use serde_json::{Value, json};

use super::backend::{self, AccessMode, StoreBackend};
use crate::args::{CheckArgs, GlobalArgs, ReportFormat, VenueArg};
use crate::output::{self, Output};
use crate::settings;

/// A range that is unknown since it was forgotten.
pub(super) type SeriesRange = (Series, TimeRange);

/// The findings in one store.
struct StoreFindings {
    place: String,
    findings: Vec<Finding>,
}

pub(super) async fn run(args: CheckArgs, global: &GlobalArgs) -> anyhow::Result<()> {
    let _reader = output::watch_reader()?;
    let keepers = backend::open_all(global, AccessMode::Read).await?;
    let found = examine(&keepers).await;
    backend::close(keepers).await;
    let found = found?;
    write(&found, &plan(&found), args.format)?;
    ensure_clean(&found)
}

/// Checks, forgets what is invalid, fetches it from the venue again, and checks once more.
///
/// If there is a database behind the folder, what is found in either is forgotten in both, so that neither
/// copies it from the other again.
pub(super) async fn repair(args: CheckArgs, global: &GlobalArgs) -> anyhow::Result<()> {
    let mut stretches = Vec::new();
    // Not for ever: an index that breaks again means a broken disk.
    for _ in 0..3 {
        let keepers = backend::open_all(global, AccessMode::Write).await?;
        let places = keepers.len();
        let outcome = forget_damaged(&keepers, args.format, &mut stretches).await;
        backend::close(keepers).await;
        match outcome? {
            RepairStep::OpenAgain => continue,
            // It has just been seen that there is nothing to repair.
            RepairStep::Nothing => return Ok(()),
            RepairStep::Ask => {}
        }
        if places > 1 && !stretches.is_empty() {
            output::note("other machines that share the database keep what is in their own folders");
        }
        break;
    }
    for (source, stretches) in by_source(stretches) {
        let venue = VenueArg::of(source)?;
        let backbone = settings::builder_at(global, source, venue)?.build().await?;
        let asked = if backbone.venue() == source {
            refetch(&backbone, &stretches).await
        } else {
            // Nobody else may fill what is missing of it.
            output::note(&format!(
                "{} ranges of {source} are unknown now; name its address with --rest-url to fetch them again",
                stretches.len()
            ));
            Ok(())
        };
        backbone.shutdown().await;
        asked?;
    }
    let keepers = backend::open_all(global, AccessMode::Read).await?;
    let left = examine(&keepers).await;
    backend::close(keepers).await;
    ensure_clean(&left?)
}

async fn examine(keepers: &[StoreBackend]) -> anyhow::Result<Vec<StoreFindings>> {
    let mut found = Vec::new();
    for keeper in keepers {
        super::ensure_all_claimed(&keeper.unclaimed())?;
        found.push(StoreFindings { place: keeper.place.clone(), findings: keeper.check().await? });
    }
    Ok(found)
}

/// Plans the repair of all findings.
fn plan(found: &[StoreFindings]) -> RepairPlan {
    let findings: Vec<_> = found.iter().flat_map(|found| found.findings.clone()).collect();
    plan_repair(&findings, known_venues())
}

/// Deletes damaged ranges first: they are unknown then, whatever happens next, and nothing false is left
/// behind.
async fn forget_damaged(
    keepers: &[StoreBackend],
    format: ReportFormat,
    stretches: &mut Vec<SeriesRange>,
) -> anyhow::Result<RepairStep> {
    let found = examine(keepers).await?;
    let mut plan = plan(&found);
    write(&found, &plan, format)?;
    if count(&found) == 0 {
        return Ok(RepairStep::Nothing);
    }
    for (keeper, StoreFindings { findings, .. }) in keepers.iter().zip(&found) {
        let its_own = plan_repair(findings, known_venues());
        for file in &its_own.files {
            stretches.extend(keeper.rebuild(file).await?);
            output::note(&format!("{} has been rebuilt; the old file is kept as .damaged", file.display()));
            if file.ends_with("index.db") {
                return Ok(RepairStep::OpenAgain);
            }
        }
        for file in &its_own.sealed {
            keeper.seal_again(file).await?;
        }
        for series in &its_own.ledgers {
            keeper.repair_ledger(series).await?;
        }
    }
    if !plan.ledgers.is_empty() || !plan.files.is_empty() {
        // If the ledger or the file of a series could not be read, its content is known only now.
        plan = self::plan(&examine(keepers).await?);
    }
    for keeper in keepers {
        keeper.forget(&plan.ranges).await?;
    }
    stretches.extend(plan.ranges);
    Ok(RepairStep::Ask)
}

/// The next step of a repair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RepairStep {
    /// The index is rebuilt when the folder is opened.
    OpenAgain,
    /// The unknown ranges are fetched.
    Ask,
    /// Nothing was found.
    Nothing,
}

/// Groups ranges by source.
fn by_source(stretches: Vec<SeriesRange>) -> BTreeMap<VenueId, Vec<SeriesRange>> {
    let mut sources = BTreeMap::<_, Vec<_>>::new();
    for stretch in stretches {
        sources.entry(stretch.0.symbol.venue()).or_default().push(stretch);
    }
    sources
}

async fn refetch(backbone: &Backbone, stretches: &[SeriesRange]) -> anyhow::Result<()> {
    let client: Client = backbone.client(Priority::Low);
    for (series, range) in stretches {
        let request = client.candles(series.symbol.code(), series.timeframe);
        // The request finds out whether there was a past at all, not all of it.
        let request = match range.from() {
            Timestamp::MIN => request.last(1).before(range.to()).any_window(),
            from => request.range(from..range.to()).any_window(),
        };
        let set = request.closed().await?;
        output::note(&format!("{series}, {range}: {} candles fetched again", set.candles.len()));
    }
    Ok(())
}

fn ensure_clean(found: &[StoreFindings]) -> anyhow::Result<()> {
    let what = if found.len() > 1 { "the stores have" } else { "the store has" };
    match count(found) {
        0 => Ok(()),
        1 => bail!("{what} 1 issue"),
        many => bail!("{what} {many} issues"),
    }
}

fn count(found: &[StoreFindings]) -> usize {
    found.iter().map(|found| found.findings.len()).sum()
}

fn write(found: &[StoreFindings], plan: &RepairPlan, format: ReportFormat) -> anyhow::Result<()> {
    let mut output = Output::open(None)?;
    for StoreFindings { place, findings } in found {
        for finding in findings {
            output.line(&match format {
                ReportFormat::Json => finding_json(place, finding).to_string(),
                // If there is only one store, its name is not needed.
                ReportFormat::Table if found.len() > 1 => format!("{place}: {finding}"),
                ReportFormat::Table => finding.to_string(),
            })?;
        }
    }
    match format {
        ReportFormat::Json => output.line(&plan_json(plan, count(found)).to_string())?,
        ReportFormat::Table => output.line(&plan_text(plan, count(found)))?,
    }
    output.finish()
}

fn plan_text(plan: &RepairPlan, findings: usize) -> String {
    if findings == 0 {
        return "no issues found".to_owned();
    }
    let RepairPlan { ranges: stretches, slots, requests, manual: by_hand, ledgers, files, sealed } = plan;
    let mut text = format!(
        "repair: forget {} ranges of {slots} slots and fetch them again in at most {requests} requests",
        stretches.len()
    );
    if !ledgers.is_empty() {
        text.push_str(&format!("; rewrite {} ledgers", ledgers.len()));
    }
    if !files.is_empty() {
        text.push_str(&format!("; rebuild {} files from their valid content", files.len()));
    }
    if !sealed.is_empty() {
        text.push_str(&format!("; make {} sealed files again from the tables", sealed.len()));
    }
    if *by_hand > 0 {
        text.push_str(&format!("; {by_hand} findings need you"));
    }
    text
}

fn finding_json(place: &str, finding: &Finding) -> Value {
    let range = finding.range();
    json!({
        "kind": "finding",
        "place": place,
        "flaw": finding.issue.as_str(),
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
        .ranges
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
        "files": plan.files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>(),
        "sealed": plan.sealed.iter().map(|file| file.display().to_string()).collect::<Vec<_>>(),
        "by_hand": plan.manual,
    })
}
