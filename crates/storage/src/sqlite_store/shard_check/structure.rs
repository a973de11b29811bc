//! What can be wrong with a file as a whole: broken pages, foreign tables, spans that contradict each other.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use market_backbone_core::{Series, Symbol, Timestamp, VenueId};
use rusqlite::Connection;

use super::super::table_name::TableName;
use super::super::validation::file_finding;
use crate::integrity_check::{Finding, IntegrityIssue};
use crate::origin_codec;

/// The largest number of SQLite's errors that are listed of one file.
const MAX_ERRORS_LISTED: u32 = 5;
/// The columns of a candle table, with the place of each in the key.
const LAYOUT: &str = "timestamp INTEGER 1, open REAL 0, high REAL 0, low REAL 0, close REAL 0, volume REAL 0, \
                      turnover REAL 0";

/// Returns what SQLite finds wrong with a file.
pub(super) fn quick_check(conn: &Connection) -> Result<Vec<String>, rusqlite::Error> {
    let mut check = conn.prepare(&format!("PRAGMA quick_check({MAX_ERRORS_LISTED})"))?;
    let says = check.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    Ok(says.into_iter().filter(|says| says != "ok").map(|says| says.replace('\n', " ")).collect())
}

/// Returns the candle tables of a file.
pub(super) fn tables(conn: &Connection) -> Result<BTreeSet<String>, rusqlite::Error> {
    let named = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name GLOB 'candles_*'";
    let mut select = conn.prepare(named)?;
    let names = select.query_map([], |row| row.get(0))?;
    names.collect()
}

/// Finds tables that the index assigns to another shard, or to none.
pub(super) fn unindexed_tables(
    conn: &Connection,
    series: &[Series],
    file: &Path,
) -> Result<Vec<Finding>, rusqlite::Error> {
    let ours: BTreeSet<String> = series.iter().map(|one| TableName::of(one).as_str().to_owned()).collect();
    let found = tables(conn)?;
    let detail = |table: &String| format!("it holds the table {table}, which the index does not list here");
    let strange = found.difference(&ours);
    Ok(strange.map(|table| file_finding(file, IntegrityIssue::File, detail(table))).collect())
}

/// Finds tables without the open time as their key: only that key keeps rows unique and in order in SQLite.
pub(super) fn check_layouts(
    conn: &Connection,
    series: &[Series],
    file: &Path,
) -> Result<Vec<Finding>, rusqlite::Error> {
    // One statement for all tables; their columns come in order.
    let mut select = conn.prepare(
        "SELECT tables.name, columns.name || ' ' || columns.type || ' ' || columns.pk \
         FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns \
         WHERE tables.type = 'table' AND tables.name GLOB 'candles_*'",
    )?;
    let mut layouts: HashMap<String, String> = HashMap::new();
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let layout = layouts.entry(row.get(0)?).or_default();
        if !layout.is_empty() {
            layout.push_str(", ");
        }
        layout.push_str(row.get_ref(1)?.as_str().unwrap_or("?"));
    }
    let mut found = Vec::new();
    for series in series {
        let table = TableName::of(series);
        if let Some(layout) = layouts.get(table.as_str()).filter(|layout| *layout != LAYOUT) {
            let detail = format!("the table {} has the columns {layout}", table.as_str());
            found.push(file_finding(file, IntegrityIssue::Layout, detail));
        }
    }
    Ok(found)
}

/// Finds spans of the ledgers that overlap, run backwards or cannot be read.
pub(super) fn check_spans(
    conn: &Connection,
    venue: VenueId,
    file: &Path,
) -> Result<Vec<Finding>, rusqlite::Error> {
    let mut select =
        conn.prepare("SELECT series, from_ns, to_ns, origin FROM coverage ORDER BY series, from_ns")?;
    let mut rows = select.query([])?;
    let mut found = Vec::new();
    let mut reported = BTreeSet::new();
    let mut last: Option<(String, i64)> = None;
    while let Some(row) = rows.next()? {
        let (label, from, to): (String, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let origin = row.get_ref(3)?.as_str().unwrap_or("?").to_owned();
        let at = Timestamp::from_nanos;
        let reach = last.take().filter(|(series, _)| *series == label).map_or(i64::MIN, |(_, to)| to);
        let detail = if from >= to {
            Some(format!("a span of the ledger from {} runs backwards to {}", at(from), at(to)))
        } else if from < reach {
            Some(format!("two spans of the ledger overlap from {} to {}", at(from), at(reach.min(to))))
        } else if origin_codec::decode(&origin).is_err() {
            Some(format!("the span of the ledger from {} has the origin `{origin}`", at(from)))
        } else {
            None
        };
        if let Some(detail) = detail
            && reported.insert(label.clone())
        {
            found.push(match series_of(venue, &label) {
                Some(series) => Finding::of(IntegrityIssue::Ledger, &series, detail),
                None => file_finding(
                    file,
                    IntegrityIssue::File,
                    format!("the ledger contains `{label}`: {detail}"),
                ),
            });
        }
        last = Some((label, reach.max(to)));
    }
    Ok(found)
}

/// Returns the series with this name in the ledger.
fn series_of(venue: VenueId, label: &str) -> Option<Series> {
    let (code, timeframe) = label.rsplit_once(' ')?;
    Some(Series::new(Symbol::new(venue, code).ok()?, timeframe.parse().ok()?))
}
