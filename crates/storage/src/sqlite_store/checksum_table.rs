//! The checksums on disk: one for each block with rows, and one for each series, written in the transaction
//! of the rows.
//!
//! A series that an older version wrote is *without checksums*: its blocks are accepted where they have none
//! yet. Blocks get theirs when they are written to, and all missing ones by a check. The list of series
//! without checksums is stored, so that a lost checksum is recognised as damage and not as age.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;
use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Row, Sqlite};

/// The number of checksums in one INSERT.
const ROWS_PER_STATEMENT: usize = 500;

/// The checksum of the rows of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BlockChecksum {
    pub(super) rows: i64,
    pub(super) sum: i64,
}

/// The checksums of a series as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct SeriesChecksum {
    /// The checksum of its ledger.
    pub(super) ledger: i64,
    /// The number of its blocks with a checksum.
    pub(super) blocks: i64,
}

/// Reads the checksum of the series named `label`.
pub(super) async fn series_checksum(
    conn: &mut SqliteConnection,
    label: &str,
) -> Result<Option<SeriesChecksum>, sqlx::Error> {
    let row = sqlx::query("SELECT ledger, blocks FROM seal WHERE series = ?1")
        .bind(label)
        .fetch_optional(conn)
        .await?;
    let seal = |row: &sqlx::sqlite::SqliteRow| {
        let number = |column: usize| row.try_get_unchecked::<i64, _>(column);
        Ok::<_, sqlx::Error>(SeriesChecksum { ledger: number(0)?, blocks: number(1)? })
    };
    row.as_ref().map(seal).transpose()
}

/// Writes the checksum of the series.
pub(super) async fn put_series_checksum(
    conn: &mut SqliteConnection,
    label: &str,
    seal: SeriesChecksum,
) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT OR REPLACE INTO seal (series, ledger, blocks) VALUES (?1, ?2, ?3)")
        .bind(label)
        .bind(seal.ledger)
        .bind(seal.blocks)
        .execute(conn)
        .await
        .map(drop)
}

/// Returns whether an older version wrote the series, so that some of its blocks have no checksum.
pub(super) async fn lacks_checksums(conn: &mut SqliteConnection, label: &str) -> Result<bool, sqlx::Error> {
    let found =
        sqlx::query("SELECT 1 FROM unsealed WHERE series = ?1").bind(label).fetch_optional(conn).await?;
    Ok(found.is_some())
}

/// Returns the series that an older version wrote.
pub(super) async fn series_without_checksums(
    conn: &mut SqliteConnection,
) -> Result<BTreeSet<String>, sqlx::Error> {
    let all: Vec<String> = sqlx::query_scalar("SELECT series FROM unsealed").fetch_all(conn).await?;
    Ok(all.into_iter().collect())
}

/// Records that every block of the series has its checksum.
pub(super) async fn set_complete(conn: &mut SqliteConnection, label: &str) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM unsealed WHERE series = ?1").bind(label).execute(conn).await.map(drop)
}

/// Returns how many of the blocks from `first` to `last` have a checksum.
pub(super) async fn count(
    conn: &mut SqliteConnection,
    label: &str,
    (first, last): (i64, i64),
) -> Result<i64, sqlx::Error> {
    let sql = "SELECT COUNT(*) FROM block_sum WHERE series = ?1 AND block BETWEEN ?2 AND ?3";
    sqlx::query_scalar(sql).bind(label).bind(first).bind(last).fetch_one(conn).await
}

/// Reads the checksums of the blocks from `first` to `last`, with a direct connection.
pub(super) fn read_direct(
    conn: &Connection,
    label: &str,
    (first, last): (i64, i64),
) -> Result<BTreeMap<i64, BlockChecksum>, rusqlite::Error> {
    let sql = "SELECT block, rows, sum FROM block_sum WHERE series = ?1 AND block BETWEEN ?2 AND ?3";
    let mut select = conn.prepare_cached(sql)?;
    let sums = select.query_map((label, first, last), |row| {
        Ok((row.get(0)?, BlockChecksum { rows: row.get(1)?, sum: row.get(2)? }))
    })?;
    sums.collect()
}

/// Returns whether an older version wrote the series, with a direct connection.
pub(super) fn lacks_checksums_direct(conn: &Connection, label: &str) -> Result<bool, rusqlite::Error> {
    conn.prepare_cached("SELECT 1 FROM unsealed WHERE series = ?1")?.exists([label])
}

/// Writes checksums; existing ones are replaced, and those of blocks without rows are deleted.
pub(super) async fn put(
    conn: &mut SqliteConnection,
    label: &str,
    sums: &BTreeMap<i64, BlockChecksum>,
) -> Result<(), sqlx::Error> {
    for (block, _) in sums.iter().filter(|(_, sum)| sum.rows == 0) {
        delete(conn, label, (*block, *block)).await?;
    }
    let full: Vec<_> = sums.iter().filter(|(_, sum)| sum.rows > 0).collect();
    for chunk in full.chunks(ROWS_PER_STATEMENT) {
        if let [(block, sum)] = chunk {
            put_one(conn, label, **block, **sum).await?;
            continue;
        }
        let mut insert =
            QueryBuilder::<Sqlite>::new("INSERT OR REPLACE INTO block_sum (series, block, rows, sum) ");
        insert.push_values(chunk, |mut row, (block, sum)| {
            row.push_bind(label).push_bind(**block).push_bind(sum.rows).push_bind(sum.sum);
        });
        insert.build().persistent(false).execute(&mut *conn).await?;
    }
    Ok(())
}

/// Writes one checksum with a prepared statement, as live recording does again and again.
async fn put_one(
    conn: &mut SqliteConnection,
    label: &str,
    block: i64,
    sum: BlockChecksum,
) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT OR REPLACE INTO block_sum (series, block, rows, sum) VALUES (?1, ?2, ?3, ?4)")
        .bind(label)
        .bind(block)
        .bind(sum.rows)
        .bind(sum.sum)
        .execute(conn)
        .await
        .map(drop)
}

/// Deletes the checksums of the blocks from `first` to `last`.
pub(super) async fn delete(
    conn: &mut SqliteConnection,
    label: &str,
    (first, last): (i64, i64),
) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM block_sum WHERE series = ?1 AND block BETWEEN ?2 AND ?3")
        .bind(label)
        .bind(first)
        .bind(last)
        .execute(conn)
        .await
        .map(drop)
}
