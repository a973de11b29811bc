//! Candles of a made-up walk.

use market_backbone_core::{Candle, Timestamp};

/// A walk of `count` one-minute candles, the same for the same seed.
pub(crate) fn walk(seed: u64, count: usize) -> Vec<Candle> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let mut close = 100.0;
    (0..count)
        .map(|minute| {
            let open = close;
            close = (open * (1.0 + (next() - 0.5) / 50.0)).clamp(20.0, 500.0);
            let high = open.max(close) * (1.0 + next() / 200.0);
            let low = open.min(close) * (1.0 - next() / 200.0);
            let volume = 0.1 + next() * 10.0;
            bar(minute as i64, [open, high, low, close], volume)
        })
        .collect()
}

/// The candle of a minute since the epoch.
pub(crate) fn bar(minute: i64, [open, high, low, close]: [f64; 4], volume: f64) -> Candle {
    let open_time = Timestamp::from_secs(minute * 60);
    let turnover = volume * f64::midpoint(high, low);
    Candle { open_time, open, high, low, close, volume, turnover, is_final: true }
}

/// A candle in which nothing happens but one price.
pub(crate) fn point(minute: i64, price: f64) -> Candle {
    bar(minute, [price; 4], 1.0)
}
