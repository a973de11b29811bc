//! Answers as a Parquet file: a view of each, row by row, with the truth about its slot.

use std::fs::File;
use std::path::Path;

use market_backbone_core::{Candle, CandleSet, Fill, Grid, Series, Slot, StoreError, ViewRow};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType};
use parquet::errors::Result;
use parquet::file::metadata::KeyValue;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};

use super::atomic_file::AtomicFile;
use super::content_hash::ContentHash;
use super::export::notes;
use super::fault::{damaged, io};
use super::parquet_columns::{self, VALUE_COLUMNS};

/// The number of rows in a group, as in an archive.
const GROUP: usize = 65_536;

const SCHEMA: &str = "
    REQUIRED INT64 timestamp (TIMESTAMP(MICROS,true));
    OPTIONAL DOUBLE open;
    OPTIONAL DOUBLE high;
    OPTIONAL DOUBLE low;
    OPTIONAL DOUBLE close;
    OPTIONAL DOUBLE volume;
    OPTIONAL DOUBLE turnover;
    REQUIRED BOOLEAN final;
    REQUIRED BOOLEAN filled;
    REQUIRED BYTE_ARRAY truth (STRING);";
/// The columns that name the series of a row, where a file may hold several.
const NAMES: &str = "
    REQUIRED BYTE_ARRAY symbol (STRING);
    REQUIRED BYTE_ARRAY timeframe (STRING);";

/// Writes a view of an answer to `path` as Parquet, with its coverage in the metadata.
///
/// The columns are `timestamp` (UTC, microseconds), `open`, `high`, `low`, `close`, `volume`, `turnover`,
/// `final` ([`ViewRow::is_final`]), `filled` (the view made the candle up) and `truth` (`present`, `empty`,
/// `unknown` or `disputed`). A row without a candle is null from `open` to `turnover`. The metadata are
/// `venue`, `symbol`, `timeframe`, `coverage` and `content_hash`, which is about the candles that exist and
/// not about the view. The file is complete or does not exist. Blocks on the disk.
///
/// # Errors
///
/// If the file cannot be written.
pub fn write_parquet(
    path: &Path,
    set: &CandleSet,
    fill: Fill,
    grid: Grid,
) -> std::result::Result<(), StoreError> {
    let mut sheet = ViewRowWriter::create(path, SCHEMA)?;
    sheet.write(&set.view(fill, grid).collect::<Vec<_>>(), None)?;
    sheet.finish(&notes_of(set, grid)?)
}

/// A writer of answers for any number of series to one Parquet file: the columns of [`write_parquet`], then
/// `symbol` and `timeframe`.
///
/// The rows of a series are adjacent, in the order in which they were added. The file appears, complete, once
/// it is finished; if it is dropped, it leaves nothing behind. The metadata are about the series that was
/// added, if it was only one.
#[derive(Debug)]
pub struct ParquetViewWriter {
    rows_out: ViewRowWriter,
    fill: Fill,
    grid: Grid,
    notes: Vec<(&'static str, String)>,
    series: usize,
}

impl ParquetViewWriter {
    /// Creates a file at `path` whose rows are views of answers. All methods block on the disk.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn create(path: &Path, fill: Fill, grid: Grid) -> std::result::Result<Self, StoreError> {
        let sheet = ViewRowWriter::create(path, &format!("{SCHEMA}{NAMES}"))?;
        Ok(Self { rows_out: sheet, fill, grid, notes: Vec::new(), series: 0 })
    }

    /// Adds the rows of an answer.
    ///
    /// # Errors
    ///
    /// If they cannot be written.
    pub fn add(&mut self, set: &CandleSet) -> std::result::Result<(), StoreError> {
        self.series += 1;
        self.notes = if self.series == 1 { notes_of(set, self.grid)?.into() } else { Vec::new() };
        let rows: Vec<_> = set.view(self.fill, self.grid).collect();
        self.rows_out.write(&rows, Some(&set.series))
    }

    /// Moves the file into place.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn finish(self) -> std::result::Result<(), StoreError> {
        self.rows_out.finish(&self.notes)
    }
}

fn notes_of(set: &CandleSet, grid: Grid) -> std::result::Result<[(&'static str, String); 5], StoreError> {
    let hash = ContentHash::of(&set.series, &set.candles.to_vec(), &set.coverage, grid);
    notes(&set.series, &set.coverage, hash, grid)
}

/// A writer of rows of views.
struct ViewRowWriter {
    target_file: AtomicFile,
    writer: SerializedFileWriter<File>,
}

impl ViewRowWriter {
    fn create(path: &Path, columns: &str) -> std::result::Result<Self, StoreError> {
        let (draft, file) = AtomicFile::create(path)?;
        let writer =
            parquet_columns::begin(file, columns).map_err(|error| damaged(path, &error.to_string()))?;
        Ok(Self { target_file: draft, writer })
    }

    fn write(&mut self, rows: &[ViewRow], series: Option<&Series>) -> std::result::Result<(), StoreError> {
        let written = rows.chunks(GROUP).try_for_each(|rows| {
            let mut group = self.writer.next_row_group()?;
            write_group(&mut group, rows, series)?;
            group.close().map(drop)
        });
        written.map_err(|error| damaged(self.target_file.target(), &error.to_string()))
    }

    fn finish(mut self, notes: &[(&str, String)]) -> std::result::Result<(), StoreError> {
        for (key, value) in notes {
            self.writer.append_key_value_metadata(KeyValue::new((*key).to_owned(), value.clone()));
        }
        let path = self.target_file.target().to_owned();
        let file = self.writer.into_inner().map_err(|error| damaged(&path, &error.to_string()))?;
        file.sync_all().map_err(|error| io(&path, error))?;
        self.target_file.commit()
    }
}

impl std::fmt::Debug for ViewRowWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sheet").field("draft", &self.target_file).finish_non_exhaustive()
    }
}

fn write_group(
    group: &mut SerializedRowGroupWriter<'_, File>,
    rows: &[ViewRow],
    series: Option<&Series>,
) -> Result<()> {
    let candles: Vec<Candle> = rows.iter().filter_map(|row| row.candle).collect();
    let filled_in: Vec<i16> = rows.iter().map(|row| i16::from(row.candle.is_some())).collect();
    parquet_columns::times(group, rows.iter().map(|row| row.open_time))?;
    for figure in VALUE_COLUMNS {
        let values: Vec<f64> = candles.iter().map(figure).collect();
        parquet_columns::column::<DoubleType>(group, &values, Some(&filled_in))?;
    }
    let finals: Vec<bool> = rows.iter().map(ViewRow::is_final).collect();
    parquet_columns::column::<BoolType>(group, &finals, None)?;
    let filled: Vec<bool> = rows.iter().map(|row| row.filled).collect();
    parquet_columns::column::<BoolType>(group, &filled, None)?;
    let truths: Vec<<ByteArrayType as DataType>::T> = rows.iter().map(truth).collect();
    parquet_columns::column::<ByteArrayType>(group, &truths, None)?;
    let Some(Series { symbol, timeframe }) = series else { return Ok(()) };
    for name in [symbol.code(), timeframe.as_str()] {
        parquet_columns::column::<ByteArrayType>(group, &vec![ByteArray::from(name); rows.len()], None)?;
    }
    Ok(())
}

fn truth(row: &ViewRow) -> ByteArray {
    ByteArray::from(match row.slot {
        Slot::Present(_) => "present",
        Slot::Empty => "empty",
        Slot::Unknown => "unknown",
        Slot::Disputed(_) => "disputed",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use market_backbone_core::{Origin, Provenance, Span, Symbol, TimeRange, Timeframe, Timestamp, VenueId};
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::RowAccessor;

    fn minute(number: i64) -> Timestamp {
        Timestamp::from_secs(number * 60)
    }

    /// Minutes 0, 2 and 5 traded, 1 and 3 are proven empty, 4 is unknown, 5 is forming.
    fn set() -> CandleSet {
        let symbol = Symbol::new(VenueId::new("upbit"), "KRW-BTC").unwrap();
        let mut set = CandleSet::empty(Series::new(symbol, Timeframe::M1));
        let candle = |number: i64| {
            let price = number as f64 + 1.0;
            let (open_time, is_final) = (minute(number), number != 5);
            let (open, high, low, close) = (price, price, price, price);
            Candle { open_time, open, high, low, close, volume: 1.0, turnover: 1.0, is_final }
        };
        set.candles = [0, 2, 5].map(candle).into();
        let provenance = Provenance { origin: Origin::Rest, observed_at: Timestamp::EPOCH };
        set.coverage.insert(Span { range: TimeRange::new(minute(0), minute(4)).unwrap(), provenance });
        set
    }

    /// A row's minute, close, final, filled and truth.
    type WrittenRow = (i64, Option<f64>, bool, bool, String);

    fn written(fill: Fill) -> Vec<WrittenRow> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("answer.parquet");
        write_parquet(&path, &set(), fill, Grid::Utc).unwrap();
        let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
        let rows = reader.get_row_iter(None).unwrap().map(|row| {
            let row = row.unwrap();
            let minute = row.get_timestamp_micros(0).unwrap() / 60_000_000;
            let truth = row.get_string(9).unwrap().clone();
            (minute, row.get_double(4).ok(), row.get_bool(7).unwrap(), row.get_bool(8).unwrap(), truth)
        });
        rows.collect()
    }

    fn row(minute: i64, close: f64, filled: bool, truth: &str) -> WrittenRow {
        (minute, Some(close), minute != 5, filled, truth.to_owned())
    }

    fn hole(minute: i64, truth: &str) -> WrittenRow {
        (minute, None, truth == "empty", false, truth.to_owned())
    }

    #[test]
    fn what_is_made_up_and_what_is_unknown_says_so() {
        let (first, third) = (row(0, 1.0, false, "present"), row(2, 3.0, false, "present"));
        let forming = row(5, 6.0, false, "present");
        assert_eq!(written(Fill::None), [first.clone(), third.clone(), forming.clone()]);
        let nulls = [
            first.clone(),
            hole(1, "empty"),
            third.clone(),
            hole(3, "empty"),
            hole(4, "unknown"),
            forming.clone(),
        ];
        assert_eq!(written(Fill::Null), nulls);
        let (second, fourth) = (row(1, 1.0, true, "empty"), row(3, 3.0, true, "empty"));
        assert_eq!(written(Fill::Forward), [first, second, third, fourth, hole(4, "unknown"), forming]);
    }

    #[test]
    fn each_row_of_several_series_says_whose_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("answers.parquet");
        let mut answers = ParquetViewWriter::create(&path, Fill::None, Grid::Utc).unwrap();
        for code in ["KRW-BTC", "KRW-ETH"] {
            let symbol = Symbol::new(VenueId::new("upbit"), code).unwrap();
            answers.add(&CandleSet { series: Series::new(symbol, Timeframe::M1), ..set() }).unwrap();
        }
        assert!(!path.exists(), "not before it is whole");
        answers.finish().unwrap();
        let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
        let named = |row: parquet::record::Row| {
            (row.get_string(10).unwrap().clone(), row.get_string(11).unwrap().clone())
        };
        let names: Vec<_> = reader.get_row_iter(None).unwrap().map(|row| named(row.unwrap())).collect();
        let of = |code: &str| vec![(code.to_owned(), "1m".to_owned()); 3];
        assert_eq!(names, [of("KRW-BTC"), of("KRW-ETH")].concat());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left");
    }
}
