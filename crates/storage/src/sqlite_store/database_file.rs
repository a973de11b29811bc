//! Opening a database file: whose it is, which version wrote it, and how it is to be used.

use std::path::Path;
use std::time::Duration;

use market_backbone_core::{StoreError, StoreErrorKind};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row};

use super::fault;

/// The version of the tables below; a file says in `user_version` which one it was written with.
const SCHEMA_VERSION: i64 = 5;
pub(super) const PAGE_BYTES: u64 = 4_096;
/// How long a statement waits for another connection's lock, and a reader for a free connection.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a file of the store is for.
#[derive(Debug)]
pub(crate) struct Purpose {
    /// SQLite's `application_id`, so that no other program's file is taken for ours.
    application_id: i64,
    /// The tables of version 1.
    tables: &'static str,
    /// What brings a file of version 1 to version 2, one of version 2 to version 3, and so on.
    steps: [&'static str; SCHEMA_VERSION as usize - 1],
}

/// Holds candle tables, the ledger of what is known of them, and what their rows were before.
pub(super) const SHARD: Purpose = Purpose {
    application_id: 0x4d42_6373, // "MBcs"
    // Times in ns, because a stretch may reach back to the beginning of time.
    tables: "CREATE TABLE coverage (
                 series TEXT NOT NULL, from_ns INTEGER NOT NULL, to_ns INTEGER NOT NULL,
                 origin TEXT NOT NULL, observed_ns INTEGER NOT NULL,
                 PRIMARY KEY (series, from_ns)
             ) WITHOUT ROWID;",
    steps: [
        // Both pairs say who: an origin and a time, or neither.
        "CREATE TABLE dispute (
             series TEXT NOT NULL, from_ns INTEGER NOT NULL, to_ns INTEGER NOT NULL,
             earlier_origin TEXT, earlier_ns INTEGER, later_origin TEXT, later_ns INTEGER,
             PRIMARY KEY (series, from_ns)
         ) WITHOUT ROWID;",
        // Rows as they were before others took their place; without figures where it was known that nothing had traded.
        "CREATE TABLE revision (
             series TEXT NOT NULL, timestamp INTEGER NOT NULL, superseded_ns INTEGER NOT NULL,
             open REAL, high REAL, low REAL, close REAL, volume REAL, turnover REAL,
             PRIMARY KEY (series, timestamp, superseded_ns)
         ) WITHOUT ROWID;",
        // What answers left out beyond their rows. And what was proven when one answer was enough for it: what it says of
        // slots at its edge is doubtful, and `store check` looks at it.
        "CREATE TABLE claim (
             series TEXT NOT NULL, from_ns INTEGER NOT NULL, to_ns INTEGER NOT NULL,
             witnesses INTEGER NOT NULL, first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL,
             PRIMARY KEY (series, from_ns)
         ) WITHOUT ROWID;
         CREATE TABLE lone_witness (
             series TEXT NOT NULL, from_ns INTEGER NOT NULL, to_ns INTEGER NOT NULL,
             PRIMARY KEY (series, from_ns)
         ) WITHOUT ROWID;
         INSERT INTO lone_witness SELECT series, from_ns, to_ns FROM coverage WHERE origin IN ('rest', 'early');",
        // Sums of what is held, by which damage is seen: see `sum_table`.
        "CREATE TABLE block_sum (
             series TEXT NOT NULL, block INTEGER NOT NULL, rows INTEGER NOT NULL, sum INTEGER NOT NULL,
             PRIMARY KEY (series, block)
         ) WITHOUT ROWID;
         CREATE TABLE seal (
             series TEXT PRIMARY KEY, ledger INTEGER NOT NULL, blocks INTEGER NOT NULL
         ) WITHOUT ROWID;
         CREATE TABLE unsealed (series TEXT PRIMARY KEY) WITHOUT ROWID;
         INSERT INTO unsealed SELECT series FROM coverage UNION SELECT series FROM claim;
         CREATE TABLE layout (version INTEGER NOT NULL);
         INSERT INTO layout VALUES (5);",
    ],
};

/// Says which shard a series' table is in.
pub(super) const INDEX: Purpose = Purpose {
    application_id: 0x4d42_6978, // "MBix"
    tables: "CREATE TABLE series (
                 venue TEXT NOT NULL, table_name TEXT NOT NULL, shard INTEGER NOT NULL,
                 PRIMARY KEY (venue, table_name)
             ) WITHOUT ROWID;
             CREATE INDEX series_by_shard ON series (venue, shard);",
    // Sources whose folders are known to be theirs: see `sources`.
    steps: [
        "",
        "",
        "CREATE TABLE source (name TEXT PRIMARY KEY) WITHOUT ROWID;",
        "CREATE TABLE layout (version INTEGER NOT NULL); INSERT INTO layout VALUES (5);",
    ],
};

/// Holds lists of markets.
pub(crate) const UNIVERSES: Purpose = Purpose {
    application_id: 0x4d42_756e, // "MBun"
    tables: "CREATE TABLE cache_entries (
                 lookup TEXT PRIMARY KEY, type TEXT NOT NULL, value TEXT NOT NULL,
                 created INTEGER NOT NULL, updated INTEGER NOT NULL
             ) WITHOUT ROWID;",
    steps: [
        "",
        "",
        "",
        // The sum of all lists; none where an older version wrote them.
        "CREATE TABLE list_sum (sum INTEGER NOT NULL);
         CREATE TABLE layout (version INTEGER NOT NULL);
         INSERT INTO layout VALUES (5);",
    ],
};

/// Opens the file for writing; makes it, with its tables, if it is not there.
pub(crate) async fn open_writer(
    path: &Path,
    purpose: &Purpose,
    max_bytes: Option<u64>,
) -> Result<SqliteConnection, StoreError> {
    // A file that is not ours is left as it is: nothing is set in it before it is known.
    let mut conn = options(path)
        .create_if_missing(true)
        .connect()
        .await
        .map_err(|error| fault::database(path, error))?;
    if is_blank(path, purpose, &mut conn).await? {
        let Purpose { tables, application_id, steps } = purpose;
        let script = format!(
            "PRAGMA auto_vacuum = INCREMENTAL; BEGIN IMMEDIATE; {tables} {} PRAGMA application_id = \
             {application_id}; PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;",
            steps.concat()
        );
        execute(&mut conn, script).await.map_err(|error| fault::database(path, error))?;
    } else {
        upgrade(purpose, &mut conn).await.map_err(|error| fault::database(path, error))?;
    }
    let cap =
        max_bytes.map_or(String::new(), |bytes| format!("PRAGMA max_page_count = {};", bytes / PAGE_BYTES));
    let settings = format!("PRAGMA journal_mode = WAL; {cap}");
    execute(&mut conn, settings).await.map_err(|error| fault::database(path, error))?;
    Ok(conn)
}

/// Brings a file of an older version up to date, step by step, each of them whole or not at all.
async fn upgrade(purpose: &Purpose, conn: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let version: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *conn).await?;
    let done = usize::try_from(version - 1).unwrap_or(0);
    for (next, step) in (2..).zip(purpose.steps).skip(done) {
        // Closing the connection, which is what an error leads to, undoes half a step.
        execute(conn, format!("BEGIN IMMEDIATE; {step} PRAGMA user_version = {next}; COMMIT;")).await?;
    }
    Ok(())
}

/// Makes sure that a file is there, is ours and can be read, without changing a byte of it.
pub(super) async fn require(path: &Path, purpose: &Purpose) -> Result<(), StoreError> {
    let fault = |error| fault::database(path, error);
    let mut conn = options(path).read_only(true).connect().await.map_err(fault)?;
    let blank = is_blank(path, purpose, &mut conn).await;
    let version = sqlx::query_scalar::<_, i64>("PRAGMA user_version").fetch_one(&mut conn).await;
    close(conn).await;
    if blank? || version.map_err(fault)? < SCHEMA_VERSION {
        return Err(StoreError::new(
            StoreErrorKind::Inaccessible,
            format!(
                "{} has an older layout, which only the process that may write can bring up to date",
                path.display()
            ),
        ));
    }
    Ok(())
}

/// Whether a file is one of ours, of this version: in one question, and by a connection that is needed anyway.
pub(super) async fn is_current(readers: &SqlitePool, purpose: &Purpose) -> bool {
    let said =
        sqlx::query("SELECT * FROM pragma_application_id, pragma_user_version").fetch_one(readers).await;
    let number = |column: usize| said.as_ref().ok()?.try_get_unchecked::<i64, _>(column).ok();
    number(0) == Some(purpose.application_id) && number(1) == Some(SCHEMA_VERSION)
}

/// A connection beside the writer's, to look after the file; use it in one's turn only.
pub(super) async fn caretaker(path: &Path) -> Result<SqliteConnection, sqlx::Error> {
    // Not patient: whatever does not succeed now is done in the next round.
    options(path).busy_timeout(Duration::from_millis(200)).connect().await
}

/// Connections that read a file which another process may be writing to.
pub(super) fn guests(path: &Path, count: u32) -> SqlitePool {
    SqlitePoolOptions::new()
        .max_connections(count)
        .acquire_timeout(PATIENCE)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .connect_lazy_with(options(path).read_only(true).row_buffer_size(512))
}

/// Connections that only read; made when they are first needed.
pub(super) fn readers(path: &Path, count: u32) -> SqlitePool {
    // Neither lifetime nor idle time: a shard is closed as a whole, and a pool with either keeps a task running.
    SqlitePoolOptions::new()
        .max_connections(count)
        .acquire_timeout(PATIENCE)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .connect_lazy_with(options(path).pragma("query_only", "ON").row_buffer_size(512))
}

/// One connection that reads and writes, shared by waiting in turn.
pub(super) fn shared_writer(path: &Path) -> SqlitePool {
    SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(PATIENCE)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .connect_lazy_with(options(path))
}

/// Runs statements that give no rows.
pub(super) async fn execute(conn: &mut SqliteConnection, sql: String) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(conn).await.map(|_| ())
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(PATIENCE)
        // In WAL mode: a power cut may undo the last commits, which are then fetched again; it corrupts nothing.
        .synchronous(SqliteSynchronous::Normal)
        // KiB. Our own block cache stands before it, and there may be hundreds of connections.
        .pragma("cache_size", "-1024")
        .disable_statement_logging()
}

/// Whether the file has just been made; an error if it is not ours, or newer than we are.
async fn is_blank(path: &Path, purpose: &Purpose, conn: &mut SqliteConnection) -> Result<bool, StoreError> {
    let mut numbers = [0; 3];
    let questions = ["PRAGMA application_id", "PRAGMA user_version", "SELECT COUNT(*) FROM sqlite_schema"];
    for (number, question) in numbers.iter_mut().zip(questions) {
        *number = sqlx::query_scalar::<_, i64>(question)
            .fetch_one(&mut *conn)
            .await
            .map_err(|error| fault::database(path, error))?;
    }
    let [id, version, _] = numbers;
    if numbers != [0; 3] && (id, version) != (purpose.application_id, SCHEMA_VERSION) {
        // The version is written down twice: a newer program says the same in both places, damage to the head does not.
        let said = sqlx::query_scalar::<_, i64>("SELECT version FROM layout").fetch_one(&mut *conn).await;
        if said.is_ok_and(|said| said <= SCHEMA_VERSION) {
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

/// Finishes what is under way at one connection and closes it; the last one folds the log into the file.
pub(super) async fn close(conn: SqliteConnection) {
    if let Err(error) = conn.close().await {
        tracing::warn!(%error, "a database file was not closed cleanly; nothing is lost");
    }
}
