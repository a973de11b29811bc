//! Imports an archive: checks all of it first, and stores only what matches its hashes.

use std::fs::File;
use std::path::{Path, PathBuf};

use market_backbone_core::{
    Candle, CandleStore, Coverage, Grid, Series, StoreError, StoreErrorKind, Symbol, TimeRange, Timeframe,
    Timestamp, VenueId,
};

use super::checked_file;
use super::content_hash::SeriesHasher;
use super::fault::{damaged, off_thread};
use super::file_digest;
use super::manifest::{ArchivedSeries, Manifest, path_in};
use super::plausibility::PlausibilityCheck;
use super::row_file::{ArchiveFormat, RowReader};

/// The number of rows in one transaction.
const BATCH: usize = 10_000;

/// Stores the content of the archive `dir`, each series under its source, and returns the manifest. Importing
/// it twice changes nothing.
///
/// `now` is the time by the importer's clock: an archive cannot know anything later than that, nor anything
/// later than its own observations.
///
/// Provenance is kept as it was. Where the store knows a range already, the archive counts as one more
/// observation of it, as if it had been fetched again.
///
/// # Errors
///
/// [`Corrupt`](StoreErrorKind::Corrupt), with the file and the row, if any of it does not match its hash, and
/// [`Unclaimed`](StoreErrorKind::Unclaimed) if it does not name its source; then nothing was stored. Any
/// error of writing to the store; then the batches before it are stored, each with its coverage.
pub async fn import_archive(
    store: &dyn CandleStore,
    dir: &Path,
    now: Timestamp,
) -> Result<Manifest, StoreError> {
    let own = |manifest: &Manifest| {
        if manifest.names_sources { Ok(None) } else { Err(unnamed_source_error(dir, manifest)) }
    };
    import(store, dir, now, own).await
}

/// Imports an archive all of which is of `source`; see [`import_archive`].
///
/// # Errors
///
/// As [`import_archive`], and [`Unclaimed`](StoreErrorKind::Unclaimed) if anything in it is of another
/// source.
pub async fn import_archive_of(
    store: &dyn CandleStore,
    dir: &Path,
    now: Timestamp,
    source: VenueId,
) -> Result<Manifest, StoreError> {
    import(store, dir, now, |manifest| {
        if !manifest.names_sources {
            return Err(unnamed_source_error(dir, manifest));
        }
        match manifest.sources().into_iter().find(|found| *found != source) {
            None => Ok(None),
            Some(other) => Err(refused(format!(
                "the archive {} holds candles of {other}, not of {source}; if they are to count as \
                 {source}'s, say \
                 --as {source}",
                dir.display()
            ))),
        }
    })
    .await
}

/// Imports an archive under the name `source`, whichever source of its venue it names; see
/// [`import_archive`].
///
/// # Errors
///
/// As [`import_archive`], and [`Unclaimed`](StoreErrorKind::Unclaimed) if the archive holds candles of several sources or
/// of another venue.
pub async fn import_archive_as(
    store: &dyn CandleStore,
    dir: &Path,
    now: Timestamp,
    source: VenueId,
) -> Result<Manifest, StoreError> {
    import(store, dir, now, |manifest| {
        let sources = manifest.sources();
        if sources.len() > 1 {
            let names: Vec<_> = sources.iter().map(|source| source.as_str()).collect();
            let (dir, names) = (dir.display(), names.join(", "));
            return Err(refused(format!(
                "the archive {dir} holds candles of {names}; under one name they would overlap"
            )));
        }
        match sources.first().filter(|found| found.family() != source.family()) {
            Some(found) => Err(refused(format!("candles of {found} cannot be those of {source}"))),
            None => Ok(Some(source)),
        }
    })
    .await
}

/// Checks all of it, then stores it, under the name that `name` returns, if any.
async fn import(
    store: &dyn CandleStore,
    dir: &Path,
    now: Timestamp,
    name: impl FnOnce(&Manifest) -> Result<Option<VenueId>, StoreError>,
) -> Result<Manifest, StoreError> {
    let folder = dir.to_owned();
    let manifest = off_thread(move || Manifest::read(&folder)).await?;
    let name = name(&manifest)?;
    for archived in &manifest.series {
        let mut sheet = SeriesFileReader::new(dir, now, &manifest, archived);
        sheet.plausibility.check_coverage(&archived.coverage).map_err(|what| {
            let file = path_in(dir).unwrap_or_else(|| dir.to_owned());
            damaged(&file, &format!("{}: {what}; nothing was imported", archived.series))
        })?;
        off_thread(move || {
            sheet.open()?;
            while !sheet.next()?.is_empty() {}
            sheet.finish()
        })
        .await?;
    }
    for archived in &manifest.series {
        let series = match name {
            Some(source) => renamed(&archived.series, source)?,
            None => archived.series.clone(),
        };
        commit(store, &series, archived, SeriesFileReader::new(dir, now, &manifest, archived)).await?;
    }
    Ok(manifest)
}

fn renamed(series: &Series, source: VenueId) -> Result<Series, StoreError> {
    let symbol = Symbol::new(source, series.symbol.code()).map_err(|error| refused(error.to_string()))?;
    Ok(Series::new(symbol, series.timeframe))
}

fn refused(message: String) -> StoreError {
    StoreError::new(StoreErrorKind::Unclaimed, message)
}

/// Builds the error for an archive of an older version: its `upbit` may be any source with Upbit's protocol.
fn unnamed_source_error(dir: &Path, manifest: &Manifest) -> StoreError {
    let named = manifest.sources().first().map_or("upbit", |source| source.as_str());
    refused(format!(
        "the archive {} does not name its source: a version that did not keep sources apart wrote it. If \
         they \
         are {named}'s own, say --as {named}; else name their source, as in --as {named}@127.0.0.1:9001",
        dir.display()
    ))
}

/// Stores a series batch by batch, each with the coverage of its range, so that the stored part is correct
/// wherever it ends.
async fn commit(
    store: &dyn CandleStore,
    series: &Series,
    archived: &ArchivedSeries,
    mut sheet: SeriesFileReader,
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
        store.commit(series, &candles, &known).await?;
        if candles.is_empty() {
            // It was checked before, but files can change meanwhile, and that should be reported.
            return off_thread(move || sheet.finish()).await;
        }
        done = end;
    }
}

/// A reader of a file of rows that checks and hashes each row.
struct SeriesFileReader {
    dir: PathBuf,
    path: PathBuf,
    format: ArchiveFormat,
    archived: ArchivedSeries,
    reader: Option<RowReader>,
    hasher: SeriesHasher,
    newest: Option<Timestamp>,
    plausibility: PlausibilityCheck,
}

impl SeriesFileReader {
    fn new(dir: &Path, now: Timestamp, manifest: &Manifest, archived: &ArchivedSeries) -> Self {
        Self {
            plausibility: PlausibilityCheck {
                now,
                timeframe: archived.series.timeframe,
                grid: archived.grid,
            },
            dir: dir.to_owned(),
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
            self.reader = Some(RowReader::open(self.format, &self.path, self.file()?)?);
        }
        Ok(())
    }

    fn file(&self) -> Result<File, StoreError> {
        let file = checked_file::open(&self.dir, &self.path)?;
        checked_file::require_size(&self.path, &file, self.format.max_bytes(self.archived.rows))?;
        Ok(file)
    }

    fn check_bytes(&self) -> Result<(), StoreError> {
        let digest = || {
            let mut file = self.file()?;
            checked_file::require_magic(&self.path, &mut file, self.format.magic())?;
            file_digest::of(&self.path, file)
        };
        let found = self.format.needs_digest().then(digest).transpose()?;
        if found == self.archived.file_sha256 {
            return Ok(());
        }
        Err(damaged(
            &self.path,
            "its SHA-256 is not the manifest's; it has been changed since it was written",
        ))
    }

    /// Returns the next rows; none at the end.
    fn next(&mut self) -> Result<Vec<Candle>, StoreError> {
        let Some(reader) = &mut self.reader else { return Ok(Vec::new()) };
        let candles = reader.next(BATCH)?;
        for (index, candle) in candles.iter().enumerate() {
            let ArchivedSeries { series, grid, coverage, .. } = &self.archived;
            let checked = check(candle, self.newest, series.timeframe, *grid);
            if let Err(what) = checked.and_then(|()| self.plausibility.check_candle(candle, coverage)) {
                let place = reader.location(self.hasher.rows() + index as u64);
                return Err(damaged(&self.path, &format!("{place}: {what}")));
            }
            self.newest = Some(candle.open_time);
        }
        self.hasher.add(&candles);
        Ok(candles)
    }

    /// Checks that the content matched the manifest.
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
    if !candle.is_valid() || !candle.volume.is_finite() || !candle.turnover.is_finite() {
        return Err(format!("the values of {open_time} are invalid"));
    }
    Ok(())
}
