//! A log-normal walk of one-minute candles, the same on every machine: seed 1, 50,000 to 183,000, two decimals.

use market_backbone::{Candle, CandleColumns, Timestamp};

const LOW: f64 = 50_000.0;
const HIGH: f64 = 183_000.0;
/// 2024-01-01 in minutes since the epoch.
const FIRST_MINUTE: i64 = 28_401_120;

pub(crate) fn candles(bars: usize) -> CandleColumns {
    let mut dice = Dice(1);
    // Four steps a bar, of which open, extremes and close are taken.
    let mut logs = Vec::with_capacity(bars * 4 + 1);
    let mut log = 0.0;
    for _ in 0..=bars * 4 {
        logs.push(log);
        log += dice.normal();
    }
    let least = logs.iter().copied().fold(f64::INFINITY, f64::min);
    let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let price = |log: f64| {
        let share = (log - least) / (most - least);
        let price = (LOW.ln() + share * (HIGH.ln() - LOW.ln())).exp();
        (price * 100.0).round() / 100.0
    };
    let bar = |(minute, steps): (i64, &[f64])| {
        let prices = [steps[0], steps[1], steps[2], steps[3]].map(price);
        let volume = 1.0 + (minute % 17) as f64;
        Candle {
            open_time: Timestamp::from_secs((FIRST_MINUTE + minute) * 60),
            open: prices[0],
            high: prices.into_iter().fold(f64::MIN, f64::max),
            low: prices.into_iter().fold(f64::MAX, f64::min),
            close: prices[3],
            volume,
            turnover: volume * prices[3],
            is_final: true,
        }
    };
    (0..).zip(logs.chunks_exact(4)).map(bar).collect()
}

pub(crate) fn least(candles: &CandleColumns) -> f64 {
    candles.lows().iter().copied().fold(f64::INFINITY, f64::min)
}

pub(crate) fn most(candles: &CandleColumns) -> f64 {
    candles.highs().iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

/// The generator SplitMix64.
struct Dice(u64);

impl Dice {
    fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let word = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((word ^ (word >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A number of the standard normal distribution, by the method of Box and Muller.
    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.share().max(f64::MIN_POSITIVE).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.share()).cos()
    }
}
