//! Care of one shard file.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use market_backbone_core::StoreError;
use sqlx::sqlite::SqliteConnection;
use tokio::time::Instant;

use super::report::ShardCare;
use crate::sqlite_store::database_file::{self, execute};
use crate::sqlite_store::fault;
use crate::sqlite_store::shard::Shard;
use crate::sqlite_store::turn::Turn;

/// Pages in one step: some milliseconds in which commits wait.
const STEP_PAGES: u64 = 200;
/// Fewer free pages than these are left for the rows to come.
const WORTHWHILE: u64 = 64;
/// Steps begin above this share of free pages, in percent.
const STEPS_ABOVE: u64 = 5;
/// A file is made anew above this share of free pages, in percent, …
const REWRITE_ABOVE: u64 = 15;
/// … and above this number of them.
const REWRITE_FROM: u64 = 1_000;
/// A log longer than this, in bytes, is folded into its file and cut.
const LOG_LIMIT: u64 = 16 * 1024 * 1024;

/// How much is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Thoroughness {
    /// What pays.
    AsNeeded { quiet: Duration, rewrite_below: u64 },
    /// All that can be given back is.
    Everything,
}

/// The pages of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sqlite_store) struct Pages {
    pub(in crate::sqlite_store) all: u64,
    pub(in crate::sqlite_store) free: u64,
}

impl Pages {
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
enum Remedy {
    Nothing,
    Steps,
    Rewrite,
}

fn remedy(pages: Pages, quiet_for: Duration, thoroughness: Thoroughness) -> Remedy {
    let (pays, pays_whole) = match thoroughness {
        Thoroughness::Everything => (pages.free > 0, pages.free > 0),
        Thoroughness::AsNeeded { quiet, rewrite_below } => (
            pages.more_free_than(STEPS_ABOVE) && pages.free > WORTHWHILE,
            pages.more_free_than(REWRITE_ABOVE)
                && pages.free > REWRITE_FROM
                && quiet_for >= quiet
                && pages.bytes() <= rewrite_below,
        ),
    };
    match (pays, pays_whole) {
        (_, true) => Remedy::Rewrite,
        (true, false) => Remedy::Steps,
        (false, false) => Remedy::Nothing,
    }
}

/// Whether a file that nobody has a log for says that there is nothing to do.
///
/// Through SQLite, though the answer is in the file's head: whoever opens and closes a database file by other means takes
/// SQLite's locks on it from the whole process, and others then believe that nobody here uses it.
pub(super) async fn is_fine(path: &Path, thoroughness: Thoroughness) -> bool {
    if size(&log_of(path)) > 0 {
        return false;
    }
    let pages = async {
        let mut conn = database_file::caretaker(path).await?;
        let pages = Pages::of(&mut conn).await;
        database_file::close(conn).await;
        pages
    };
    pages.await.is_ok_and(|pages| remedy(pages, Duration::MAX, thoroughness) == Remedy::Nothing)
}

/// Looks after an open shard, in its turn; `go_on` is asked between steps.
pub(super) async fn run(
    shard: &Shard,
    thoroughness: Thoroughness,
    go_on: impl Fn() -> bool,
) -> Result<ShardCare, StoreError> {
    let path = shard.path();
    let fault = |error| fault::database(path, error);
    let conn = match thoroughness {
        Thoroughness::AsNeeded { .. } => database_file::caretaker(path).await,
        Thoroughness::Everything => database_file::patient_caretaker(path).await,
    };
    let mut conn = conn.map_err(fault)?;
    if let Some(belief) = shard.belief() {
        shard.turn().looked(belief.tried());
    }
    let cared = care(&mut conn, path, shard.turn(), thoroughness, go_on).await;
    database_file::close(conn).await;
    cared.map_err(fault)
}

async fn care(
    conn: &mut SqliteConnection,
    path: &Path,
    turn: &Turn,
    thoroughness: Thoroughness,
    go_on: impl Fn() -> bool,
) -> Result<ShardCare, sqlx::Error> {
    let before = Pages::of(conn).await?;
    let bytes_before = size(path) + size(&log_of(path));
    let mut work = Work { turn, steps: 0, longest: Duration::ZERO };
    let remedy = remedy(before, turn.quiet_for(), thoroughness);
    match remedy {
        Remedy::Nothing => {}
        Remedy::Steps => work.shrink_by_steps(conn, before, go_on).await?,
        Remedy::Rewrite => work.alone(conn, "VACUUM").await?,
    }
    if remedy != Remedy::Nothing || thoroughness == Thoroughness::Everything {
        // Not of the candles: candles have one way to be found, and figures about every table would have to be
        // read whenever the file is opened.
        work.alone(conn, "PRAGMA analysis_limit = 400; ANALYZE coverage; ANALYZE dispute; ANALYZE revision")
            .await?;
    }
    let long = size(&log_of(path)) > LOG_LIMIT;
    if long || remedy != Remedy::Nothing || thoroughness == Thoroughness::Everything {
        // The first folds in what no reader needs and makes nobody wait; so little is left for the second
        // that its wait for readers is short. Where one stays too long, the next round cuts the log.
        work.alone(conn, "PRAGMA wal_checkpoint(PASSIVE)").await?;
        work.alone(conn, "PRAGMA busy_timeout = 200; PRAGMA wal_checkpoint(TRUNCATE)").await?;
    }
    Ok(ShardCare {
        file: path.to_owned(),
        bytes_before,
        bytes_after: size(path) + size(&log_of(path)),
        free_pages_before: before.free,
        free_pages_after: Pages::of(conn).await?.free,
        steps: work.steps,
        rewritten: remedy == Remedy::Rewrite,
        longest_turn: work.longest,
    })
}

/// What has been done to a file so far.
struct Work<'a> {
    turn: &'a Turn,
    steps: u64,
    longest: Duration,
}

impl Work<'_> {
    /// Does one thing while no commit is written.
    async fn alone(&mut self, conn: &mut SqliteConnection, sql: &str) -> Result<(), sqlx::Error> {
        let _turn = self.turn.take().await;
        let begun = Instant::now();
        let done = execute(conn, sql.to_owned()).await;
        self.longest = self.longest.max(begun.elapsed());
        done
    }

    async fn shrink_by_steps(
        &mut self,
        conn: &mut SqliteConnection,
        before: Pages,
        go_on: impl Fn() -> bool,
    ) -> Result<(), sqlx::Error> {
        // Counted beforehand: pages that become free meanwhile are for the next round.
        for _ in 0..before.free.div_ceil(STEP_PAGES) {
            if !go_on() {
                break;
            }
            self.alone(conn, &format!("PRAGMA incremental_vacuum({STEP_PAGES})")).await?;
            self.steps += 1;
            if self.steps.is_multiple_of(32) {
                self.alone(conn, "PRAGMA wal_checkpoint(PASSIVE)").await?;
            }
        }
        Ok(())
    }
}

/// The size of a file in bytes; nothing where there is none.
pub(in crate::sqlite_store) fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

/// The log beside a database file.
pub(in crate::sqlite_store) fn log_of(path: &Path) -> PathBuf {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    log.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const AS_NEEDED: Thoroughness =
        Thoroughness::AsNeeded { quiet: Duration::from_secs(30), rewrite_below: 256 << 20 };
    const LONG: Duration = Duration::from_secs(60);

    #[track_caller]
    fn check(all: u64, free: u64, quiet_for: Duration, want: Remedy) {
        assert_eq!(remedy(Pages { all, free }, quiet_for, AS_NEEDED), want);
    }

    #[test]
    fn little_air_is_left_some_goes_in_steps_much_is_worth_a_new_file() {
        check(10_000, 500, LONG, Remedy::Nothing);
        check(10_000, 501, LONG, Remedy::Steps);
        check(10_000, 1_501, LONG, Remedy::Rewrite);
        check(100, 60, LONG, Remedy::Nothing);
        check(2_000, 1_000, LONG, Remedy::Steps);
    }

    #[test]
    fn a_file_in_use_or_too_large_is_never_rewritten() {
        check(10_000, 5_000, Duration::ZERO, Remedy::Steps);
        check(100_000, 50_000, LONG, Remedy::Steps);
    }

    #[test]
    fn when_asked_for_everything_any_air_goes() {
        let pages = Pages { all: 10_000, free: 1 };
        assert_eq!(remedy(pages, Duration::ZERO, Thoroughness::Everything), Remedy::Rewrite);
        let none = Pages { all: 10_000, free: 0 };
        assert_eq!(remedy(none, Duration::ZERO, Thoroughness::Everything), Remedy::Nothing);
    }
}
