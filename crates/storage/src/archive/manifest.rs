//! `_manifest.json`: the content of an archive, its coverage and its hash. It is the last file to be written.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Component, Path, PathBuf};

use market_backbone_core::{Coverage, Grid, Series, StoreError, Symbol, VenueId, VenueIdError};
use serde::{Deserialize, Serialize};

use super::atomic_file::AtomicFile;
use super::checked_file;
use super::content_hash::ContentHash;
use super::coverage_record::CoverageRecord;
use super::fault::{damaged, io};
use super::row_file::ArchiveFormat;

/// The name of the file: readers of folders skip names that begin with `_`.
const MANIFEST: &str = "_manifest.json";
/// The name in version 1, whose rows lay beside it.
const MANIFEST_V1: &str = "manifest.json";
const VERSION: u32 = 2;
/// The largest size, in bytes: some 20,000 series. All of it is held in memory.
const MAX_BYTES: u64 = 16 * 1024 * 1024;
/// The meaning of the field `venue`. Versions that did not keep sources apart do not write it, and do not
/// read manifests with it.
const VENUE_KIND: &str = "sources";

/// The content of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The format in which rows are written.
    pub format: ArchiveFormat,
    /// The series of the archive, in order.
    pub series: Vec<ArchivedSeries>,
    /// The hash of all series.
    pub content_hash: ContentHash,
    /// True if series name their source: archives of older versions, which did not keep sources apart, do
    /// not.
    pub names_sources: bool,
}

/// One series of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchivedSeries {
    /// The archived series.
    pub series: Series,
    /// The calendar that defines its slots.
    pub grid: Grid,
    /// The file with its rows, relative to the archive's folder.
    pub file: String,
    /// The number of rows.
    pub rows: u64,
    /// The coverage of the series, with its provenance.
    pub coverage: Coverage,
    /// The SHA-256 of the file's bytes, in hex, where the format needs it: Parquet does, CSV does not.
    pub file_sha256: Option<String>,
    /// The hash of its rows and coverage.
    pub content_hash: ContentHash,
}

/// Returns whether `dir` is an archive, of any version.
pub(super) fn is_in(dir: &Path) -> bool {
    path_in(dir).is_some()
}

pub(super) fn path_in(dir: &Path) -> Option<PathBuf> {
    [MANIFEST, MANIFEST_V1].map(|name| dir.join(name)).into_iter().find(|path| path.exists())
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ManifestDocument {
    version: u32,
    format: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    venues: Option<String>,
    /// The calendar of all series that name no other.
    grid: String,
    content_hash: String,
    series: Vec<ManifestEntry>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ManifestEntry {
    venue: String,
    symbol: String,
    timeframe: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    grid: Option<String>,
    file: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file_sha256: Option<String>,
    rows: u64,
    content_hash: String,
    coverage: CoverageRecord,
}

impl Manifest {
    pub(super) fn new(format: ArchiveFormat, series: Vec<ArchivedSeries>) -> Self {
        let content_hash = ContentHash::of_all(series.iter().map(|archived| archived.content_hash));
        Self { format, series, content_hash, names_sources: true }
    }

    /// Returns the sources of the candles, in order.
    #[must_use]
    pub fn sources(&self) -> BTreeSet<VenueId> {
        self.series.iter().map(|archived| archived.series.symbol.venue()).collect()
    }

    /// Returns the number of rows of all series.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.series.iter().map(|archived| archived.rows).sum()
    }

    pub(super) fn write(&self, dir: &Path) -> Result<(), StoreError> {
        let path = dir.join(MANIFEST);
        let document = self.document().map_err(|what| damaged(&path, &what))?;
        let mut text = serde_json::to_vec_pretty(&document).map_err(|error| io(&path, error.into()))?;
        text.push(b'\n');
        if text.len() as u64 > MAX_BYTES {
            return Err(damaged(
                &path,
                "it would be too large to be read again; export fewer series into one folder",
            ));
        }
        let (draft, mut file) = AtomicFile::create(&path)?;
        file.write_all(&text).and_then(|()| file.sync_all()).map_err(|error| io(&path, error))?;
        draft.commit()
    }

    /// Reads the manifest of `dir`.
    pub(super) fn read(dir: &Path) -> Result<Self, StoreError> {
        let path = path_in(dir).unwrap_or_else(|| dir.join(MANIFEST));
        let text = checked_file::read(dir, &path, MAX_BYTES)?;
        let document = serde_json::from_slice::<ManifestDocument>(&text).map_err(|error| error.to_string());
        document.and_then(Self::of).map_err(|what| damaged(&path, &what))
    }

    fn document(&self) -> Result<ManifestDocument, String> {
        let usual = self.series.first().map_or(Grid::Utc, |archived| archived.grid);
        Ok(ManifestDocument {
            version: VERSION,
            format: self.format.as_str().to_owned(),
            venues: self.names_sources.then(|| VENUE_KIND.to_owned()),
            grid: grid_name(usual)?.to_owned(),
            content_hash: self.content_hash.to_string(),
            series: self.series.iter().map(|archived| entry(archived, usual)).collect::<Result<_, _>>()?,
        })
    }

    fn of(document: ManifestDocument) -> Result<Self, String> {
        if !(1..=VERSION).contains(&document.version) {
            return Err(format!("version {} is newer than this program knows", document.version));
        }
        let names_sources = match document.venues.as_deref() {
            Some(VENUE_KIND) => true,
            Some(unknown) => {
                return Err(format!("its venues are `{unknown}`, which this program does not know"));
            }
            None => false,
        };
        let format = ArchiveFormat::from_name(&document.format)?;
        let grid = grid_named(&document.grid)?;
        let series: Vec<_> =
            document.series.into_iter().map(|entry| archived(entry, grid)).collect::<Result<_, _>>()?;
        if !series.is_sorted_by(|a, b| a.series < b.series) {
            return Err("the series are not in order, or one is listed twice".to_owned());
        }
        let files: BTreeSet<_> = series.iter().map(|archived| &archived.file).collect();
        if files.len() < series.len() {
            return Err("two series name the same file".to_owned());
        }
        let manifest = Self { names_sources, ..Self::new(format, series) };
        if manifest.content_hash.to_string() != document.content_hash {
            return Err("its content hash is not that of its series; it has been changed".to_owned());
        }
        Ok(manifest)
    }
}

fn entry(archived: &ArchivedSeries, usual: Grid) -> Result<ManifestEntry, String> {
    let (Series { symbol, timeframe }, grid) = (&archived.series, archived.grid);
    let other = (grid != usual).then(|| grid_name(grid)).transpose()?;
    Ok(ManifestEntry {
        venue: symbol.venue().to_string(),
        symbol: symbol.code().to_owned(),
        timeframe: timeframe.to_string(),
        grid: other.map(str::to_owned),
        file: archived.file.clone(),
        file_sha256: archived.file_sha256.clone(),
        rows: archived.rows,
        content_hash: archived.content_hash.to_string(),
        coverage: CoverageRecord::of(&archived.coverage, *timeframe, grid)?,
    })
}

fn archived(entry: ManifestEntry, usual: Grid) -> Result<ArchivedSeries, String> {
    let venue: VenueId = entry.venue.parse().map_err(|error: VenueIdError| error.to_string())?;
    let symbol = Symbol::new(venue, &entry.symbol).map_err(|error| error.to_string())?;
    let timeframe = entry.timeframe.parse().map_err(|error| format!("{error}"))?;
    let grid = entry.grid.as_deref().map_or(Ok(usual), grid_named)?;
    let series = Series::new(symbol, timeframe);
    let in_series = |what: String| format!("{series}: {what}");
    let mut parts = Path::new(&entry.file).components();
    if entry.file.is_empty() || !parts.all(|part| matches!(part, Component::Normal(_))) {
        return Err(in_series(format!("`{}` is no file of this folder", entry.file)));
    }
    let coverage = entry.coverage.to_coverage(timeframe, grid).map_err(in_series)?;
    let content_hash = entry.content_hash.parse().map_err(|error| in_series(format!("{error}")))?;
    let ManifestEntry { file, file_sha256, rows, .. } = entry;
    Ok(ArchivedSeries { series, grid, file, file_sha256, rows, coverage, content_hash })
}

fn grid_name(grid: Grid) -> Result<&'static str, String> {
    match grid {
        Grid::Utc => Ok("utc"),
        Grid::NewYork => Ok("new-york"),
        unknown => Err(format!("an archive has no name for {unknown:?}")),
    }
}

fn grid_named(name: &str) -> Result<Grid, String> {
    match name {
        "utc" => Ok(Grid::Utc),
        "new-york" => Ok(Grid::NewYork),
        unknown => Err(format!("there is no grid `{unknown}`")),
    }
}
