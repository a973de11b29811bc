//! Takes an archive in: looks at all of it first, and stores only what is what it says it is.

use std::path::{Path, PathBuf};

use market_backbone_core::{
    Candle, CandleStore, Coverage, Grid, StoreError, TimeRange, Timeframe, Timestamp,
};

use super::content_hash::SeriesHasher;
use super::file_digest;
use super::manifest::{ArchivedSeries, Manifest};
use super::row_file::{ArchiveFormat, RowReader};
use super::trouble::{damaged, off_thread};

/// Rows in one transaction.
const BATCH: usize = 10_000;

/// Stores what is in the archive `dir`, and says what that was. Taking it in twice changes nothing.
///
/// Who proved what, and when, is kept as it was. Where the store knows a stretch already, the archive is one
/// more observation of it, as if it had been asked for again.
///
/// # Errors
///
/// [`Corrupt`](market_backbone_core::StoreErrorKind::Corrupt), naming the file and the row, if any of it is not
/// what its hash says; then nothing at all was stored. Whatever the store says when it is written: then the
/// batches before are stored, each with what is known of it.
pub async fn import_archive(store: &dyn CandleStore, dir: &Path) -> Result<Manifest, StoreError> {
    let folder = dir.to_owned();
    let manifest = off_thread(move || Manifest::read(&folder)).await?;
    for archived in &manifest.series {
        let mut sheet = Sheet::new(dir, &manifest, archived);
        off_thread(move || {
            sheet.open()?;
            while !sheet.next()?.is_empty() {}
            sheet.finish()
        })
        .await?;
    }
    for archived in &manifest.series {
        commit(store, archived, Sheet::new(dir, &manifest, archived)).await?;
    }
    Ok(manifest)
}

/// Stores a series batch by batch, each with the knowledge of the stretch it lies in, so that whatever
/// ends it, what is stored is true.
async fn commit(
    store: &dyn CandleStore,
    archived: &ArchivedSeries,
    mut sheet: Sheet,
) -> Result<(), StoreError> {
    let mut done = Timestamp::MIN;
    loop {
        let (candles, read) = off_thread(move || {
            sheet.open()?;
            let candles = sheet.next()?;
            Ok((candles, sheet))
        })
        .await?;
        sheet = read;
        let end = match candles.last() {
            Some(last) => archived.grid.close(archived.series.timeframe, last.open_time),
            None => Timestamp::MAX,
        };
        let known = match TimeRange::new(done, end) {
            Ok(stretch) => archived.coverage.within(stretch),
            Err(_) => Coverage::empty(),
        };
        store.commit(&archived.series, &candles, &known).await?;
        if candles.is_empty() {
            // It was looked at before; but files can change under one's hands, and then it should be said.
            return off_thread(move || sheet.finish()).await;
        }
        done = end;
    }
}

/// A file of rows being read: checked row by row, and hashed.
struct Sheet {
    path: PathBuf,
    format: ArchiveFormat,
    archived: ArchivedSeries,
    reader: Option<RowReader>,
    hasher: SeriesHasher,
    newest: Option<Timestamp>,
}

impl Sheet {
    fn new(dir: &Path, manifest: &Manifest, archived: &ArchivedSeries) -> Self {
        Self {
            path: dir.join(&archived.file),
            format: manifest.format,
            archived: archived.clone(),
            reader: None,
            hasher: SeriesHasher::new(&archived.series),
            newest: None,
        }
    }

    fn open(&mut self) -> Result<(), StoreError> {
        if self.reader.is_none() {
            self.check_bytes()?;
            self.reader = Some(RowReader::open(self.format, &self.path)?);
        }
        Ok(())
    }

    fn check_bytes(&self) -> Result<(), StoreError> {
        let found = self.format.is_fragile().then(|| file_digest::of(&self.path)).transpose()?;
        if found == self.archived.file_sha256 {
            return Ok(());
        }
        Err(damaged(
            &self.path,
            "its SHA-256 is not the manifest's; it has been changed since it was written",
        ))
    }

    /// The next rows; none at the end.
    fn next(&mut self) -> Result<Vec<Candle>, StoreError> {
        let Some(reader) = &mut self.reader else { return Ok(Vec::new()) };
        let candles = reader.next(BATCH)?;
        for (index, candle) in candles.iter().enumerate() {
            let ArchivedSeries { series, grid, .. } = &self.archived;
            if let Err(what) = check(candle, self.newest, series.timeframe, *grid) {
                let place = reader.place(self.hasher.rows() + index as u64);
                return Err(damaged(&self.path, &format!("{place}: {what}")));
            }
            self.newest = Some(candle.open_time);
        }
        self.hasher.add(&candles);
        Ok(candles)
    }

    /// Whether it was what the manifest says.
    fn finish(self) -> Result<(), StoreError> {
        let (rows, wanted) = (self.hasher.rows(), self.archived.rows);
        if rows != wanted {
            return Err(damaged(&self.path, &format!("{wanted} rows expected, {rows} found")));
        }
        if self.hasher.finish(&self.archived.coverage, self.archived.grid) != self.archived.content_hash {
            let what =
                "the content is not what the manifest's hash says; it has been changed since it was written";
            return Err(damaged(&self.path, what));
        }
        Ok(())
    }
}

fn check(candle: &Candle, newest: Option<Timestamp>, timeframe: Timeframe, grid: Grid) -> Result<(), String> {
    let open_time = candle.open_time;
    if newest.is_some_and(|newest| open_time <= newest) {
        return Err(format!("the row of {open_time} does not come after the one before it"));
    }
    if !grid.is_open_time(timeframe, open_time) {
        return Err(format!("no {timeframe} candle opens at {open_time}"));
    }
    if !candle.is_sound() || !candle.volume.is_finite() || !candle.turnover.is_finite() {
        return Err(format!("the figures of {open_time} cannot be true"));
    }
    Ok(())
}
