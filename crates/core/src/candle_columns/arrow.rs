//! Columns as an Arrow record batch, which shares their memory.

use std::{collections::HashMap, sync::Arc};

use arrow_array::{ArrayRef, BooleanArray, Float64Array, RecordBatch, TimestampNanosecondArray};
use arrow_buffer::{BooleanBuffer, Buffer, ScalarBuffer};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use bytes::Bytes;

use super::CandleColumns;
use crate::CandleSet;

/// Picks a column, as bytes.
type ColumnBytes = fn(&CandleColumns) -> &[u8];

/// The owner of a column for as long as Arrow holds its bytes.
struct SharedColumn {
    columns: CandleColumns,
    bytes: ColumnBytes,
}

impl AsRef<[u8]> for SharedColumn {
    fn as_ref(&self) -> &[u8] {
        (self.bytes)(&self.columns)
    }
}

impl CandleColumns {
    /// Returns the candles as an Arrow record batch: `timestamp` (nanoseconds, UTC), `open`, `high`, `low`, `close`,
    /// `volume`, `turnover` and `final`. The batch shares the columns; nothing but the flags is copied.
    #[must_use]
    pub fn to_record_batch(&self) -> RecordBatch {
        let figure = |(name, _)| Field::new(name, DataType::Float64, false);
        let time = Field::new("timestamp", time_type(), false);
        let fields = std::iter::once(time).chain(FIGURES.map(figure));
        let fields: Vec<_> = fields.chain([Field::new("final", DataType::Boolean, false)]).collect();
        batch(Arc::new(Schema::new(fields)), self)
    }

    /// Returns the open times as an Arrow array, which shares the column.
    #[must_use]
    pub fn time_array(&self) -> TimestampNanosecondArray {
        let times = self.shared(|columns| bytemuck::cast_slice(columns.open_times_ns()));
        TimestampNanosecondArray::new(ScalarBuffer::new(times, 0, self.len()), None).with_timezone(TIME_ZONE)
    }

    /// Returns open, high, low, close, volume and turnover as Arrow arrays, which share the columns.
    #[must_use]
    pub fn figure_arrays(&self) -> [Float64Array; 6] {
        FIGURES
            .map(|(_, bytes)| Float64Array::new(ScalarBuffer::new(self.shared(bytes), 0, self.len()), None))
    }

    /// Returns an Arrow array that says of each candle whether it will not change any more.
    #[must_use]
    pub fn final_array(&self) -> BooleanArray {
        let flags = if self.are_all_final() {
            BooleanBuffer::new_set(self.len())
        } else {
            BooleanBuffer::collect_bool(self.len(), |row| self.is_final(row))
        };
        BooleanArray::new(flags, None)
    }

    fn shared(&self, bytes: ColumnBytes) -> Buffer {
        Bytes::from_owner(SharedColumn { columns: self.clone(), bytes }).into()
    }
}

impl CandleSet {
    /// Returns the candles as an Arrow record batch, as [`CandleColumns::to_record_batch`] does. The metadata of its
    /// schema are `venue`, `symbol` and `timeframe`.
    #[must_use]
    pub fn to_record_batch(&self) -> RecordBatch {
        let symbol = &self.series.symbol;
        let names = [
            ("venue", symbol.venue().to_string()),
            ("symbol", symbol.code().to_owned()),
            ("timeframe", self.series.timeframe.to_string()),
        ];
        let names: HashMap<_, _> = names.map(|(key, value)| (key.to_owned(), value)).into();
        let plain = self.candles.to_record_batch();
        let schema = Schema::clone(&plain.schema()).with_metadata(names);
        with_schema(plain, schema)
    }
}

const TIME_ZONE: &str = "UTC";

/// The name of each column of figures, and its bytes.
const FIGURES: [(&str, ColumnBytes); 6] = [
    ("open", |columns| bytemuck::cast_slice(columns.opens())),
    ("high", |columns| bytemuck::cast_slice(columns.highs())),
    ("low", |columns| bytemuck::cast_slice(columns.lows())),
    ("close", |columns| bytemuck::cast_slice(columns.closes())),
    ("volume", |columns| bytemuck::cast_slice(columns.volumes())),
    ("turnover", |columns| bytemuck::cast_slice(columns.turnovers())),
];

fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Nanosecond, Some(TIME_ZONE.into()))
}

fn with_schema(batch: RecordBatch, schema: Schema) -> RecordBatch {
    batch.with_schema(Arc::new(schema)).expect("the columns are the same")
}

fn batch(schema: SchemaRef, columns: &CandleColumns) -> RecordBatch {
    let mut arrays: Vec<ArrayRef> = vec![Arc::new(columns.time_array())];
    arrays.extend(columns.figure_arrays().map(|figure| Arc::new(figure) as ArrayRef));
    arrays.push(Arc::new(columns.final_array()));
    RecordBatch::try_new(schema, arrays).expect("all columns are of one length, and of these types")
}

#[cfg(test)]
mod tests {
    use arrow_array::{Array, cast::AsArray, types::Float64Type};

    use super::*;
    use crate::{Candle, Timestamp};

    fn candle(minute: i64) -> Candle {
        let (open_time, close) = (Timestamp::from_secs(minute * 60), minute as f64);
        Candle {
            open_time,
            open: 1.0,
            high: 9.0,
            low: 0.5,
            close,
            volume: 2.0,
            turnover: 3.0,
            is_final: minute < 9,
        }
    }

    #[test]
    fn a_batch_shares_the_columns_and_outlives_them() {
        let candles: CandleColumns = (0..10).map(candle).collect();
        let cut = candles.slice(4..);
        let batch = cut.to_record_batch();
        let closes = batch["close"].as_primitive::<Float64Type>();
        assert_eq!(closes.values().as_ptr(), cut.closes().as_ptr(), "nothing is copied");
        drop((candles, cut));
        assert_eq!(closes.values()[..], [4.0, 5.0, 6.0, 7.0, 8.0, 9.0]);
        let finals: Vec<_> = batch["final"].as_boolean().iter().map(Option::unwrap).collect();
        assert_eq!(finals, [true, true, true, true, true, false]);
        assert_eq!(batch["timestamp"].data_type(), &time_type());
    }

    #[test]
    fn no_candles_are_a_batch_without_rows() {
        let batch = CandleColumns::new().to_record_batch();
        assert_eq!((batch.num_rows(), batch.num_columns()), (0, 8));
    }
}
