//! The layout of tables in a file, as SQLite's `dbstat` reports it: pages, rows, free space, and order.

use std::collections::BTreeMap;
use std::path::PathBuf;

use market_backbone_core::Series;
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use super::SeriesStats;

/// The layout of one table in its file.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TableLayout {
    rows: u64,
    bytes: u64,
    unused: u64,
    leaves: u64,
    // Leaves that are not the next page after the leaf before them.
    jumps: u64,
}

impl TableLayout {
    pub(super) fn scattered(&self) -> f64 {
        // The first leaf follows none.
        let steps = self.leaves.saturating_sub(1);
        if steps == 0 { 0.0 } else { self.jumps as f64 / steps as f64 }
    }

    pub(super) fn merge(self, other: &Self) -> Self {
        Self {
            rows: self.rows + other.rows,
            bytes: self.bytes + other.bytes,
            unused: self.unused + other.unused,
            leaves: self.leaves + other.leaves,
            jumps: self.jumps + other.jumps,
        }
    }

    pub(super) fn into_series_stats(
        self,
        series: Series,
        file: PathBuf,
        [spans, revisions]: [u64; 2],
    ) -> SeriesStats {
        SeriesStats {
            series,
            file,
            rows: self.rows,
            spans,
            revisions,
            bytes: self.bytes,
            unused_bytes: self.unused,
            scattered: self.scattered(),
        }
    }
}

/// Returns the candle tables of a file, by name.
pub(super) async fn tables(
    conn: &mut SqliteConnection,
) -> Result<BTreeMap<String, TableLayout>, sqlx::Error> {
    // One walk over the file: `dbstat` returns each table's pages one after the other, leaves in the order of
    // their rows. Read row by row: a file may have millions of pages.
    let mut pages = sqlx::query(
        "SELECT name, pagetype, pageno, ncell, unused, pgsize FROM dbstat WHERE name GLOB 'candles_*'",
    )
    .fetch(conn);
    let mut tables = BTreeMap::<String, TableLayout>::new();
    let mut last = (String::new(), 0_i64);
    while let Some(page) = futures::TryStreamExt::try_next(&mut pages).await? {
        let name: &str = page.try_get_unchecked(0)?;
        let number = |column: usize| page.try_get_unchecked::<i64, _>(column);
        let layout = match tables.get_mut(name) {
            Some(layout) => layout,
            None => tables.entry(name.to_owned()).or_default(),
        };
        layout.bytes += number(5)?.unsigned_abs();
        layout.unused += number(4)?.unsigned_abs();
        if page.try_get_unchecked::<&str, _>(1)? != "leaf" {
            continue;
        }
        let page_number = number(2)?;
        layout.rows += number(3)?.unsigned_abs();
        layout.leaves += 1;
        if last.0 == name {
            layout.jumps += u64::from(page_number != last.1 + 1);
        } else {
            name.clone_into(&mut last.0);
        }
        last.1 = page_number;
    }
    Ok(tables)
}

/// Returns the number of spans of each series.
pub(super) async fn spans(conn: &mut SqliteConnection) -> Result<BTreeMap<String, u64>, sqlx::Error> {
    counts(conn, "SELECT series, COUNT(*) FROM coverage GROUP BY series").await
}

/// Returns the number of earlier versions of each series' candles.
pub(super) async fn revisions(conn: &mut SqliteConnection) -> Result<BTreeMap<String, u64>, sqlx::Error> {
    counts(conn, "SELECT series, COUNT(*) FROM revision GROUP BY series").await
}

async fn counts(
    conn: &mut SqliteConnection,
    sql: &'static str,
) -> Result<BTreeMap<String, u64>, sqlx::Error> {
    let rows = sqlx::query(sql).fetch_all(conn).await?;
    rows.iter()
        .map(|row| Ok((row.try_get_unchecked(0)?, row.try_get_unchecked::<i64, _>(1)?.unsigned_abs())))
        .collect()
}
