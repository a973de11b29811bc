//! The average true range of daily candles, as TA-Lib computes and seeds it.

use market_backbone_core::Candle;
use ta_lib::Core;

/// The number of days over which the range is averaged.
pub const ATR_PERIOD: usize = 14;

/// Returns the average true range of `days`, oldest first, in the quote currency.
///
/// It is Wilder's average with the seed of TA-Lib: the first value is the mean of the true ranges of the candles 1 to 14.
/// `None` stands for fewer than fifteen candles, or one with impossible figures.
#[must_use]
pub fn daily_atr(days: &[Candle]) -> Option<f64> {
    if days.len() <= ATR_PERIOD || !days.iter().all(Candle::is_valid) {
        return None;
    }
    let column = |figure: fn(&Candle) -> f64| days.iter().map(figure).collect::<Vec<f64>>();
    let (high, low, close) = (column(|day| day.high), column(|day| day.low), column(|day| day.close));
    let period = i32::try_from(ATR_PERIOD).ok()?;
    Core::new().atr_open(&high, &low, &close, period).ok().map(|(_, value)| value)
}
