//! An answer as a single Parquet file: a view of it, row by row, each with what is really known of its slot.

use std::fs::File;
use std::path::Path;

use market_backbone_core::{Candle, CandleSet, Fill, Grid, Slot, StoreError, ViewRow};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType};
use parquet::errors::Result;
use parquet::file::metadata::KeyValue;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};

use super::content_hash::ContentHash;
use super::draft::Draft;
use super::export::notes;
use super::parquet_columns::{self, FIGURES};
use super::trouble::{damaged, io};

/// Rows in a group, as in an archive.
const GROUP: usize = 65_536;

const SCHEMA: &str = "
    REQUIRED INT64 timestamp (TIMESTAMP(MILLIS,true));
    OPTIONAL DOUBLE open;
    OPTIONAL DOUBLE high;
    OPTIONAL DOUBLE low;
    OPTIONAL DOUBLE close;
    OPTIONAL DOUBLE volume;
    OPTIONAL DOUBLE turnover;
    OPTIONAL BOOLEAN final;
    REQUIRED BOOLEAN filled;
    REQUIRED BYTE_ARRAY truth (STRING);";

/// Writes a view of an answer to `path` as Parquet, with what is known of it in the notes at its end.
///
/// The columns are `timestamp` (UTC, milliseconds), `open`, `high`, `low`, `close`, `volume`, `turnover`,
/// `final`, `filled` (the candle was made up by the view) and `truth` (`present`, `empty`, `unknown` or
/// `disputed`); a row without a candle is empty from `open` to `final`. The notes are `venue`, `symbol`,
/// `timeframe`, `coverage` and `content_hash`, which is about the candles that exist and not the view. The
/// file is whole or not there. Waits for the disk.
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
    let hash = ContentHash::of(&set.series, &set.candles, &set.coverage, grid);
    let notes = notes(&set.series, &set.coverage, hash, grid)?;
    let (draft, file) = Draft::create(path)?;
    let file = parquet_columns::begin(file, SCHEMA).and_then(|writer| {
        let rows: Vec<_> = set.view(fill, grid).collect();
        write(writer, &rows, &notes)
    });
    let file = file.map_err(|error| damaged(path, &error.to_string()))?;
    file.sync_all().map_err(|error| io(path, error))?;
    draft.settle()
}

fn write(mut writer: SerializedFileWriter<File>, rows: &[ViewRow], notes: &[(&str, String)]) -> Result<File> {
    for rows in rows.chunks(GROUP) {
        let mut group = writer.next_row_group()?;
        write_group(&mut group, rows)?;
        group.close()?;
    }
    for (key, value) in notes {
        writer.append_key_value_metadata(KeyValue::new((*key).to_owned(), value.clone()));
    }
    writer.into_inner()
}

fn write_group(group: &mut SerializedRowGroupWriter<'_, File>, rows: &[ViewRow]) -> Result<()> {
    let candles: Vec<Candle> = rows.iter().filter_map(|row| row.candle).collect();
    let filled_in: Vec<i16> = rows.iter().map(|row| i16::from(row.candle.is_some())).collect();
    parquet_columns::times(group, rows.iter().map(|row| row.open_time))?;
    for figure in FIGURES {
        let values: Vec<f64> = candles.iter().map(figure).collect();
        parquet_columns::column::<DoubleType>(group, &values, Some(&filled_in))?;
    }
    let finals: Vec<bool> = candles.iter().map(|candle| candle.is_final).collect();
    parquet_columns::column::<BoolType>(group, &finals, Some(&filled_in))?;
    let filled: Vec<bool> = rows.iter().map(|row| row.filled).collect();
    parquet_columns::column::<BoolType>(group, &filled, None)?;
    let truths: Vec<<ByteArrayType as DataType>::T> = rows.iter().map(truth).collect();
    parquet_columns::column::<ByteArrayType>(group, &truths, None)
}

fn truth(row: &ViewRow) -> ByteArray {
    ByteArray::from(match row.truth {
        Slot::Present(_) => "present",
        Slot::Empty => "empty",
        Slot::Unknown => "unknown",
        Slot::Disputed(_) => "disputed",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use market_backbone_core::{
        Origin, Provenance, Series, Span, Symbol, TimeRange, Timeframe, Timestamp, VenueId,
    };
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
        set.candles = [0, 2, 5].map(candle).to_vec();
        let provenance = Provenance { origin: Origin::Rest, observed_at: Timestamp::EPOCH };
        set.coverage.insert(Span { range: TimeRange::new(minute(0), minute(4)).unwrap(), provenance });
        set
    }

    /// A row's minute, close, final, filled and truth.
    type Written = (i64, Option<f64>, Option<bool>, bool, String);

    fn written(fill: Fill) -> Vec<Written> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("answer.parquet");
        write_parquet(&path, &set(), fill, Grid::Utc).unwrap();
        let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
        let rows = reader.get_row_iter(None).unwrap().map(|row| {
            let row = row.unwrap();
            let minute = row.get_timestamp_millis(0).unwrap() / 60_000;
            let truth = row.get_string(9).unwrap().clone();
            (minute, row.get_double(4).ok(), row.get_bool(7).ok(), row.get_bool(8).unwrap(), truth)
        });
        rows.collect()
    }

    fn row(minute: i64, close: f64, filled: bool, truth: &str) -> Written {
        (minute, Some(close), Some(minute != 5), filled, truth.to_owned())
    }

    fn hole(minute: i64, truth: &str) -> Written {
        (minute, None, None, false, truth.to_owned())
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
}
