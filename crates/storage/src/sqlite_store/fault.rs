//! Turns failures of SQLite or of the disk into store errors.

use std::io::{Error as IoError, ErrorKind as Io};
use std::path::Path;

use market_backbone_core::{StoreError, StoreErrorKind as Kind, VenueId};

const ERROR: u32 = 1;
const BUSY: u32 = 5;
const READONLY: u32 = 8;
const IOERR: u32 = 10;
const IOERR_SHMSIZE: u32 = IOERR | (19 << 8);
const CORRUPT: u32 = 11;
const FULL: u32 = 13;
const CANTOPEN: u32 = 14;
// None of these can come from our statements: a page has other content than was written.
const TOOBIG: u32 = 18;
const CONSTRAINT: u32 = 19;
const MISMATCH: u32 = 20;
const FORMAT: u32 = 24;
const PROTOCOL: u32 = 15;
const NOTADB: u32 = 26;

/// Builds the error for a failure at the database file `path`.
pub(crate) fn database(path: &Path, error: sqlx::Error) -> StoreError {
    let (kind, message) = match &error {
        sqlx::Error::Database(refusal) => return refused(path, code(refusal.as_ref()), error),
        // Every query here has a result, and it can be decoded.
        sqlx::Error::RowNotFound | sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } => {
            return damaged(path).with_source(error);
        }
        sqlx::Error::Io(cause) if is_full(cause) => return full(path).with_source(error),
        sqlx::Error::Io(_) => (Kind::Inaccessible, format!("cannot use {}", path.display())),
        sqlx::Error::PoolTimedOut => return timed_out(path),
        sqlx::Error::PoolClosed => return closed(),
        _ => (Kind::Database, format!("the database {} failed", path.display())),
    };
    StoreError::new(kind, message).with_source(error)
}

/// Builds the error for a failure of a [direct](super::direct_reader) connection to the database file `path`.
pub(super) fn direct(path: &Path, error: rusqlite::Error) -> StoreError {
    match &error {
        rusqlite::Error::SqliteFailure(refusal, _) => {
            let code = refusal.extended_code.cast_unsigned();
            refused(path, Some(code), error)
        }
        // Every query here has a result, and it can be decoded.
        rusqlite::Error::QueryReturnedNoRows
        | rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::Utf8Error(..) => damaged(path).with_source(error),
        _ => StoreError::new(Kind::Database, format!("the database {} failed", path.display()))
            .with_source(error),
    }
}

/// Builds the error for a result code of SQLite, with `cause` as its source.
fn refused(
    path: &Path,
    code: Option<u32>,
    cause: impl std::error::Error + Send + Sync + 'static,
) -> StoreError {
    let file = path.display();
    // The primary code is the lower byte.
    let (kind, message) = match code.map(|code| code & 0xff) {
        Some(CORRUPT | NOTADB | TOOBIG | CONSTRAINT | MISMATCH | FORMAT) => {
            return damaged(path).with_source(cause);
        }
        Some(ERROR) if is_schema_error(&cause.to_string()) => return damaged(path).with_source(cause),
        Some(FULL) => return full(path).with_source(cause),
        // SQLite keeps a small file beside the database, for which there must be space too.
        Some(IOERR) if code == Some(IOERR_SHMSIZE) => return full(path).with_source(cause),
        Some(BUSY | PROTOCOL) => return busy(path).with_source(cause),
        Some(CANTOPEN) => (Kind::Inaccessible, format!("cannot open {file}")),
        Some(READONLY) => (Kind::Inaccessible, format!("cannot write to {file}")),
        Some(IOERR) => (Kind::Inaccessible, format!("the disk failed at {file}")),
        _ => (Kind::Database, format!("the database {file} refused")),
    };
    StoreError::new(kind, message).with_source(cause)
}

/// Builds the error for a failure at a file or folder that is no database.
pub(crate) fn io(path: &Path, error: IoError) -> StoreError {
    if is_full(&error) {
        return full(path).with_source(error);
    }
    StoreError::new(Kind::Inaccessible, format!("cannot use {}", path.display())).with_source(error)
}

/// Builds the error for a file that is no valid database.
pub(crate) fn damaged(path: &Path) -> StoreError {
    StoreError::new(
        Kind::Corrupt,
        format!(
            "{} is damaged; `market-backbone store check --repair` rebuilds it from its valid content, and \
             the rest is fetched again",
            path.display()
        ),
    )
}

/// Builds the error for candles that have not been claimed.
pub(super) fn unclaimed(dir: &Path, source: VenueId) -> StoreError {
    StoreError::new(
        Kind::Unclaimed,
        crate::unclaimed_source::claim_instructions(&format!("data folder {}", dir.display()), source),
    )
}

/// Builds the error for a store that was opened for reading.
pub(super) fn read_only() -> StoreError {
    StoreError::new(Kind::ReadOnly, "the data folder was opened read-only")
}

/// Builds the error for a store that has been closed.
pub(super) fn closed() -> StoreError {
    StoreError::new(Kind::Closed, "the store has been closed")
}

/// Returns whether others use the file, which is temporary.
pub(super) fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(primary_code);
    matches!(code, Some(BUSY | PROTOCOL))
}

/// Returns whether a store error is such a temporary conflict.
pub(super) fn is_contention(error: &StoreError) -> bool {
    let Some(cause) = std::error::Error::source(error) else { return false };
    let direct = cause.downcast_ref::<rusqlite::Error>().and_then(rusqlite::Error::sqlite_error);
    let is_busy_code = |code: i32| matches!(code.cast_unsigned() & 0xff, BUSY | PROTOCOL);
    cause.downcast_ref::<sqlx::Error>().is_some_and(is_busy)
        || direct.is_some_and(|refusal| is_busy_code(refusal.extended_code))
}

/// Builds the error for another program's lock.
fn busy(path: &Path) -> StoreError {
    StoreError::new(
        Kind::Database,
        format!("another program is using {} and has not finished in time; try again", path.display()),
    )
}

/// Builds the error for work on a blocking thread that did not come to its end.
pub(super) fn interrupted(error: &tokio::task::JoinError) -> StoreError {
    StoreError::new(Kind::Database, format!("a read of the store was interrupted: {error}"))
}

/// Builds the error for a timeout of the disk or of another reader.
pub(super) fn timed_out(path: &Path) -> StoreError {
    StoreError::new(Kind::Database, format!("{} did not answer in time", path.display()))
}

/// Returns whether the message is about a table or column that each of our files has.
fn is_schema_error(message: &str) -> bool {
    ["no such table", "no such column", "already exists", "duplicate column", "has no column", "malformed"]
        .iter()
        .any(|complaint| message.contains(complaint))
}

fn full(path: &Path) -> StoreError {
    StoreError::new(
        Kind::DiskFull,
        format!("no space left for {}; free some and try again; stored data is unharmed", path.display()),
    )
}

fn is_full(error: &IoError) -> bool {
    matches!(error.kind(), Io::StorageFull | Io::QuotaExceeded | Io::FileTooLarge)
}

/// Returns SQLite's primary result code, without the extended code in its upper bytes.
fn primary_code(refusal: &dyn sqlx::error::DatabaseError) -> Option<u32> {
    code(refusal).map(|code| code & 0xff)
}

fn code(refusal: &dyn sqlx::error::DatabaseError) -> Option<u32> {
    refusal.code()?.parse().ok()
}
