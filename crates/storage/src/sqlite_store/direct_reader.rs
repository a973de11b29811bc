//! Connections that read a shard on a blocking thread, without a message between threads for each row.
//!
//! sqlx gives every connection a thread of its own and sends each row from there to the caller. That is right
//! for a ledger of ten rows; for a million candles the messages take ten times as long as SQLite does. Here
//! the function that wants the rows runs beside them, and only its result is handed over.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use market_backbone_core::StoreError;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::fault;

/// The number of connections of each shard; further readers wait for one.
const CONNECTIONS: usize = 2;
/// The longest wait for a free connection, and of a statement for another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest that closing waits for readers.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(30);
/// The number of prepared statements that each connection keeps.
const STATEMENTS: usize = 64;

/// The direct connections of one shard; they are opened when first needed.
#[derive(Debug)]
pub(super) struct DirectReaders {
    path: PathBuf,
    flags: OpenFlags,
    permits: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl DirectReaders {
    /// Creates the connections of the file at `path`, which another process may be writing to.
    pub(super) fn new(path: &Path, read_only: bool) -> Self {
        Self {
            path: path.to_owned(),
            flags: access(read_only),
            permits: Arc::new(Semaphore::new(CONNECTIONS)),
            idle: Arc::default(),
        }
    }

    /// Runs `work` with a connection on a blocking thread. If the caller is dropped, the work is finished
    /// all the same.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, rusqlite::Error> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = timeout(BUSY_TIMEOUT, Arc::clone(&self.permits).acquire_owned())
            .await
            .map_err(|_| fault::timed_out(&self.path))?
            .map_err(|_| fault::closed())?;
        let (path, flags, idle) = (self.path.clone(), self.flags, Arc::clone(&self.idle));
        let permits = Arc::clone(&self.permits);
        let done = spawn_blocking(move || {
            let _permit = permit;
            let known = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut conn = match known {
                Some(conn) => conn,
                None => open(&path, flags)?,
            };
            let result = work(&mut conn);
            // After an error it is opened anew, which costs little.
            if result.is_ok() && !permits.is_closed() {
                idle.lock().unwrap_or_else(PoisonError::into_inner).push(conn);
            }
            result
        });
        let done = done.await.map_err(|error| fault::interrupted(&error))?;
        done.map_err(|error| fault::direct(&self.path, error))
    }

    /// Waits for the readers, closes all connections and opens none any more.
    pub(super) async fn close(&self) {
        // All permits: then nobody holds a connection. A reader that takes too long closes its own.
        let _all = timeout(CLOSE_TIMEOUT, self.permits.acquire_many(CONNECTIONS as u32)).await;
        self.permits.close();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Returns how to open a file: with the right to write, SQLite can finish what a killed process began.
fn access(read_only: bool) -> OpenFlags {
    let access = if read_only { OpenFlags::SQLITE_OPEN_READ_ONLY } else { OpenFlags::SQLITE_OPEN_READ_WRITE };
    access | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

fn open(path: &Path, flags: OpenFlags) -> Result<Connection, rusqlite::Error> {
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(BUSY_TIMEOUT)?;
    // KiB. Small, because our own tiers come before it, and there may be hundreds of connections.
    conn.pragma_update(None, "cache_size", -1024)?;
    conn.pragma_update(None, "query_only", "ON")?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(conn)
}

/// Opens a connection for reading that belongs to no shard.
pub(super) fn open_alone(path: &Path, read_only: bool) -> Result<Connection, rusqlite::Error> {
    open(path, access(read_only))
}

/// Opens a connection that writes, for a few statements beside the writer's; use it only while holding the
/// shard's write lock.
pub(super) fn open_for_writing(path: &Path) -> Result<Connection, rusqlite::Error> {
    let conn = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    conn.busy_timeout(BUSY_TIMEOUT)?;
    conn.pragma_update(None, "synchronous", "NORMAL")?;
    Ok(conn)
}
