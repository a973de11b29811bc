//! Row counts, so that rows which another program has deleted are not reported as empty slots.
//!
//! A series is divided into ranges of a fixed number of slots. Each commit records how many rows it leaves in
//! the ranges that it has added to; a reader counts again. If the two differ, nobody knows what is missing,
//! and the whole range becomes unknown. Ranges without a commit since counts were introduced have no count,
//! and are taken as they are.

use std::collections::BTreeSet;

use market_backbone_core::{Candle, Coverage, Series, TimeRange, Timeframe, Timestamp};
use sqlx::Row;
use sqlx::postgres::{PgConnection, PgRow};

use super::{ledger_rows, series_row};

/// The number of slots of a range. A count costs little beside so many rows, and a range with a missing row
/// is fetched again in two pages.
const SLOTS: i64 = 256;

/// Returns the length of a range, in ms.
pub(super) fn width(timeframe: Timeframe) -> i64 {
    let slot = i64::try_from(timeframe.typical().as_millis()).unwrap_or(i64::MAX / SLOTS);
    slot.max(1).saturating_mul(SLOTS)
}

/// A range, and the number of its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RowCount {
    pub(super) from_ms: i64,
    /// The number after the last commit; `None` if it was never counted.
    pub(super) recorded: Option<i64>,
    /// The number now.
    pub(super) found: i64,
}

impl RowCount {
    /// Returns whether another program has added or removed rows.
    pub(super) fn is_mismatch(&self) -> bool {
        self.recorded.is_some_and(|noted| noted != self.found)
    }

    /// Returns the time range.
    pub(super) fn range(&self, width: i64) -> Option<TimeRange> {
        let at = Timestamp::from_millis;
        TimeRange::new(at(self.from_ms), at(self.from_ms.saturating_add(width))).ok()
    }
}

/// Counts the ranges that contain these moments. Must be called under the lock of the series.
pub(super) async fn count(
    conn: &mut PgConnection,
    series: i32,
    width: i64,
    moments: impl Iterator<Item = i64>,
) -> Result<Vec<RowCount>, sqlx::Error> {
    let starts: BTreeSet<i64> = moments.map(|ms| ms.saturating_sub(ms.rem_euclid(width))).collect();
    if starts.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sqlx::query(
        "SELECT stretch, (SELECT row_count FROM tallies WHERE series = $1 AND from_ms = stretch),
                (SELECT count(*) FROM candles WHERE series = $1 AND open_ms >= stretch AND open_ms < stretch + $3)
           FROM UNNEST($2::bigint[]) AS stretch",
    )
    .bind(series)
    .bind(Vec::from_iter(starts))
    .bind(width)
    .fetch_all(conn)
    .await?;
    rows.iter().map(read).collect()
}

/// Returns the ranges of a series that reach into these moments and have a wrong count. Counts all of them.
pub(super) async fn mismatched(
    conn: &mut PgConnection,
    series: &Series,
    (from_ms, to_ms): (i64, i64),
) -> Result<Vec<RowCount>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT * FROM (
             SELECT from_ms, row_count, (SELECT count(*) FROM candles WHERE candles.series = tallies.series
                                            AND open_ms >= from_ms AND open_ms < from_ms + $4) AS found
               FROM tallies
              WHERE series = (SELECT id FROM series WHERE venue = $1 AND symbol = $2 AND timeframe = $3)
                AND from_ms > $5 - $4 AND from_ms < $6
         ) AS counted WHERE row_count <> found ORDER BY from_ms",
    )
    .bind(series.symbol.venue().as_str())
    .bind(series.symbol.code())
    .bind(series.timeframe.as_str())
    .bind(width(series.timeframe))
    .bind(from_ms)
    .bind(to_ms)
    .fetch_all(conn)
    .await?;
    rows.iter().map(read).collect()
}

/// Records the counts of these ranges after `new` rows were added. Must be called under the lock of the
/// series.
pub(super) async fn record(
    conn: &mut PgConnection,
    series: i32,
    width: i64,
    counts: &[RowCount],
    new: &[Candle],
) -> Result<(), sqlx::Error> {
    let added = |count: &RowCount| {
        let within = |candle: &&Candle| (0..width).contains(&(candle.open_time.as_millis() - count.from_ms));
        i64::try_from(new.iter().filter(within).count()).unwrap_or(i64::MAX)
    };
    let now: Vec<_> = counts.iter().map(|count| (count.from_ms, count.found + added(count))).collect();
    if now.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO tallies (series, from_ms, row_count) SELECT $1, * FROM UNNEST($2::bigint[], $3::bigint[])
         ON CONFLICT (series, from_ms) DO UPDATE SET row_count = excluded.row_count",
    )
    .bind(series)
    .bind(now.iter().map(|(from, _)| *from).collect::<Vec<_>>())
    .bind(now.iter().map(|(_, rows)| *rows).collect::<Vec<_>>())
    .execute(conn)
    .await
    .map(|_| ())
}

/// Deletes the counts of ranges that lie completely in `range`. Must be called under the lock of the series.
pub(super) async fn drop_within(
    conn: &mut PgConnection,
    series: i32,
    width: i64,
    (from_ms, to_ms): (i64, i64),
) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM tallies WHERE series = $1 AND from_ms >= $2 AND from_ms <= $3")
        .bind(series)
        .bind(from_ms)
        .bind(to_ms.saturating_sub(width))
        .execute(conn)
        .await
        .map(|_| ())
}

/// Removes ranges with a wrong count from `known`, and logs that.
pub(super) fn mark_unknown(known: &mut Coverage, series: &Series, counts: &[RowCount]) {
    for count in counts.iter().filter(|count| count.is_mismatch()) {
        let Some(range) = count.range(width(series.timeframe)) else { continue };
        known.remove(range);
        let (noted, found) = (count.recorded.unwrap_or_default(), count.found);
        tracing::warn!(
            %series, source = %series.symbol.venue(), from = %range.from(), to = %range.to(), noted, found,
            "candles in the database were changed by another program: the recorded and the found counts \
             differ; missing rows are fetched again"
        );
    }
}

/// Counts suspicious ranges again under the lock of the series, and makes wrong ones unknown. Runs inside the
/// caller's transaction.
pub(super) async fn repair(
    conn: &mut PgConnection,
    series: &Series,
    starts: Vec<i64>,
) -> Result<(), sqlx::Error> {
    let (id, width) = (series_row::lock(conn, series).await?, width(series.timeframe));
    let known = ledger_rows::of(conn, series).await?;
    let mut counts = count(conn, id, width, starts.into_iter()).await?;
    counts.retain(RowCount::is_mismatch);
    let mut left = known.clone();
    mark_unknown(&mut left, series, &counts);
    record(conn, id, width, &counts, &[]).await?;
    ledger_rows::replace(conn, id, &known, &left).await
}

fn read(row: &PgRow) -> Result<RowCount, sqlx::Error> {
    Ok(RowCount { from_ms: row.try_get(0)?, recorded: row.try_get(1)?, found: row.try_get(2)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_of_every_timeframe_is_so_many_slots() {
        for timeframe in Timeframe::ALL {
            assert_eq!(width(timeframe) / 1_000, timeframe.typical().as_secs() as i64 * SLOTS);
        }
    }

    #[test]
    fn only_what_was_counted_can_be_wrong() {
        let count = |noted, found| RowCount { from_ms: 0, recorded: noted, found };
        assert!(!count(None, 7).is_mismatch() && !count(Some(7), 7).is_mismatch());
        assert!(count(Some(8), 7).is_mismatch() && count(Some(0), 7).is_mismatch());
    }
}
