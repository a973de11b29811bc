//! Rebuilds a shard file from its valid content.
//!
//! What matches its checksums is copied into a new file, which then replaces the old one; the rest is left
//! out and unknown from then on. The damaged file is kept beside it, under another name, for inspection.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use market_backbone_core::{Coverage, Series, StoreError, TimeRange};
use sqlx::sqlite::SqliteConnection;

use super::checksum_table::{self, SeriesChecksum};
use super::database_file::{self, SHARD, execute};
use super::ownership::{self, LedgerRead};
use super::series_state::SeriesState;
use super::verified_rows;
use super::{candle_table, checksum, fault, ledger_table};

/// The number of blocks read at once, as long as they can be read.
const BLOCKS_PER_READ: usize = 128;

/// The result of a rebuild.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct SalvageReport {
    /// The number of valid rows.
    pub(super) rows: u64,
    /// The ranges that were known and no longer are, as far as that can be determined.
    pub(super) lost: Vec<(Series, TimeRange)>,
}

/// Rebuilds the file at `path` with the valid content of `series`. Nobody may have it open.
pub(super) async fn rebuild(path: &Path, series: &[Series]) -> Result<SalvageReport, StoreError> {
    let draft = with_suffix(path, ".new");
    remove(&draft)?;
    let mut new = database_file::open_writer(&draft, &SHARD, None).await?;
    // A file that cannot be opened at all has no content.
    let mut old = database_file::maintenance_connection(path).await.ok();
    let mut report = SalvageReport::default();
    for one in series {
        let state = SeriesState::new(one, 0);
        let copied =
            copy(old.as_mut(), &mut new, &state).await.map_err(|error| fault::database(&draft, error))?;
        report.rows += copied.rows;
        report.lost.extend(copied.lost.into_iter().map(|range| (one.clone(), range)));
    }
    if let Some(old) = old {
        database_file::close(old).await;
    }
    database_file::close(new).await;
    set_aside(path)?;
    fs::rename(&draft, path).map_err(|error| fault::io(path, error))?;
    Ok(report)
}

/// Moves a damaged database file aside, over an earlier one; returns its new path.
pub(crate) fn set_aside(path: &Path) -> Result<PathBuf, StoreError> {
    let aside = with_suffix(path, ".damaged");
    remove(&aside)?;
    for tail in ["-wal", ""] {
        let (from, to) = (with_suffix(path, tail), with_suffix(&aside, tail));
        match fs::rename(&from, &to) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(fault::io(&from, error));
            }
            _ => {}
        }
    }
    remove(&with_suffix(path, "-shm"))?;
    Ok(aside)
}

fn with_suffix(path: &Path, tail: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(tail);
    name.into()
}

fn remove(path: &Path) -> Result<(), StoreError> {
    for tail in ["", "-wal", "-shm"] {
        let path = with_suffix(path, tail);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(fault::io(&path, error));
            }
            _ => {}
        }
    }
    Ok(())
}

#[derive(Debug, Default)]
struct CopiedSeries {
    rows: u64,
    lost: Vec<TimeRange>,
}

/// Copies the valid content of one series. An error is one of the new file.
async fn copy(
    old: Option<&mut SqliteConnection>,
    new: &mut SqliteConnection,
    state: &SeriesState,
) -> Result<CopiedSeries, sqlx::Error> {
    execute(new, "BEGIN IMMEDIATE".to_owned()).await?;
    // Also for an empty table: its existence is cached elsewhere.
    candle_table::create(new, &state.table).await?;
    let mut copied = CopiedSeries::default();
    if let Some(old) = old
        && let Some(kept) = ValidParts::find(old, state).await
    {
        for run in kept.blocks {
            // Read once more and not kept: all rows of a series may not fit into memory.
            let Ok(found) = verified_rows::read(old, state, run, usize::MAX).await else { continue };
            let sums =
                found.sums.into_iter().filter(|(block, _)| found.damaged.binary_search(block).is_err());
            candle_table::upsert(new, &state.table, &found.rows).await?;
            checksum_table::put(new, &state.label, &sums.collect()).await?;
            copied.rows += found.rows.len() as u64;
        }
        ledger_table::replace(new, &state.label, &Coverage::empty(), &kept.known).await?;
        copy_side_tables(old, new, &state.label).await?;
        put_series_checksum(new, &state.label, &kept.known).await?;
        copied.lost = kept.lost;
    }
    execute(new, "COMMIT".to_owned()).await?;
    Ok(copied)
}

async fn put_series_checksum(
    new: &mut SqliteConnection,
    label: &str,
    known: &Coverage,
) -> Result<(), sqlx::Error> {
    let blocks = checksum_table::count(new, label, (i64::MIN, i64::MAX)).await?;
    let ledger = checksum::of_ledger(label, known)?;
    checksum_table::put_series_checksum(new, label, SeriesChecksum { ledger, blocks }).await
}

/// The valid parts of a series in a damaged file.
#[derive(Debug)]
struct ValidParts {
    known: Coverage,
    /// The runs of blocks that can be read.
    blocks: Vec<(i64, i64)>,
    lost: Vec<TimeRange>,
}

impl ValidParts {
    /// Finds the valid parts; `None` if there is no checksum for any: nothing can be read, or an older
    /// version wrote it.
    async fn find(old: &mut SqliteConnection, state: &SeriesState) -> Option<Self> {
        let label = state.label.as_str();
        let Ok(LedgerRead::Valid(before)) = ownership::read_ledger(old, label).await else { return None };
        let seal = checksum_table::series_checksum(old, label).await.ok()??;
        if checksum_table::lacks_checksums(old, label).await.ok()? {
            return None;
        }
        let said = blocks_with_checksum(old, label).await.unwrap_or_default();
        let mut blocks = Vec::new();
        let mut lost = Vec::new();
        let mut sound = Vec::new();
        for run in said.chunks(BLOCKS_PER_READ) {
            find_readable_blocks(old, state, run, &mut blocks, &mut lost).await;
            sound.extend(run);
        }
        sound.retain(|block| lost.binary_search(block).is_err());
        let stretch = |block: &i64| state.grid.time_range(*block);
        let mut known = before.clone();
        if seal.blocks == said.len() as i64 {
            lost.iter().filter_map(stretch).for_each(|gone| known.remove(gone));
        } else {
            // Checksums are missing, of unknown blocks: only ranges with rows are certain.
            let kept: Vec<_> = sound.iter().filter_map(stretch).collect();
            known = Coverage::empty();
            kept.iter().for_each(|kept| known.merge(&before.within(*kept)));
        }
        let gone = before.ranges().into_iter().flat_map(|range| known.missing(range)).collect();
        Some(Self { known, blocks, lost: gone })
    }
}

/// Finds which of these blocks can be read, and adds those whose rows have changed to `lost`, in order.
async fn find_readable_blocks(
    old: &mut SqliteConnection,
    state: &SeriesState,
    blocks: &[i64],
    runs: &mut Vec<(i64, i64)>,
    lost: &mut Vec<i64>,
) {
    let mut rest = vec![blocks];
    while let Some(run) = rest.pop() {
        let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
        match verified_rows::read(old, state, (*first, *last), usize::MAX).await {
            Ok(found) => {
                runs.push((*first, *last));
                lost.extend(found.damaged.into_iter().filter(|block| run.contains(block)));
            }
            Err(_) if run.len() == 1 => lost.push(*first),
            // Oldest first, so that lost ranges are found in order.
            Err(_) => rest.extend([&run[run.len() / 2..], &run[..run.len() / 2]]),
        }
    }
}

/// Returns the blocks with a checksum, in order.
async fn blocks_with_checksum(old: &mut SqliteConnection, label: &str) -> Result<Vec<i64>, sqlx::Error> {
    let all = sqlx::query_scalar("SELECT block FROM block_sum WHERE series = ?1")
        .bind(label)
        .fetch_all(old)
        .await?;
    let all: BTreeSet<i64> = all.into_iter().collect();
    Ok(all.into_iter().collect())
}

/// Copies tables without checksums, whose errors cannot mislead anybody: earlier versions of rows, and lone
/// witnesses.
async fn copy_side_tables(
    old: &mut SqliteConnection,
    new: &mut SqliteConnection,
    label: &str,
) -> Result<(), sqlx::Error> {
    let doubtful = ledger_table::lone_witnesses(old, label).await.unwrap_or_default();
    for range in doubtful {
        sqlx::query("INSERT OR IGNORE INTO lone_witness (series, from_ns, to_ns) VALUES (?1, ?2, ?3)")
            .bind(label)
            .bind(range.from().as_nanos())
            .bind(range.to().as_nanos())
            .execute(&mut *new)
            .await?;
    }
    Ok(())
}
