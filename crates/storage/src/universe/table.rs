//! The lists in their database, inside the caller's transaction.

use serde_json::Value;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::backup::{self, UniverseRow};
use super::entry::UniverseEntry;

/// Returns all lists, by key, and the checksum written with them; none where an older version wrote them.
pub(super) async fn read(
    conn: &mut SqliteConnection,
) -> Result<(Vec<UniverseRow>, Option<i64>), sqlx::Error> {
    let sql = "SELECT lookup, type, value, created, updated FROM cache_entries ORDER BY lookup";
    let rows = sqlx::query(sql).fetch_all(&mut *conn).await?;
    let text = |row: &SqliteRow, column: usize| {
        // Bytes, because damaged text need not be valid.
        let bytes: &[u8] = sqlx::Row::try_get_unchecked(row, column).unwrap_or_default();
        String::from_utf8_lossy(bytes).into_owned()
    };
    let number =
        |row: &SqliteRow, column: usize| sqlx::Row::try_get_unchecked(row, column).unwrap_or(i64::MIN);
    let list = |row: &SqliteRow| UniverseRow {
        lookup: text(row, 0),
        kind: text(row, 1),
        value: text(row, 2),
        created: number(row, 3),
        updated: number(row, 4),
    };
    let sum = sqlx::query_scalar("SELECT sum FROM list_sum").fetch_optional(conn).await?;
    Ok((rows.iter().map(list).collect(), sum))
}

pub(super) async fn put(
    conn: &mut SqliteConnection,
    entries: &[UniverseEntry],
    now: i64,
) -> Result<(), sqlx::Error> {
    let sql = "INSERT INTO cache_entries (lookup, type, value, created, updated) VALUES (?, ?, ?, ?, ?)
               ON CONFLICT (lookup) DO UPDATE
               SET type = excluded.type, value = excluded.value, updated = excluded.updated";
    for entry in entries {
        sqlx::query(sql)
            .bind(&entry.lookup)
            .bind(entry.kind.as_str())
            .bind(Value::from(entry.members.clone()).to_string())
            .bind(now)
            .bind(now)
            .execute(&mut *conn)
            .await?;
    }
    Ok(())
}

pub(super) async fn remove(conn: &mut SqliteConnection, key: &str) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM cache_entries WHERE lookup = ?").bind(key).execute(conn).await.map(drop)
}

/// Writes lists where there are none.
pub(super) async fn restore(conn: &mut SqliteConnection, lists: &[UniverseRow]) -> Result<(), sqlx::Error> {
    for UniverseRow { lookup, kind, value, created, updated } in lists {
        sqlx::query(
            "INSERT INTO cache_entries (lookup, type, value, created, updated) VALUES (?, ?, ?, ?, ?)",
        )
        .bind(lookup)
        .bind(kind)
        .bind(value)
        .bind(created)
        .bind(updated)
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

/// Writes the checksum of the current lists, and returns them.
pub(super) async fn write_checksum(conn: &mut SqliteConnection) -> Result<Vec<UniverseRow>, sqlx::Error> {
    let (lists, _) = read(conn).await?;
    sqlx::query("DELETE FROM list_sum").execute(&mut *conn).await?;
    sqlx::query("INSERT INTO list_sum (sum) VALUES (?)").bind(backup::checksum(&lists)).execute(conn).await?;
    Ok(lists)
}
