//! The check of one shard file in one pass on a blocking thread: its pages, its tables, its ledgers, and each
//! row once.

mod ledgers;
mod sealed_files;
mod shard_view;
mod structure;

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::FutureExt;
use market_backbone_core::{Grid, Series, StoreError, VenueId};
use rusqlite::Connection;

use self::ledgers::ShardLedgers;
use self::shard_view::ShardView;
use super::schema::SCHEMA_VERSION;
use super::sealed::SealedTier;
use super::series_state::SeriesState;
use super::validation::file_finding;
use super::{checksum, verified_rows};
use crate::integrity_check::{self, Finding, Findings, IntegrityIssue};

/// The number of rows read at once: many more than a block can have.
const ROWS_PER_READ: usize = 16_384;

/// What is checked.
#[derive(Debug)]
pub(super) struct ShardToCheck {
    pub(super) path: PathBuf,
    pub(super) venue: VenueId,
    /// The series that the index has in it.
    pub(super) series: Vec<Series>,
    /// The calendar; `None` for a venue that nobody described.
    pub(super) grid: Option<Grid>,
    pub(super) tier: Arc<SealedTier>,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct CheckedShard {
    /// The findings about the file, its ledgers and its checksums.
    pub(super) file: Vec<Finding>,
    /// The findings about rows and disputes, by series.
    pub(super) series: Vec<Finding>,
    /// The contradictions between timeframes.
    pub(super) derived: Vec<Finding>,
    /// The series that hold anything.
    pub(super) held: Vec<Series>,
    /// Those of them whose minutes are in another file, if anywhere.
    pub(super) underived: Vec<Series>,
    /// True if series are left that could not be checked here, and have to be read one by one.
    pub(super) is_unreadable: bool,
    /// True if an older version wrote series without checksums.
    pub(super) lacks_checksums: bool,
}

impl CheckedShard {
    /// Adds what was found in another shard.
    pub(super) fn append(&mut self, mut other: Self) {
        self.file.append(&mut other.file);
        self.series.append(&mut other.series);
        self.derived.append(&mut other.derived);
        self.held.append(&mut other.held);
        self.underived.append(&mut other.underived);
        self.is_unreadable |= other.is_unreadable;
        self.lacks_checksums |= other.lacks_checksums;
    }

    /// Puts the series in order, and with them the findings about one.
    pub(super) fn sort(&mut self) {
        self.held.sort();
        for findings in [&mut self.series, &mut self.derived] {
            findings.sort_by(|a, b| a.series().cmp(&b.series()));
        }
    }
}

/// Returns whether a file has the layout of this version, so that it can be checked as it is.
pub(super) fn is_current(conn: &Connection) -> Result<bool, rusqlite::Error> {
    let version: i64 = conn.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    Ok(version == SCHEMA_VERSION)
}

/// Checks a shard.
pub(super) fn run(conn: Connection, shard: &ShardToCheck) -> Result<CheckedShard, rusqlite::Error> {
    let mut checked = CheckedShard::default();
    let file = shard.path.as_path();
    let about_file = |complaint| file_finding(file, IntegrityIssue::File, complaint);
    checked.file.extend(structure::quick_check(&conn)?.into_iter().map(about_file));
    if checked.file.is_empty() {
        checked.file.extend(structure::unindexed_tables(&conn, &shard.series, file)?);
        checked.file.extend(structure::check_layouts(&conn, &shard.series, file)?);
    }
    if !checked.file.is_empty() {
        // What SQLite cannot read in order is read as far as it goes, series by series.
        checked.is_unreadable = true;
        return Ok(checked);
    }
    checked.file.extend(structure::check_spans(&conn, shard.venue, file)?);
    let ledgers = ShardLedgers::load(&conn)?;
    checked.lacks_checksums = !ledgers.unsealed.is_empty();
    let tables = structure::tables(&conn)?;
    let named = shard.series.iter().map(|series| (series.clone(), SeriesState::new(series, 0)));
    let states: HashMap<Series, SeriesState> =
        named.filter(|(_, state)| tables.contains(state.table.as_str())).collect();
    let view = ShardView::new(conn, states, &ledgers);
    let Some(grid) = shard.grid else {
        // Of a venue that nobody described, the caller says so.
        checked.held = view.held(&shard.series)?;
        return Ok(checked);
    };
    for series in &shard.series {
        check_written(&view, &ledgers, (series, grid), file, &mut checked.file)?;
    }
    checked.held = view.held(&shard.series)?;
    checked.file.extend(sealed_files::check(&view, &shard.tier)?);
    check_content(&view, &ledgers, grid, &mut checked);
    Ok(checked)
}

/// Compares what a series holds with what was written.
fn check_written(
    view: &ShardView,
    ledgers: &ShardLedgers,
    (series, grid): (&Series, Grid),
    file: &Path,
    found: &mut Vec<Finding>,
) -> Result<(), rusqlite::Error> {
    let Some(state) = view.state(series) else { return Ok(()) };
    let label = state.label.as_str();
    let mut own = Findings::default();
    let has_ledger_finding = found.iter().any(|finding| finding.series() == Some(series));
    if ledgers.is_damaged(label) && !has_ledger_finding {
        let detail = "its ledger is not what was written".to_owned();
        own.add(Finding::of(IntegrityIssue::Ledger, series, detail));
    }
    if ledgers.has_lost_checksums(label) {
        own.add(file_finding(file, IntegrityIssue::File, format!("checksums of {series} are lost")));
    }
    let mut rest = Some(state.grid.all());
    while let Some((oldest, newest)) = rest {
        let read = verified_rows::read_direct(&mut view.conn(), state, (oldest, newest), ROWS_PER_READ)?;
        // Oldest last, as the next window is older still.
        for stretch in read.damaged.iter().rev().filter_map(|block| state.grid.time_range(*block)) {
            let detail = "the candles are not those that were written".to_owned();
            let slots = grid.slots(series.timeframe, stretch);
            own.add(Finding { slots, ..Finding::at(IntegrityIssue::Damaged, series, stretch, detail) });
            view.mark_damaged(series, stretch);
        }
        rest = (read.oldest > oldest).then(|| (oldest, read.oldest - 1));
        if rest.is_none() && newest == state.grid.all().1 {
            view.keep(series, read.rows);
        }
    }
    found.extend(own.into_vec());
    Ok(())
}

/// Checks what the rows and the ledgers say.
fn check_content(view: &ShardView, ledgers: &ShardLedgers, grid: Grid, checked: &mut CheckedShard) {
    let held: BTreeSet<&Series> = checked.held.iter().collect();
    for series in &checked.held {
        let old = ledgers.lone_witnesses(&series.to_string());
        if !old.is_empty() {
            let found = integrity_check::lone_witness::findings(view, series, grid, old);
            checked.file.extend(done(series, found));
        }
        checked.series.extend(done(series, integrity_check::check_series(view, series, grid)));
        match integrity_check::minutes_of(series) {
            None => {}
            Some(minutes) if held.contains(&minutes) => {
                let found = integrity_check::check_derived(view, series, &minutes, grid);
                // What cannot be read has been found above.
                checked.derived.extend(found.now_or_never().and_then(Result::ok).unwrap_or_default());
            }
            Some(_) => checked.underived.push(series.clone()),
        }
    }
}

/// Returns the findings of a check of the view, which never waits.
fn done(series: &Series, check: impl Future<Output = Result<Vec<Finding>, StoreError>>) -> Vec<Finding> {
    match check.now_or_never() {
        Some(Ok(found)) => found,
        Some(Err(error)) => vec![Finding::unreadable(series, &error)],
        None => Vec::new(),
    }
}

/// Returns the checksum that a series' ledger should have; `None` if it cannot be spelled.
fn ledger_checksum(label: &str, known: &market_backbone_core::Coverage) -> Option<i64> {
    checksum::of_ledger(label, known).ok()
}
