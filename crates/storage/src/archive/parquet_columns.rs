//! Candles as the columns of a Parquet file, with the types that other programs expect: sorted timestamps in
//! microseconds of UTC, which pandas, polars, DuckDB and Spark use themselves, and doubles.

use std::fs::File;
use std::sync::Arc;

use market_backbone_core::{Candle, Timestamp};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::data_type::{DataType, Int64Type};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::ColumnPath;

/// The values of a candle, in the order of the columns.
pub(super) const VALUE_COLUMNS: [fn(&Candle) -> f64; 6] = [
    |candle| candle.open,
    |candle| candle.high,
    |candle| candle.low,
    |candle| candle.close,
    |candle| candle.volume,
    |candle| candle.turnover,
];

/// Starts a file with these columns, of which the first is `timestamp`.
pub(super) fn begin(file: File, columns: &str) -> Result<SerializedFileWriter<File>> {
    let schema = parse_message_type(&format!("message candles {{ {columns} }}"))?;
    let time = ColumnPath::from("timestamp");
    let rising = SortingColumn { column_idx: 0, descending: false, nulls_first: false };
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .set_created_by(concat!("market-backbone version ", env!("CARGO_PKG_VERSION")).to_owned())
        // Open times mostly differ by the same amount: a row's eight bytes shrink to a few bits.
        .set_column_dictionary_enabled(time.clone(), false)
        .set_column_encoding(time, Encoding::DELTA_BINARY_PACKED)
        .set_sorting_columns(Some(vec![rising]))
        .build();
    SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties))
}

/// Writes the next column of a group as open times.
pub(super) fn times(
    group: &mut SerializedRowGroupWriter<'_, File>,
    times: impl Iterator<Item = Timestamp>,
) -> Result<()> {
    let times: Vec<i64> = times.map(|time| time.as_nanos().div_euclid(1_000)).collect();
    column::<Int64Type>(group, &times, None)
}

/// Writes the next column of a group; `levels` has a 1 for each row with a value and a 0 for each without.
pub(super) fn column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, File>,
    values: &[T::T],
    levels: Option<&[i16]>,
) -> Result<()> {
    let missing = || ParquetError::General("the schema has too few columns".to_owned());
    let mut column = group.next_column()?.ok_or_else(missing)?;
    column.typed::<T>().write_batch(values, levels, None)?;
    column.close()
}
