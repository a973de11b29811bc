//! Maintenance of one shard file.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use market_backbone_core::StoreError;
use sqlx::sqlite::SqliteConnection;
use tokio::time::Instant;

use super::report::ShardMaintenance;
use crate::sqlite_store::database_file::{self, execute};
use crate::sqlite_store::fault;
use crate::sqlite_store::shard::Shard;
use crate::sqlite_store::write_lock::WriteLock;

/// The number of pages in one step: some milliseconds in which commits wait.
const STEP_PAGES: u64 = 200;
/// The number of free pages that are kept for new rows.
const MIN_FREE_PAGES: u64 = 64;
/// The share of free pages, in percent, above which steps begin.
const INCREMENTAL_ABOVE_PERCENT: u64 = 5;
/// The share of free pages, in percent, above which a file is rewritten.
const REWRITE_ABOVE_PERCENT: u64 = 15;
/// The number of free pages above which a file is rewritten.
const REWRITE_MIN_FREE_PAGES: u64 = 1_000;
/// The size of a log, in bytes, above which it is checkpointed and cut.
const WAL_LIMIT: u64 = 16 * 1024 * 1024;

/// The extent of maintenance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum VacuumMode {
    /// The steps that are worth their cost.
    AsNeeded { quiet: Duration, rewrite_below: u64 },
    /// Everything that can be given back.
    Full,
}

/// The page counts of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sqlite_store) struct PageCounts {
    pub(in crate::sqlite_store) all: u64,
    pub(in crate::sqlite_store) free: u64,
}

impl PageCounts {
    pub(in crate::sqlite_store) async fn of(conn: &mut SqliteConnection) -> Result<Self, sqlx::Error> {
        let all: i64 = sqlx::query_scalar("PRAGMA page_count").fetch_one(&mut *conn).await?;
        let free: i64 = sqlx::query_scalar("PRAGMA freelist_count").fetch_one(&mut *conn).await?;
        Ok(Self { all: all.unsigned_abs(), free: free.unsigned_abs() })
    }

    fn more_free_than(self, percent: u64) -> bool {
        self.free * 100 > self.all * percent
    }

    fn bytes(self) -> u64 {
        self.all * database_file::PAGE_BYTES
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum VacuumAction {
    Skip,
    Incremental,
    Rewrite,
}

fn choose_action(pages: PageCounts, quiet_for: Duration, thoroughness: VacuumMode) -> VacuumAction {
    let (pays, pays_whole) = match thoroughness {
        VacuumMode::Full => (pages.free > 0, pages.free > 0),
        VacuumMode::AsNeeded { quiet, rewrite_below } => (
            pages.more_free_than(INCREMENTAL_ABOVE_PERCENT) && pages.free > MIN_FREE_PAGES,
            pages.more_free_than(REWRITE_ABOVE_PERCENT)
                && pages.free > REWRITE_MIN_FREE_PAGES
                && quiet_for >= quiet
                && pages.bytes() <= rewrite_below,
        ),
    };
    match (pays, pays_whole) {
        (_, true) => VacuumAction::Rewrite,
        (true, false) => VacuumAction::Incremental,
        (false, false) => VacuumAction::Skip,
    }
}

/// Returns whether a file without a log reports that there is nothing to do.
///
/// It asks SQLite, although the answer is in the file's header: opening and closing a database file by other
/// means releases SQLite's locks of the whole process on it, and other processes then believe that nobody
/// here uses it.
pub(super) async fn needs_no_maintenance(path: &Path, thoroughness: VacuumMode) -> bool {
    if file_size(&wal_path(path)) > 0 {
        return false;
    }
    let pages = async {
        let mut conn = database_file::maintenance_connection(path).await?;
        let pages = PageCounts::of(&mut conn).await;
        database_file::close(conn).await;
        pages
    };
    pages.await.is_ok_and(|pages| choose_action(pages, Duration::MAX, thoroughness) == VacuumAction::Skip)
}

/// Maintains an open shard while holding its write lock; `go_on` is asked between steps.
pub(super) async fn run(
    shard: &Shard,
    thoroughness: VacuumMode,
    go_on: impl Fn() -> bool,
) -> Result<ShardMaintenance, StoreError> {
    let path = shard.path();
    let fault = |error| fault::database(path, error);
    let conn = match thoroughness {
        VacuumMode::AsNeeded { .. } => database_file::maintenance_connection(path).await,
        VacuumMode::Full => database_file::maintenance_connection_patient(path).await,
    };
    let mut conn = conn.map_err(fault)?;
    if let Some(cached_view) = shard.cached_view() {
        shard.write_lock().observe_commit(cached_view.last_attempted());
    }
    let cared = maintain(&mut conn, path, shard.write_lock(), thoroughness, go_on).await;
    database_file::close(conn).await;
    cared.map_err(fault)
}

async fn maintain(
    conn: &mut SqliteConnection,
    path: &Path,
    write_lock: &WriteLock,
    thoroughness: VacuumMode,
    go_on: impl Fn() -> bool,
) -> Result<ShardMaintenance, sqlx::Error> {
    let before = PageCounts::of(conn).await?;
    let bytes_before = file_size(path) + file_size(&wal_path(path));
    let mut run = MaintenanceRun { write_lock, steps: 0, longest_lock_hold: Duration::ZERO };
    let remedy = choose_action(before, write_lock.idle_for(), thoroughness);
    match remedy {
        VacuumAction::Skip => {}
        VacuumAction::Incremental => run.shrink_by_steps(conn, before, go_on).await?,
        VacuumAction::Rewrite => run.run_exclusive(conn, "VACUUM").await?,
    }
    if remedy != VacuumAction::Skip || thoroughness == VacuumMode::Full {
        // Not the candle tables: candles have one access path, and statistics of every table would have to be
        // read whenever the file is opened.
        run.run_exclusive(
            conn,
            "PRAGMA analysis_limit = 400; ANALYZE coverage; ANALYZE dispute; ANALYZE revision",
        )
        .await?;
    }
    let long = file_size(&wal_path(path)) > WAL_LIMIT;
    if long || remedy != VacuumAction::Skip || thoroughness == VacuumMode::Full {
        // The first checkpoint copies what no reader needs and blocks nobody. So little is left for the
        // second that its wait for readers is short. If a reader stays too long, the next round cuts the log.
        run.run_exclusive(conn, "PRAGMA wal_checkpoint(PASSIVE)").await?;
        run.run_exclusive(conn, "PRAGMA busy_timeout = 200; PRAGMA wal_checkpoint(TRUNCATE)").await?;
    }
    Ok(ShardMaintenance {
        file: path.to_owned(),
        bytes_before,
        bytes_after: file_size(path) + file_size(&wal_path(path)),
        free_pages_before: before.free,
        free_pages_after: PageCounts::of(conn).await?.free,
        steps: run.steps,
        rewritten: remedy == VacuumAction::Rewrite,
        longest_lock_hold: run.longest_lock_hold,
    })
}

/// The work done on a file so far.
struct MaintenanceRun<'a> {
    write_lock: &'a WriteLock,
    steps: u64,
    longest_lock_hold: Duration,
}

impl MaintenanceRun<'_> {
    /// Runs one statement while no commit is written.
    async fn run_exclusive(&mut self, conn: &mut SqliteConnection, sql: &str) -> Result<(), sqlx::Error> {
        let _guard = self.write_lock.acquire().await;
        let begun = Instant::now();
        let done = execute(conn, sql.to_owned()).await;
        self.longest_lock_hold = self.longest_lock_hold.max(begun.elapsed());
        done
    }

    async fn shrink_by_steps(
        &mut self,
        conn: &mut SqliteConnection,
        before: PageCounts,
        go_on: impl Fn() -> bool,
    ) -> Result<(), sqlx::Error> {
        // Counted beforehand: pages that become free meanwhile are for the next round.
        for _ in 0..before.free.div_ceil(STEP_PAGES) {
            if !go_on() {
                break;
            }
            self.run_exclusive(conn, &format!("PRAGMA incremental_vacuum({STEP_PAGES})")).await?;
            self.steps += 1;
            if self.steps.is_multiple_of(32) {
                self.run_exclusive(conn, "PRAGMA wal_checkpoint(PASSIVE)").await?;
            }
        }
        Ok(())
    }
}

/// Returns the size of a file in bytes; 0 if it does not exist.
pub(in crate::sqlite_store) fn file_size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

/// Returns the path of the log beside a database file.
pub(in crate::sqlite_store) fn wal_path(path: &Path) -> PathBuf {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    log.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const AS_NEEDED: VacuumMode =
        VacuumMode::AsNeeded { quiet: Duration::from_secs(30), rewrite_below: 256 << 20 };
    const LONG: Duration = Duration::from_secs(60);

    #[track_caller]
    fn check(all: u64, free: u64, quiet_for: Duration, want: VacuumAction) {
        assert_eq!(choose_action(PageCounts { all, free }, quiet_for, AS_NEEDED), want);
    }

    #[test]
    fn little_air_is_left_some_goes_in_steps_much_is_worth_a_new_file() {
        check(10_000, 500, LONG, VacuumAction::Skip);
        check(10_000, 501, LONG, VacuumAction::Incremental);
        check(10_000, 1_501, LONG, VacuumAction::Rewrite);
        check(100, 60, LONG, VacuumAction::Skip);
        check(2_000, 1_000, LONG, VacuumAction::Incremental);
    }

    #[test]
    fn a_file_in_use_or_too_large_is_never_rewritten() {
        check(10_000, 5_000, Duration::ZERO, VacuumAction::Incremental);
        check(100_000, 50_000, LONG, VacuumAction::Incremental);
    }

    #[test]
    fn when_asked_for_everything_any_air_goes() {
        let pages = PageCounts { all: 10_000, free: 1 };
        assert_eq!(choose_action(pages, Duration::ZERO, VacuumMode::Full), VacuumAction::Rewrite);
        let none = PageCounts { all: 10_000, free: 0 };
        assert_eq!(choose_action(none, Duration::ZERO, VacuumMode::Full), VacuumAction::Skip);
    }
}
