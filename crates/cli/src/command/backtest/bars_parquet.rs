//! Bars of a Parquet file.

use std::fs::File;

use market_backbone::{Candle, CandleColumns, CandleColumnsBuilder, Timestamp};
use parquet::basic::{LogicalType, TimeUnit};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};

use super::bars_csv::{COLUMNS, check};

/// Reads bars. Timestamps may be whole numbers (Unix ms) or a type of time.
pub(super) fn read(file: File) -> anyhow::Result<CandleColumns> {
    let reader = SerializedFileReader::new(file)?;
    let schema = reader.metadata().file_metadata().schema_descr();
    let place =
        |wanted: &str| schema.columns().iter().position(|column| column.name().eq_ignore_ascii_case(wanted));
    let missing: Vec<_> = COLUMNS.into_iter().filter(|name| place(name).is_none()).collect();
    anyhow::ensure!(
        missing.is_empty(),
        "there is no column {}; a file of bars has {}",
        missing.join(", "),
        COLUMNS.join(",")
    );
    let places = COLUMNS.map(|name| place(name).unwrap_or(0));
    let time = schema.column(places[0]);
    let is_nanos = matches!(
        time.logical_type_ref(),
        Some(LogicalType::Timestamp(time)) if matches!(time.unit, TimeUnit::NANOS)
    );
    let flags = ["final", "filled"].map(place);
    let rows = usize::try_from(reader.metadata().file_metadata().num_rows()).unwrap_or(0);
    let mut columns = CandleColumnsBuilder::with_capacity(rows);
    let mut newest = None;
    for (number, row) in reader.get_row_iter(None)?.enumerate() {
        let row = row?;
        let at = |what: String| anyhow::anyhow!("row {}: {what}", number + 1);
        let flag = |place: Option<usize>| place.and_then(|place| field(&row, place)).cloned();
        if flag(flags[0]) == Some(Field::Bool(false)) || flag(flags[1]) == Some(Field::Bool(true)) {
            continue;
        }
        let candle = candle(&row, places, is_nanos).map_err(at)?;
        check(&candle, newest).map_err(at)?;
        newest = Some(candle.open_time);
        columns.push(&candle);
    }
    Ok(columns.finish())
}

fn field(row: &Row, place: usize) -> Option<&Field> {
    row.get_column_iter().nth(place).map(|(_, field)| field)
}

fn candle(row: &Row, places: [usize; 6], is_nanos: bool) -> Result<Candle, String> {
    let value = |nth: usize| field(row, places[nth]).ok_or_else(|| format!("there is no {}", COLUMNS[nth]));
    let open_time = match value(0)? {
        Field::Long(nanos) if is_nanos => Timestamp::from_nanos(*nanos),
        Field::Long(millis) | Field::TimestampMillis(millis) => Timestamp::from_millis(*millis),
        Field::TimestampMicros(micros) => Timestamp::from_nanos(micros.saturating_mul(1_000)),
        other => return Err(format!("cannot read the timestamp {other} as a time or as Unix ms")),
    };
    let mut figures = [0.0; 5];
    for (figure, nth) in figures.iter_mut().zip(1..) {
        *figure = match value(nth)? {
            Field::Double(number) => *number,
            Field::Float(number) => f64::from(*number),
            Field::Int(number) => f64::from(*number),
            Field::Long(number) => *number as f64,
            other => return Err(format!("cannot read the {} {other} as a number", COLUMNS[nth])),
        };
    }
    let [open, high, low, close, volume] = figures;
    Ok(Candle { open_time, open, high, low, close, volume, turnover: volume * close, is_final: true })
}
