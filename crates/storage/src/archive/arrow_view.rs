//! Answers as an Arrow IPC file (Feather): a view of each, row by row, with the truth about its slot.

use std::{
    fmt,
    io::{self, Write},
    sync::Arc,
};

use arrow_ipc::writer::FileWriter;
use arrow_schema::{ArrowError, SchemaRef};
use market_backbone_core::{CandleSet, Fill, Grid, Series};

use super::{
    arrow_columns::{self, of_candles, of_rows},
    export::names,
};

/// The number of rows in a record batch.
const GROUP: usize = 65_536;

/// Writes a view of an answer to `sink` as an Arrow IPC file, and returns the sink.
///
/// The columns are those of the Parquet file: `timestamp` (UTC, nanoseconds), `open`, `high`, `low`, `close`,
/// `volume`, `turnover`, `final`, `filled` and `truth` (`present`, `empty`, `unknown` or `disputed`). A row
/// without a candle is null from `open` to `turnover`. The metadata of the schema are `venue`, `symbol`,
/// `timeframe` and `coverage`. Readers that map the file take its columns over as they are; the sink may as well
/// be a pipe. Blocks on the sink.
///
/// # Errors
///
/// If the sink cannot be written to.
pub fn write_arrow<W: Write>(sink: W, set: &CandleSet, fill: Fill, grid: Grid) -> io::Result<W> {
    let notes = names(&set.series, &set.coverage, grid).map_err(io::Error::other)?;
    let schema = Arc::new(arrow_columns::schema(false, notes));
    let writer = FileWriter::try_new(sink, &schema).map_err(io_error)?;
    let mut answers = ArrowViewWriter { writer, schema, fill, grid };
    answers.write(set, None)?;
    answers.finish()
}

/// A writer of answers for any number of series to one Arrow IPC file: the columns of [`write_arrow`], then
/// `symbol` and `timeframe`.
///
/// The rows of a series are adjacent, in the order in which they were added. Without [`finish`](Self::finish) the
/// file lacks its end, and readers refuse it.
pub struct ArrowViewWriter<W> {
    writer: FileWriter<W>,
    schema: SchemaRef,
    fill: Fill,
    grid: Grid,
}

impl<W: Write> ArrowViewWriter<W> {
    /// Starts a file whose rows are views of answers. All methods block on the sink.
    ///
    /// # Errors
    ///
    /// If the sink cannot be written to.
    pub fn create(sink: W, fill: Fill, grid: Grid) -> io::Result<Self> {
        let schema = Arc::new(arrow_columns::schema(true, []));
        let writer = FileWriter::try_new(sink, &schema).map_err(io_error)?;
        Ok(Self { writer, schema, fill, grid })
    }

    /// Adds the rows of an answer.
    ///
    /// # Errors
    ///
    /// If the sink cannot be written to.
    pub fn add(&mut self, set: &CandleSet) -> io::Result<()> {
        self.write(set, Some(&set.series))
    }

    /// Writes the end of the file and returns the sink.
    ///
    /// # Errors
    ///
    /// If the sink cannot be written to.
    pub fn finish(self) -> io::Result<W> {
        self.writer.into_inner().map_err(io_error)
    }

    fn write(&mut self, set: &CandleSet, series: Option<&Series>) -> io::Result<()> {
        if self.fill == Fill::None && set.coverage.disputes().is_empty() {
            for from in (0..set.len()).step_by(GROUP) {
                let candles = set.candles.slice(from..from + GROUP);
                let batch = of_candles(&self.schema, &candles, series).map_err(io_error)?;
                self.writer.write(&batch).map_err(io_error)?;
            }
            return Ok(());
        }
        let mut view = set.view(self.fill, self.grid);
        let mut rows = Vec::new();
        loop {
            rows.clear();
            rows.extend(view.by_ref().take(GROUP));
            if rows.is_empty() {
                return Ok(());
            }
            let batch = of_rows(&self.schema, &rows, series).map_err(io_error)?;
            self.writer.write(&batch).map_err(io_error)?;
        }
    }
}

impl<W> fmt::Debug for ArrowViewWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArrowViewWriter").field("fill", &self.fill).finish_non_exhaustive()
    }
}

fn io_error(error: ArrowError) -> io::Error {
    match error {
        ArrowError::IoError(_, error) => error,
        error => io::Error::other(error),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use arrow_array::{
        Array, RecordBatch,
        cast::AsArray,
        types::{Float64Type, TimestampNanosecondType},
    };
    use arrow_ipc::reader::FileReader;
    use market_backbone_core::{
        Candle, Dispute, Origin, Provenance, Span, Symbol, TimeRange, Timeframe, Timestamp, VenueId,
    };

    use super::*;

    fn minute(number: i64) -> Timestamp {
        Timestamp::from_secs(number * 60)
    }

    /// Minutes 0, 2 and 5 traded, 1 and 3 are proven empty, 4 is unknown, 5 is forming.
    fn set() -> CandleSet {
        let symbol = Symbol::new(VenueId::new("upbit"), "KRW-BTC").unwrap();
        let mut set = CandleSet::empty(Series::new(symbol, Timeframe::M1));
        let candle = |number: i64| Candle {
            open_time: minute(number),
            open: 1.5,
            high: 9.0,
            low: 0.5,
            close: number as f64,
            volume: 2.0,
            turnover: 3.0,
            is_final: number < 5,
        };
        set.candles = [0, 2, 5].map(candle).into();
        let provenance = Provenance { origin: Origin::Rest, observed_at: minute(9) };
        let range = TimeRange::new(minute(0), minute(4)).unwrap();
        set.coverage.insert(Span { range, provenance });
        set
    }

    /// Returns each row as `minute close final filled truth`.
    fn rows(bytes: Vec<u8>) -> Vec<String> {
        let batches = FileReader::try_new(Cursor::new(bytes), None).unwrap();
        batches.flat_map(|batch| rows_of(&batch.unwrap())).collect()
    }

    fn rows_of(batch: &RecordBatch) -> Vec<String> {
        let times = batch["timestamp"].as_primitive::<TimestampNanosecondType>();
        assert_eq!(times.timezone(), Some("UTC"));
        let closes = batch["close"].as_primitive::<Float64Type>();
        let [finals, filled] = ["final", "filled"].map(|name| batch[name].as_boolean());
        let truths = batch["truth"].as_string::<i32>();
        let close = |row| if closes.is_null(row) { "-".to_owned() } else { closes.value(row).to_string() };
        let line = |row| {
            let minute = times.value(row) / 60_000_000_000;
            let flags = (finals.value(row), filled.value(row));
            format!("{minute} {} {} {} {}", close(row), flags.0, flags.1, truths.value(row))
        };
        (0..batch.num_rows()).map(line).collect()
    }

    #[test]
    fn an_answer_reads_back_row_by_row() {
        let written = |set: &CandleSet, fill| rows(write_arrow(Vec::new(), set, fill, Grid::Utc).unwrap());
        let plain = ["0 0 true false present", "2 2 true false present", "5 5 false false present"];
        assert_eq!(written(&set(), Fill::None), plain);
        let filled =
            [plain[0], "1 0 true true empty", plain[1], "3 2 true true empty", "4 - false false unknown"];
        assert_eq!(written(&set(), Fill::Forward), [&filled[..], &[plain[2]]].concat());
        let mut disputed = set();
        let range = TimeRange::new(minute(2), minute(3)).unwrap();
        disputed.coverage.add_dispute(Dispute { range, earlier: None, later: None });
        assert_eq!(written(&disputed, Fill::None), [plain[0], "2 2 true false disputed", plain[2]]);
        assert!(written(&CandleSet::empty(set().series), Fill::None).is_empty());
    }

    #[test]
    fn the_schema_tells_whose_candles_they_are() {
        let bytes = write_arrow(Vec::new(), &set(), Fill::None, Grid::Utc).unwrap();
        let schema = FileReader::try_new(Cursor::new(bytes), None).unwrap().schema();
        let note = |key: &str| schema.metadata()[key].clone();
        assert_eq!(
            (note("venue"), note("symbol"), note("timeframe")),
            ("upbit".into(), "KRW-BTC".into(), "1m".into())
        );
        assert!(note("coverage").contains("1970-01-01T00:00:00Z"), "{}", note("coverage"));
    }

    #[test]
    fn answers_of_several_series_name_them_in_each_row() {
        let mut answers = ArrowViewWriter::create(Vec::new(), Fill::None, Grid::Utc).unwrap();
        answers.add(&set()).unwrap();
        answers.add(&set()).unwrap();
        let bytes = answers.finish().unwrap();
        for batch in FileReader::try_new(Cursor::new(bytes), None).unwrap() {
            let batch = batch.unwrap();
            assert_eq!((batch.num_rows(), batch["symbol"].as_string::<i32>().value(2)), (3, "KRW-BTC"));
        }
    }
}
