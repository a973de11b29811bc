//! Writes series into an archive: rows as they are read, and the manifest when all of them are in place.

use std::fs::File;
use std::path::{Path, PathBuf};

use market_backbone_core::{
    CandleColumns, CandleStore, Coverage, Grid, Series, StoreError, StoreErrorKind, TimeRange,
};

use super::content_hash::{ContentHash, SeriesHasher};
use super::coverage_record::CoverageRecord;
use super::fault::{io, off_thread};
use super::file_digest;
use super::manifest::{ArchivedSeries, Manifest};
use super::partition_path;
use super::row_file::{ArchiveFormat, RowWriter};
use super::staging::StagingDir;
use crate::GridLookup;

/// The number of rows read at once, which bounds the memory whatever the length of a series.
const PAGE: usize = 16_384;

/// The selection and the destination of an export.
#[derive(Clone, Debug)]
pub struct ExportOptions {
    dir: PathBuf,
    format: ArchiveFormat,
    series: Vec<Series>,
    range: TimeRange,
    grids: GridLookup,
}

market_backbone_core::setters!(ExportOptions {
    /// The folder of the archive; created if it does not exist.
    #[getter(get_dir -> &Path)]
    dir: PathBuf,
    /// The format in which rows are written.
    #[getter(get_format)]
    format: ArchiveFormat,
    /// The series to export; the order makes no difference.
    #[getter(get_series -> &[Series])]
    series: Vec<Series>,
    /// The range to export. Coverage is cut to it as rows are.
    #[getter(get_range)]
    range: TimeRange,
    /// The calendars that define the slots of candles.
    #[getter(get_grids -> &GridLookup)]
    grids: GridLookup,
});

impl ExportOptions {
    /// Creates the options of an export of all that is stored of `series` into the folder `dir`.
    #[must_use]
    pub fn new(
        dir: impl Into<PathBuf>,
        format: ArchiveFormat,
        series: Vec<Series>,
        grids: impl Into<GridLookup>,
    ) -> Self {
        Self { dir: dir.into(), format, series, range: TimeRange::ALL, grids: grids.into() }
    }
}

/// Copies series into files and returns the manifest.
///
/// A series without rows and coverage is left out, and so are earlier versions of rows.
///
/// All rows are moved into place at once, and the manifest is written last: a folder without it is no
/// archive.
///
/// # Errors
///
/// [`Inaccessible`](StoreErrorKind::Inaccessible) if the folder holds an archive already or cannot be written;
/// [`DiskFull`](StoreErrorKind::DiskFull); [`Undescribed`](StoreErrorKind::Undescribed) if nobody described the venue of a
/// series; and any error of reading the store.
pub async fn export_archive(store: &dyn CandleStore, order: &ExportOptions) -> Result<Manifest, StoreError> {
    let dir = order.dir.clone();
    let staging = off_thread(move || StagingDir::begin(&dir)).await?;
    let mut series = order.series.clone();
    series.sort();
    series.dedup();
    let mut archived = Vec::new();
    for series in &series {
        archived.extend(write_series(store, series, order, &staging).await?);
    }
    let manifest = Manifest::new(order.format, archived);
    let dir = order.dir.clone();
    off_thread(move || {
        staging.commit()?;
        manifest.write(&dir)?;
        Ok(manifest)
    })
    .await
}

async fn write_series(
    store: &dyn CandleStore,
    series: &Series,
    order: &ExportOptions,
    staging: &StagingDir,
) -> Result<Option<ArchivedSeries>, StoreError> {
    // Coverage is read before rows: rows that another process adds meanwhile are not covered yet. Claims are
    // left out: an archive holds only what is known.
    let coverage = store.coverage(series).await?.within(order.range).without_claims();
    let pages = pages(store, series, order.range).await?;
    if pages.is_empty() && coverage.spans().is_empty() {
        return Ok(None);
    }
    let (place, format) = (partition_path::of(series, order.format), order.format);
    let (path, files, hasher) = (staging.path(&place), staging.files(), SeriesHasher::new(series));
    let mut sheet = off_thread(move || {
        let file = files.create(&path)?;
        Ok(SeriesFileWriter {
            format,
            writer: RowWriter::new(format, &path, file)?,
            hasher,
            path,
            relative_path: place,
        })
    })
    .await?;
    for page in pages {
        let candles = store.read(series, page, usize::MAX).await?.candles;
        sheet = off_thread(move || sheet.append(&candles)).await?;
    }
    let (series, grid) = (series.clone(), order.grids.grid_of(series.symbol.venue())?);
    off_thread(move || sheet.finish(series, coverage, grid)).await.map(Some)
}

/// Returns ranges, oldest first, with about a page of rows each.
///
/// A store reads from the newest row back, and a file needs the oldest first. So the range is walked twice
/// instead of being held in memory.
async fn pages(
    store: &dyn CandleStore,
    series: &Series,
    range: TimeRange,
) -> Result<Vec<TimeRange>, StoreError> {
    let mut pages = Vec::new();
    let mut ahead = Some(range);
    while let Some(left) = ahead {
        let rows = store.read(series, left, PAGE).await?.candles;
        let Some(oldest) = rows.first() else { break };
        pages.extend(TimeRange::new(oldest.open_time, left.to()));
        ahead = TimeRange::new(left.from(), oldest.open_time).ok().filter(|_| rows.len() == PAGE);
    }
    pages.reverse();
    Ok(pages)
}

/// A writer of a file of rows that hashes them as well.
struct SeriesFileWriter {
    format: ArchiveFormat,
    writer: RowWriter,
    hasher: SeriesHasher,
    path: PathBuf,
    relative_path: String,
}

impl SeriesFileWriter {
    fn append(mut self, candles: &CandleColumns) -> Result<Self, StoreError> {
        let candles = candles.to_vec();
        self.hasher.add(&candles);
        self.writer.write(&candles)?;
        Ok(self)
    }

    fn finish(self, series: Series, coverage: Coverage, grid: Grid) -> Result<ArchivedSeries, StoreError> {
        let rows = self.hasher.rows();
        let content_hash = self.hasher.finish(&coverage, grid);
        self.writer.finish(&notes(&series, &coverage, content_hash, grid)?)?;
        let digest =
            || file_digest::of(&self.path, File::open(&self.path).map_err(|error| io(&self.path, error))?);
        let file_sha256 = self.format.needs_digest().then(digest).transpose()?;
        Ok(ArchivedSeries {
            series,
            grid,
            file: self.relative_path,
            file_sha256,
            rows,
            coverage,
            content_hash,
        })
    }
}

/// Returns the metadata of a file of rows, for formats that have room for it.
pub(super) fn notes(
    series: &Series,
    coverage: &Coverage,
    hash: ContentHash,
    grid: Grid,
) -> Result<[(&'static str, String); 5], StoreError> {
    let [venue, symbol, timeframe, known] = names(series, coverage, grid)?;
    Ok([venue, symbol, timeframe, known, ("content_hash", hash.to_string())])
}

/// Returns what tells whose rows a file holds and what is known of them.
pub(super) fn names(
    series: &Series,
    coverage: &Coverage,
    grid: Grid,
) -> Result<[(&'static str, String); 4], StoreError> {
    let refused = |what| StoreError::new(StoreErrorKind::Database, what);
    let known = CoverageRecord::of(coverage, series.timeframe, grid).map_err(refused)?;
    let known = serde_json::to_string(&known).map_err(|error| refused(error.to_string()))?;
    Ok([
        ("venue", series.symbol.venue().to_string()),
        ("symbol", series.symbol.code().to_owned()),
        ("timeframe", series.timeframe.to_string()),
        ("coverage", known),
    ])
}
