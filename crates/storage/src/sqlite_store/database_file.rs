//! Opens database files: checks their kind and version, and sets the connection options.

use std::path::Path;
use std::time::Duration;

use market_backbone_core::{StoreError, StoreErrorKind};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row};
use tokio::time::{Instant, sleep};

use super::fault;
pub(crate) use super::schema::UNIVERSES;
use super::schema::{FileSchema, SCHEMA_VERSION};
pub(super) use super::schema::{INDEX, SHARD};

pub(super) const PAGE_BYTES: u64 = 4_096;
/// The longest that a statement waits for another connection's lock, and a reader for a free connection.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest for which opening is retried while other processes create or migrate the file.
const OPEN_TIMEOUT: Duration = Duration::from_secs(30);
const RETRY_INTERVAL: Duration = Duration::from_millis(5);

/// Opens the file for writing; creates it, with its tables, if it does not exist.
///
/// Several processes may do so at the same time: each checks again what is to be done once it has the write
/// lock.
pub(crate) async fn open_writer(
    path: &Path,
    purpose: &FileSchema,
    max_bytes: Option<u64>,
) -> Result<SqliteConnection, StoreError> {
    let deadline = Instant::now() + OPEN_TIMEOUT;
    loop {
        match open_once(path, purpose, max_bytes).await {
            // SQLite waits for other processes by itself, but not when it switches the journal mode.
            Err(error) if fault::is_contention(&error) && Instant::now() < deadline => {
                sleep(RETRY_INTERVAL).await;
            }
            opened => return opened,
        }
    }
}

async fn open_once(
    path: &Path,
    purpose: &FileSchema,
    max_bytes: Option<u64>,
) -> Result<SqliteConnection, StoreError> {
    let fault = |error| fault::database(path, error);
    // A file that is not ours stays as it is: no setting is changed before it is recognised.
    let mut conn = options(path).create_if_missing(true).connect().await.map_err(fault)?;
    if is_empty_file(path, purpose, &mut conn).await? {
        // After an error before the end, closing the connection rolls the rest back.
        execute(&mut conn, "PRAGMA auto_vacuum = INCREMENTAL; BEGIN IMMEDIATE".to_owned())
            .await
            .map_err(fault)?;
        if is_empty_file(path, purpose, &mut conn).await? {
            let FileSchema { tables, application_id, migrations: steps } = purpose;
            let script = format!(
                "{tables} {} PRAGMA application_id = {application_id}; PRAGMA user_version = \
                 {SCHEMA_VERSION};",
                steps.concat()
            );
            execute(&mut conn, script).await.map_err(fault)?;
        }
        execute(&mut conn, "COMMIT".to_owned()).await.map_err(fault)?;
    }
    upgrade(purpose, &mut conn).await.map_err(fault)?;
    let cap =
        max_bytes.map_or(String::new(), |bytes| format!("PRAGMA max_page_count = {};", bytes / PAGE_BYTES));
    execute(&mut conn, format!("PRAGMA journal_mode = WAL; {cap}")).await.map_err(fault)?;
    Ok(conn)
}

/// Migrates a file of an older version step by step, each of them as a whole or not at all.
async fn upgrade(purpose: &FileSchema, conn: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    while version(conn).await? < SCHEMA_VERSION {
        // Closing the connection after an error rolls back half a step.
        execute(conn, "BEGIN IMMEDIATE".to_owned()).await?;
        // Another process may have been faster.
        let done = usize::try_from(version(conn).await? - 1).unwrap_or(0);
        if let Some(step) = purpose.migrations.get(done) {
            execute(conn, format!("{step} PRAGMA user_version = {};", done + 2)).await?;
        }
        execute(conn, "COMMIT".to_owned()).await?;
    }
    Ok(())
}

async fn version(conn: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("PRAGMA user_version").fetch_one(conn).await
}

/// Checks that a file exists, is ours and can be read, without changing a byte of it.
pub(super) async fn require_current(path: &Path, purpose: &FileSchema) -> Result<(), StoreError> {
    let fault = |error| fault::database(path, error);
    let mut conn = options(path).read_only(true).connect().await.map_err(fault)?;
    let blank = is_empty_file(path, purpose, &mut conn).await;
    let version = sqlx::query_scalar::<_, i64>("PRAGMA user_version").fetch_one(&mut conn).await;
    close(conn).await;
    if blank? || version.map_err(fault)? < SCHEMA_VERSION {
        return Err(StoreError::new(
            StoreErrorKind::Inaccessible,
            format!(
                "{} is missing or has an older layout, which is migrated when a program opens the folder \
                 while no other one uses it: stop the others, or choose another folder with --data-dir",
                path.display()
            ),
        ));
    }
    Ok(())
}

/// Returns whether a file is one of ours and of this version, with one query on a connection that is needed
/// anyway.
pub(super) async fn is_current(readers: &SqlitePool, purpose: &FileSchema) -> bool {
    let said =
        sqlx::query("SELECT * FROM pragma_application_id, pragma_user_version").fetch_one(readers).await;
    let number = |column: usize| said.as_ref().ok()?.try_get_unchecked::<i64, _>(column).ok();
    number(0) == Some(purpose.application_id) && number(1) == Some(SCHEMA_VERSION)
}

/// Opens a connection beside the writer's for maintenance; use it only while holding the write lock.
pub(super) async fn maintenance_connection(path: &Path) -> Result<SqliteConnection, sqlx::Error> {
    // Short timeout: whatever does not succeed now is done in the next round.
    options(path).busy_timeout(Duration::from_millis(200)).connect().await
}

/// Opens a maintenance connection that does not wait for locks.
pub(super) async fn maintenance_connection_no_wait(path: &Path) -> Result<SqliteConnection, sqlx::Error> {
    options(path).busy_timeout(Duration::ZERO).connect().await
}

/// Opens a maintenance connection that waits for other processes, for maintenance on request.
pub(super) async fn maintenance_connection_patient(path: &Path) -> Result<SqliteConnection, sqlx::Error> {
    options(path).connect().await
}

/// Creates a pool of connections that read a file which another process may be writing to.
pub(super) fn read_only_pool(path: &Path, count: u32) -> SqlitePool {
    SqlitePoolOptions::new()
        .max_connections(count)
        .acquire_timeout(BUSY_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .connect_lazy_with(options(path).read_only(true).row_buffer_size(512))
}

/// Creates a pool of read-only connections; they are opened when first needed.
pub(super) fn reader_pool(path: &Path, count: u32) -> SqlitePool {
    // Neither lifetime nor idle time: a shard is closed as a whole, and a pool with either keeps a task
    // running.
    SqlitePoolOptions::new()
        .max_connections(count)
        .acquire_timeout(BUSY_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .connect_lazy_with(options(path).pragma("query_only", "ON").row_buffer_size(512))
}

/// Creates a pool of one connection that reads and writes.
pub(super) fn single_connection_pool(path: &Path) -> SqlitePool {
    SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(BUSY_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .connect_lazy_with(options(path))
}

/// Runs statements that return no rows.
pub(super) async fn execute(conn: &mut SqliteConnection, sql: String) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(conn).await.map(|_| ())
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(BUSY_TIMEOUT)
        // In WAL mode: a power cut may undo the last commits, which are then fetched again; it corrupts
        // nothing.
        .synchronous(SqliteSynchronous::Normal)
        // KiB. Small, because our own block cache comes before it, and there may be hundreds of connections.
        .pragma("cache_size", "-1024")
        .disable_statement_logging()
}

/// Returns whether the file is new; an error if it is not ours, or newer than this version.
async fn is_empty_file(
    path: &Path,
    purpose: &FileSchema,
    conn: &mut SqliteConnection,
) -> Result<bool, StoreError> {
    // One statement, which sees the file at one moment: another process may be creating it.
    let question = "SELECT application_id, user_version, (SELECT COUNT(*) FROM sqlite_schema) \
                    FROM pragma_application_id, pragma_user_version";
    let said = sqlx::query(question).fetch_one(&mut *conn).await;
    let said = said.and_then(|said| {
        Ok([said.try_get_unchecked(0)?, said.try_get_unchecked(1)?, said.try_get_unchecked::<i64, _>(2)?])
    });
    let numbers = said.map_err(|error| fault::database(path, error))?;
    let [id, version, _] = numbers;
    if numbers != [0; 3] && (id, version) != (purpose.application_id, SCHEMA_VERSION) {
        // The version is stored twice: another version writes the same in both places, damage to the header
        // does not.
        let said = sqlx::query_scalar::<_, i64>("SELECT version FROM layout").fetch_one(&mut *conn).await;
        // It must not change either: another process may have migrated the file meanwhile.
        let again = sqlx::query(question).fetch_one(&mut *conn).await;
        let changed =
            again.is_ok_and(|again| again.try_get_unchecked(1).is_ok_and(|now: i64| now != version));
        let is_damage = |said| said <= SCHEMA_VERSION && (id, version) != (purpose.application_id, said);
        if !changed && said.is_ok_and(is_damage) {
            return Err(fault::damaged(path));
        }
    }
    match numbers {
        [0, 0, 0] => Ok(true),
        [id, version, _] if id == purpose.application_id && version > SCHEMA_VERSION => Err(StoreError::new(
            StoreErrorKind::TooNew,
            format!(
                "{} was written by a newer version of this program (schema {version}, this one knows \
                 {SCHEMA_VERSION}); use that version, or another folder with --data-dir",
                path.display()
            ),
        )),
        [id, _, _] if id == purpose.application_id => Ok(false),
        _ => Err(StoreError::new(
            StoreErrorKind::Inaccessible,
            format!(
                "{} belongs to another program; move it away or choose another folder with --data-dir",
                path.display()
            ),
        )),
    }
}

/// Finishes the work of one connection and closes it; the last one checkpoints the log into the file.
pub(super) async fn close(conn: SqliteConnection) {
    if let Err(error) = conn.close().await {
        tracing::warn!(%error, "a database file was not closed cleanly; nothing is lost");
    }
}
