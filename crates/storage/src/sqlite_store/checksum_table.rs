//! The sums on disk: one for each block that has rows, and a seal for each series, written in the transaction of the rows.
//!
//! A series that an older version wrote is *unsealed*: its blocks are believed where they have no sum yet. It gets its sums
//! as it is written to, and all that are missing by a check. Which series are unsealed is written down, so that a seal that
//! has got lost is damage and no sign of age.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Row, Sqlite};

/// Sums in one INSERT.
const ROWS_PER_STATEMENT: usize = 500;

/// What is said of the rows of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BlockChecksum {
    pub(super) rows: i64,
    pub(super) sum: i64,
}

/// What is said of a series as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct SeriesChecksum {
    /// The sum over its ledger.
    pub(super) ledger: i64,
    /// How many of its blocks have a sum.
    pub(super) blocks: i64,
}

/// The seal of the series named `label`.
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

/// Seals the series anew.
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

/// Whether an older version wrote the series, so that some of its blocks have no sum.
pub(super) async fn lacks_checksums(conn: &mut SqliteConnection, label: &str) -> Result<bool, sqlx::Error> {
    let found =
        sqlx::query("SELECT 1 FROM unsealed WHERE series = ?1").bind(label).fetch_optional(conn).await?;
    Ok(found.is_some())
}

/// The series that an older version wrote.
pub(super) async fn series_without_checksums(
    conn: &mut SqliteConnection,
) -> Result<BTreeSet<String>, sqlx::Error> {
    let all: Vec<String> = sqlx::query_scalar("SELECT series FROM unsealed").fetch_all(conn).await?;
    Ok(all.into_iter().collect())
}

/// Notes that every block of the series has its sum.
pub(super) async fn set_complete(conn: &mut SqliteConnection, label: &str) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM unsealed WHERE series = ?1").bind(label).execute(conn).await.map(drop)
}

/// How many of the blocks from `first` to `last` have a sum.
pub(super) async fn count(
    conn: &mut SqliteConnection,
    label: &str,
    (first, last): (i64, i64),
) -> Result<i64, sqlx::Error> {
    let sql = "SELECT COUNT(*) FROM block_sum WHERE series = ?1 AND block BETWEEN ?2 AND ?3";
    sqlx::query_scalar(sql).bind(label).bind(first).bind(last).fetch_one(conn).await
}

/// Writes sums; those that are there are replaced, and one of no rows is taken out.
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

/// Whoever follows a market live writes one at a time: with a statement that stays prepared.
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

/// Takes out the sums of blocks from `first` to `last`.
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
