//! Checks the integrity of the database: its ledger, its counts, and each series by itself.

use std::sync::Mutex;

use market_backbone_core::{CandleStore, Coverage, Series, StoreError, Timestamp};
use sqlx::Row;
use sqlx::postgres::{PgConnection, PgRow};

use super::{
    DEADLINE, PostgresStore, TRANSACTION_DEADLINE, ledger_rows, lone_witness, row_counts, series_row,
};
use crate::integrity_check::{self, Finding, IntegrityIssue};
use crate::{GridLookup, origin_codec};

impl PostgresStore {
    /// Checks everything that is stored, series by series, and changes nothing. Reads all of it.
    ///
    /// Rows that other processes write meanwhile may or may not be seen.
    ///
    /// # Errors
    ///
    /// If the database cannot be read. A series that cannot be read is a finding.
    pub async fn check(&self, grid: GridLookup) -> Result<Vec<Finding>, StoreError> {
        let store = self.unverified();
        let mut findings = Vec::new();
        for series in store.series().await? {
            findings.extend(store.check_ledger(&series).await?);
            // An unreadable ledger has just been reported.
            let Ok(known) = store.coverage(&series).await else { continue };
            findings.extend(store.check_counts(&series, &known, grid).await?);
            let old = store.lone_witnesses(&series).await?;
            let grid = grid(series.symbol.venue());
            findings.extend(integrity_check::lone_witness::findings(&store, &series, grid, &old).await?);
        }
        findings.extend(integrity_check::check_integrity(&store, grid).await?);
        Ok(findings)
    }

    /// Returns the same store without verification of counts.
    fn unverified(&self) -> Self {
        let unclaimed = Mutex::new(self.unclaimed_sources().clone());
        Self {
            config: self.config.clone(),
            connections: self.connections.clone(),
            unclaimed,
            verifies_counts: false,
        }
    }

    async fn check_ledger(&self, series: &Series) -> Result<Option<Finding>, StoreError> {
        let (connections, of) = (self.connections.clone(), series.clone());
        let spans = self.run(DEADLINE, async move {
            let mut conn = connections.acquire().await?;
            let spans = spans(&mut conn, &of).await?;
            conn.release();
            Ok(spans)
        });
        let flaw = integrity_check::ledger_issue(&spans.await?);
        Ok(flaw.map(|detail| Finding::of(IntegrityIssue::Ledger, series, detail)))
    }

    /// Finds rows that other programs added or removed, as far as the range is known.
    async fn check_counts(
        &self,
        series: &Series,
        known: &Coverage,
        grid: GridLookup,
    ) -> Result<Vec<Finding>, StoreError> {
        let (connections, of) = (self.connections.clone(), series.clone());
        let wrong = self.run(DEADLINE, async move {
            let mut conn = connections.acquire().await?;
            let wrong = row_counts::mismatched(&mut conn, &of, (i64::MIN / 2, i64::MAX / 2)).await?;
            conn.release();
            Ok(wrong)
        });
        let (grid, width) = (grid(series.symbol.venue()), row_counts::width(series.timeframe));
        let mut found = Vec::new();
        for count in wrong.await? {
            let stretches = count.range(width).map(|range| known.within(range).ranges());
            for range in stretches.into_iter().flatten() {
                let detail = format!(
                    "{} candles were written here and {} are there",
                    count.recorded.unwrap_or_default(),
                    count.found
                );
                let slots = grid.slots(series.timeframe, range);
                found.push(Finding {
                    slots,
                    ..Finding::at(IntegrityIssue::Miscounted, series, range, detail)
                });
            }
        }
        Ok(found)
    }

    async fn lone_witnesses(
        &self,
        series: &Series,
    ) -> Result<Vec<market_backbone_core::TimeRange>, StoreError> {
        let (connections, series) = (self.connections.clone(), series.clone());
        self.run(DEADLINE, async move {
            let mut conn = connections.acquire().await?;
            let old = lone_witness::of(&mut conn, &series).await?;
            conn.release();
            Ok(old)
        })
        .await
    }

    /// Rewrites the ledger of a series from its readable part: overlapping spans are merged, unreadable ones
    /// are dropped.
    ///
    /// # Errors
    ///
    /// If it cannot be written; then it is unchanged.
    pub async fn repair_ledger(&self, series: &Series) -> Result<(), StoreError> {
        self.require_claimed(series)?;
        let (connections, series) = (self.connections.clone(), series.clone());
        self.run(TRANSACTION_DEADLINE, async move {
            let mut transaction = connections.begin().await?;
            rewrite_ledger(&mut transaction, &series).await?;
            transaction.commit().await
        })
        .await
    }
}

/// Returns the spans of a series as they are written, oldest first: from, to, and the text of the origin.
async fn spans(
    conn: &mut PgConnection,
    series: &Series,
) -> Result<Vec<integrity_check::StoredSpan>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT from_ns, to_ns, origin FROM coverage
          WHERE series = (SELECT id FROM series WHERE venue = $1 AND symbol = $2 AND timeframe = $3)
          ORDER BY from_ns",
    )
    .bind(series.symbol.venue().as_str())
    .bind(series.symbol.code())
    .bind(series.timeframe.as_str())
    .fetch_all(conn)
    .await?;
    let read = |row: &PgRow| {
        let origin: &str = row.try_get(2)?;
        let time = |column: usize| row.try_get(column).map(Timestamp::from_nanos);
        Ok(integrity_check::StoredSpan {
            from: time(0)?,
            to: time(1)?,
            origin: origin.to_owned(),
            is_readable: origin_codec::decode(origin).is_ok(),
        })
    };
    rows.iter().map(read).collect()
}

async fn rewrite_ledger(conn: &mut PgConnection, series: &Series) -> Result<(), sqlx::Error> {
    let id = series_row::lock(conn, series).await?;
    let rows = sqlx::query(
        "SELECT from_ns, to_ns, origin, observed_ns FROM coverage WHERE series = $1 ORDER BY observed_ns",
    )
    .bind(id)
    .fetch_all(&mut *conn)
    .await?;
    // In the order in which they were observed, so that the newest prevails.
    let readable: Coverage = rows.iter().filter_map(|row| ledger_rows::span(row).ok()).collect();
    let gone = [
        "DELETE FROM coverage WHERE series = $1",
        "DELETE FROM disputes WHERE series = $1 AND from_ns >= to_ns",
        "DELETE FROM claims WHERE series = $1 AND from_ns >= to_ns",
    ];
    for sql in gone {
        sqlx::query(sql).bind(id).execute(&mut *conn).await?;
    }
    ledger_rows::replace(conn, id, &Coverage::empty(), &readable).await
}
