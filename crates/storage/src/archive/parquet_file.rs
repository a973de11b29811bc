//! Rows as Parquet: groups of rows, column by column, with metadata about the series at the end.

use std::fs::File;
use std::path::{Path, PathBuf};

use market_backbone_core::{Candle, StoreError, Timestamp};
use parquet::basic::{LogicalType, TimeUnit, Type};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{BoolType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::SchemaDescriptor;

use super::fault::{damaged, io};
use super::parquet_columns::{self, VALUE_COLUMNS};

/// The number of rows in a group: enough for compression and skipping, few enough to hold in memory.
const GROUP: usize = 65_536;
const SCHEMA: &str = "
    REQUIRED INT64 timestamp (TIMESTAMP(MICROS,true));
    REQUIRED DOUBLE open;
    REQUIRED DOUBLE high;
    REQUIRED DOUBLE low;
    REQUIRED DOUBLE close;
    REQUIRED DOUBLE volume;
    REQUIRED DOUBLE turnover;
    REQUIRED BOOLEAN final;";
const NAMES: [&str; 6] = ["open", "high", "low", "close", "volume", "turnover"];

/// A writer that collects rows into groups.
pub(super) struct ParquetWriter {
    path: PathBuf,
    writer: SerializedFileWriter<File>,
    pending: Vec<Candle>,
}

impl ParquetWriter {
    pub(super) fn new(path: &Path, file: File) -> Result<Self, StoreError> {
        let writer = parquet_columns::begin(file, SCHEMA).map_err(|error| parquet_error(path, error))?;
        Ok(Self { path: path.to_owned(), writer, pending: Vec::new() })
    }

    pub(super) fn write(&mut self, mut candles: &[Candle]) -> Result<(), StoreError> {
        while !candles.is_empty() {
            let (now, later) = candles.split_at(candles.len().min(GROUP - self.pending.len()));
            self.pending.extend_from_slice(now);
            candles = later;
            if self.pending.len() == GROUP {
                self.group().map_err(|error| parquet_error(&self.path, error))?;
            }
        }
        Ok(())
    }

    fn group(&mut self) -> parquet::errors::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let mut group = self.writer.next_row_group()?;
        parquet_columns::times(&mut group, self.pending.iter().map(|candle| candle.open_time))?;
        for figure in VALUE_COLUMNS {
            let values: Vec<f64> = self.pending.iter().map(figure).collect();
            parquet_columns::column::<DoubleType>(&mut group, &values, None)?;
        }
        let finals: Vec<bool> = self.pending.iter().map(|candle| candle.is_final).collect();
        parquet_columns::column::<BoolType>(&mut group, &finals, None)?;
        group.close()?;
        self.pending.clear();
        Ok(())
    }

    pub(super) fn finish(mut self, notes: &[(&str, String)]) -> Result<(), StoreError> {
        self.group().map_err(|error| parquet_error(&self.path, error))?;
        for (key, value) in notes {
            self.writer.append_key_value_metadata(KeyValue::new((*key).to_owned(), value.clone()));
        }
        let file = self.writer.into_inner().map_err(|error| parquet_error(&self.path, error))?;
        file.sync_all().map_err(|error| io(&self.path, error))
    }
}

impl ParquetSchemaVersion {
    const fn unit(self) -> TimeUnit {
        match self {
            Self::One => TimeUnit::MILLIS,
            Self::Two => TimeUnit::MICROS,
        }
    }
}

/// A reader of groups of rows, with as many rows at a time as are wanted.
pub(super) struct ParquetReader {
    path: PathBuf,
    reader: SerializedFileReader<File>,
    version: ParquetSchemaVersion,
    next_group: usize,
    columns: Option<RowGroupColumns>,
}

/// The version of the columns of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ParquetSchemaVersion {
    /// Times in milliseconds, and no column `final`.
    One,
    Two,
}

/// The column readers of one group, all at the same row.
struct RowGroupColumns {
    version: ParquetSchemaVersion,
    times: ColumnReaderImpl<Int64Type>,
    figures: Vec<ColumnReaderImpl<DoubleType>>,
    finals: Option<ColumnReaderImpl<BoolType>>,
}

impl ParquetReader {
    pub(super) fn open(path: &Path, file: File) -> Result<Self, StoreError> {
        let reader = SerializedFileReader::new(file).map_err(|error| parquet_error(path, error))?;
        let version = version(reader.metadata().file_metadata().schema_descr());
        let version = version.map_err(|what| damaged(path, &what))?;
        Ok(Self { path: path.to_owned(), reader, version, next_group: 0, columns: None })
    }

    pub(super) fn next(&mut self, most: usize) -> Result<Vec<Candle>, StoreError> {
        self.read(most).map_err(|error| parquet_error(&self.path, error))
    }

    fn read(&mut self, most: usize) -> parquet::errors::Result<Vec<Candle>> {
        loop {
            if let Some(columns) = &mut self.columns {
                let candles = columns.next(most)?;
                if !candles.is_empty() {
                    return Ok(candles);
                }
            }
            if self.next_group == self.reader.num_row_groups() {
                return Ok(Vec::new());
            }
            self.columns = Some(self.columns_of(self.next_group)?);
            self.next_group += 1;
        }
    }

    fn columns_of(&self, group: usize) -> parquet::errors::Result<RowGroupColumns> {
        let group = self.reader.get_row_group(group)?;
        let ColumnReader::Int64ColumnReader(times) = group.get_column_reader(0)? else {
            return Err(ParquetError::General("timestamp is no INT64".to_owned()));
        };
        let mut figures = Vec::new();
        for (index, name) in NAMES.iter().enumerate() {
            let ColumnReader::DoubleColumnReader(figure) = group.get_column_reader(index + 1)? else {
                return Err(ParquetError::General(format!("{name} is no DOUBLE")));
            };
            figures.push(figure);
        }
        let finals = match self.version {
            ParquetSchemaVersion::One => None,
            ParquetSchemaVersion::Two => match group.get_column_reader(1 + NAMES.len())? {
                ColumnReader::BoolColumnReader(finals) => Some(finals),
                _ => return Err(ParquetError::General("final is no BOOLEAN".to_owned())),
            },
        };
        Ok(RowGroupColumns { version: self.version, times, figures, finals })
    }
}

impl RowGroupColumns {
    fn next(&mut self, most: usize) -> parquet::errors::Result<Vec<Candle>> {
        let mut times = Vec::new();
        self.times.read_records(most, None, None, &mut times)?;
        let mut figures: [Vec<f64>; 6] = Default::default();
        for (values, column) in figures.iter_mut().zip(&mut self.figures) {
            column.read_records(times.len().max(1), None, None, values)?;
            if values.len() != times.len() {
                return Err(ParquetError::General("the columns have different lengths".to_owned()));
            }
        }
        if let Some(column) = &mut self.finals {
            let mut finals = Vec::new();
            column.read_records(times.len().max(1), None, None, &mut finals)?;
            if finals.len() != times.len() || finals.contains(&false) {
                let what = "a row is not final; an archive holds closed candles only";
                return Err(ParquetError::General(what.to_owned()));
            }
        }
        let unit = match self.version {
            ParquetSchemaVersion::One => 1_000_000,
            ParquetSchemaVersion::Two => 1_000,
        };
        let [open, high, low, close, volume, turnover] = figures;
        let candle = |row: usize| Candle {
            open_time: Timestamp::from_nanos(times[row].saturating_mul(unit)),
            open: open[row],
            high: high[row],
            low: low[row],
            close: close[row],
            volume: volume[row],
            turnover: turnover[row],
            is_final: true,
        };
        Ok((0..times.len()).map(candle).collect())
    }
}

/// Returns the schema version if the columns are those of an archive; another program may have rewritten the
/// file.
fn version(schema: &SchemaDescriptor) -> Result<ParquetSchemaVersion, String> {
    let columns = schema.columns();
    let version = match columns.len() {
        7 => ParquetSchemaVersion::One,
        8 => ParquetSchemaVersion::Two,
        found => return Err(format!("8 columns expected, {found} found")),
    };
    let figures = NAMES.map(|name| (name, Type::DOUBLE));
    let wanted = [("timestamp", Type::INT64)].into_iter().chain(figures).chain([("final", Type::BOOLEAN)]);
    for (column, (name, kind)) in columns.iter().zip(wanted) {
        if column.name() != name || column.physical_type() != kind || column.max_def_level() != 0 {
            return Err(format!("a column `{name}` of {kind} without empty cells is expected in its place"));
        }
    }
    match columns[0].logical_type_ref() {
        Some(LogicalType::Timestamp(time)) if time.unit == version.unit() => Ok(version),
        _ => Err(format!("timestamp must be a TIMESTAMP in {:?}", version.unit())),
    }
}

fn parquet_error(path: &Path, error: ParquetError) -> StoreError {
    match error {
        ParquetError::External(cause) => match cause.downcast::<std::io::Error>() {
            // Decompressors use the same error kinds as the disk, but without an OS error code.
            Ok(cause) if cause.raw_os_error().is_some() => io(path, *cause),
            Ok(cause) => damaged(path, &cause.to_string()),
            Err(cause) => damaged(path, &cause.to_string()),
        },
        other => damaged(path, &other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candle(minute: usize) -> Candle {
        let low = 1.0 + minute as f64 / 3.0;
        Candle {
            open_time: Timestamp::from_secs(minute as i64 * 60),
            open: low,
            high: low + 0.1,
            low,
            close: low,
            volume: 1.0 / low,
            turnover: 0.1,
            is_final: true,
        }
    }

    #[test]
    fn rows_survive_the_borders_of_groups_and_batches() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.parquet");
        let candles: Vec<Candle> = (0..2 * GROUP + 3).map(candle).collect();
        let mut writer = ParquetWriter::new(&path, File::create(&path).unwrap()).unwrap();
        for page in candles.chunks(50_000) {
            writer.write(page).unwrap();
        }
        writer.finish(&[("venue", "upbit".to_owned())]).unwrap();
        let mut reader = ParquetReader::open(&path, File::open(&path).unwrap()).unwrap();
        let (mut read, mut batches) = (Vec::new(), 0);
        loop {
            let batch = reader.next(10_000).unwrap();
            if batch.is_empty() {
                break;
            }
            assert!(batch.len() <= 10_000);
            read.extend(batch);
            batches += 1;
        }
        assert_eq!(batches, 15, "seven for each full group, one for the rest");
        assert!(read == candles, "all of them, in order, to the last bit");
    }

    #[test]
    fn other_columns_are_refused_with_what_is_expected() {
        let folder = tempfile::tempdir().unwrap();
        let refused = |schema: &str, want: &str| {
            let path = folder.path().join("rows.parquet");
            parquet_columns::begin(File::create(&path).unwrap(), schema).unwrap().close().unwrap();
            let error = ParquetReader::open(&path, File::open(&path).unwrap()).err().unwrap().to_string();
            assert!(error.contains(want), "{error}");
        };
        refused("REQUIRED INT64 timestamp (TIMESTAMP(MICROS,true));", "8 columns expected, 1 found");
        refused(&SCHEMA.replace("DOUBLE high", "FLOAT high"), "`high` of DOUBLE");
        refused(
            &SCHEMA.replace("REQUIRED DOUBLE low", "OPTIONAL DOUBLE low"),
            "`low` of DOUBLE without empty",
        );
        refused(&SCHEMA.replace("MICROS", "MILLIS"), "MICROS");
        refused(&SCHEMA.replace("REQUIRED BOOLEAN final", "OPTIONAL BOOLEAN final"), "`final` of BOOLEAN");
    }
}
