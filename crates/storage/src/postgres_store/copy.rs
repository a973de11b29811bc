//! COPY in its binary form: the fastest way to insert rows of which none exists yet.

use market_backbone_core::Candle;
use sqlx::postgres::PgConnection;

/// The number of rows of one COPY; about 100 bytes each wait in memory.
const ROWS_PER_COPY: usize = 50_000;
/// The signature of every binary COPY; no flags and no header extension follow.
const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const COLUMNS: i16 = 8;
/// The end marker, in place of the number of columns of a next row.
const END: i16 = -1;

/// Appends `candles`, of which none is stored.
pub(super) async fn copy(
    conn: &mut PgConnection,
    series: i32,
    candles: &[Candle],
) -> Result<(), sqlx::Error> {
    for chunk in candles.chunks(ROWS_PER_COPY) {
        let mut copy = conn
            .copy_in_raw(
                "COPY candles (series, open_ms, open, high, low, close, volume, turnover)
                 FROM STDIN (FORMAT binary)",
            )
            .await?;
        copy.send(encode(series, chunk)).await?;
        copy.finish().await?;
    }
    Ok(())
}

fn encode(series: i32, candles: &[Candle]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(SIGNATURE.len() + candles.len() * 94 + 2);
    bytes.extend_from_slice(SIGNATURE);
    for candle in candles {
        bytes.extend_from_slice(&COLUMNS.to_be_bytes());
        field(&mut bytes, &series.to_be_bytes());
        field(&mut bytes, &candle.open_time.as_millis().to_be_bytes());
        let Candle { open, high, low, close, volume, turnover, .. } = candle;
        for figure in [open, high, low, close, volume, turnover] {
            field(&mut bytes, &figure.to_be_bytes());
        }
    }
    bytes.extend_from_slice(&END.to_be_bytes());
    bytes
}

/// Appends a value, with its length in four bytes before it.
fn field<const N: usize>(bytes: &mut Vec<u8>, value: &[u8; N]) {
    bytes.extend_from_slice(&(N as u32).to_be_bytes());
    bytes.extend_from_slice(value);
}
