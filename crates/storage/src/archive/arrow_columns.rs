//! The rows of a view as Arrow columns, shared with the answer where every candle is shown as it is.

use std::{collections::HashMap, sync::Arc};

use arrow_array::{ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray, TimestampNanosecondArray};
use arrow_buffer::{BooleanBuffer, Buffer, OffsetBuffer};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef, TimeUnit};
use market_backbone_core::{Candle, CandleColumns, Series, Slot, ViewRow};

/// Picks a figure of a candle.
type Figure = fn(&Candle) -> f64;

const FIGURES: [(&str, Figure); 6] = [
    ("open", |candle| candle.open),
    ("high", |candle| candle.high),
    ("low", |candle| candle.low),
    ("close", |candle| candle.close),
    ("volume", |candle| candle.volume),
    ("turnover", |candle| candle.turnover),
];
const TIME_ZONE: &str = "UTC";

/// Returns the columns, with those that name the series if rows of several may come.
pub(super) fn schema(is_labelled: bool, notes: impl IntoIterator<Item = (&'static str, String)>) -> Schema {
    let time = DataType::Timestamp(TimeUnit::Nanosecond, Some(TIME_ZONE.into()));
    let mut fields = vec![Field::new("timestamp", time, false)];
    fields.extend(FIGURES.map(|(name, _)| Field::new(name, DataType::Float64, true)));
    fields.extend(["final", "filled"].map(|name| Field::new(name, DataType::Boolean, false)));
    let names: &[&str] = if is_labelled { &["truth", "symbol", "timeframe"] } else { &["truth"] };
    fields.extend(names.iter().map(|name| Field::new(*name, DataType::Utf8, false)));
    let notes = notes.into_iter().map(|(key, value)| (key.to_owned(), value));
    Schema::new_with_metadata(fields, notes.collect::<HashMap<_, _>>())
}

/// Returns candles, none of which is disputed, as they are. Their columns are not copied.
pub(super) fn of_candles(
    schema: &SchemaRef,
    candles: &CandleColumns,
    series: Option<&Series>,
) -> Result<RecordBatch, ArrowError> {
    let rows = candles.len();
    let mut columns: Vec<ArrayRef> = vec![Arc::new(candles.time_array())];
    columns.extend(candles.figure_arrays().map(|figure| Arc::new(figure) as ArrayRef));
    columns.push(Arc::new(candles.final_array()));
    columns.push(Arc::new(BooleanArray::new(BooleanBuffer::new_unset(rows), None)));
    columns.push(repeated("present", rows)?);
    columns.extend(labels(series, rows)?);
    RecordBatch::try_new(Arc::clone(schema), columns)
}

/// Returns rows of a view. A row without a candle is null from `open` to `turnover`.
pub(super) fn of_rows(
    schema: &SchemaRef,
    rows: &[ViewRow],
    series: Option<&Series>,
) -> Result<RecordBatch, ArrowError> {
    let times = TimestampNanosecondArray::from_iter_values(rows.iter().map(|row| row.open_time.as_nanos()));
    let mut columns: Vec<ArrayRef> = vec![Arc::new(times.with_timezone(TIME_ZONE))];
    columns.extend(FIGURES.map(|(_, figure)| {
        Arc::new(rows.iter().map(|row| row.candle.as_ref().map(figure)).collect::<Float64Array>()) as ArrayRef
    }));
    for flag in [ViewRow::is_final, |row: &ViewRow| row.filled] {
        let flags = BooleanBuffer::collect_bool(rows.len(), |row| flag(&rows[row]));
        columns.push(Arc::new(BooleanArray::new(flags, None)));
    }
    columns.push(Arc::new(StringArray::from_iter_values(rows.iter().map(truth))));
    columns.extend(labels(series, rows.len())?);
    RecordBatch::try_new(Arc::clone(schema), columns)
}

fn labels(series: Option<&Series>, rows: usize) -> Result<Vec<ArrayRef>, ArrowError> {
    let names = series.map(|series| [series.symbol.code(), series.timeframe.as_str()]);
    names.into_iter().flatten().map(|name| repeated(name, rows)).collect()
}

fn repeated(text: &str, rows: usize) -> Result<ArrayRef, ArrowError> {
    let (offsets, texts) = (OffsetBuffer::from_repeated_length(text.len(), rows), text.repeat(rows));
    Ok(Arc::new(StringArray::try_new(offsets, Buffer::from(texts.into_bytes()), None)?))
}

const fn truth(row: &ViewRow) -> &'static str {
    match row.slot {
        Slot::Present(_) => "present",
        Slot::Empty => "empty",
        Slot::Unknown => "unknown",
        Slot::Disputed(_) => "disputed",
    }
}
