//! Daily candles for worked examples.

use market_backbone_core::{Candle, Timestamp};

/// The seconds of a day.
pub(crate) const DAY: i64 = 86_400;

/// `count` quiet days: from 99 to 101, closing at 100 where they opened, with a volume of 100.
pub(crate) fn quiet_days(count: usize) -> Vec<Candle> {
    (0..count).map(|number| day(number, [100.0, 101.0, 99.0, 100.0], 100.0)).collect()
}

/// The closed day `number` with these prices (open, high, low, close) and this volume.
pub(crate) fn day(number: usize, [open, high, low, close]: [f64; 4], volume: f64) -> Candle {
    let open_time = Timestamp::from_secs(number as i64 * DAY);
    Candle { open_time, open, high, low, close, volume, turnover: volume * close, is_final: true }
}

/// A textbook accumulation, with a V3 above 90: ranges tighten, volume flows in on seven rising days, then dries out at the high.
pub(crate) fn textbook_accumulation() -> Vec<Candle> {
    let mut days = quiet_days(61);
    let mut close = 100.0;
    for (number, day) in days.iter_mut().enumerate() {
        if (51..58).contains(&number) {
            close *= 1.002;
        }
        let reach = if number >= 56 { 0.5 } else { 2.5 };
        (day.open, day.close, day.high, day.low) = (close - 0.05, close, close, close - reach);
        if number >= 58 {
            day.volume = 1.0;
        }
    }
    days
}

/// Fails unless `got` is `want` to nine digits.
#[track_caller]
pub(crate) fn near(got: f64, want: f64) {
    assert!((got - want).abs() <= 1e-9 * want.abs().max(1.0), "{got} instead of {want}");
}
