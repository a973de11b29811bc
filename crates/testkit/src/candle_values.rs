//! Candles, ranges and proofs, all on one-minute slots numbered from the epoch.

use market_backbone_core::{
    Candle, Coverage, Origin, Provenance, Series, Span, Symbol, TimeRange, Timeframe, Timestamp, VenueId,
};

/// The venue of [`series`].
pub const UPBIT: VenueId = VenueId::new("upbit");

/// The time at which [`proof`] was observed.
pub const OBSERVED_AT: Timestamp = Timestamp::from_secs(1_700_000_000);

/// Returns the one-minute series of the market `code` at [`UPBIT`].
#[must_use]
pub fn series(code: &str) -> Series {
    Series::new(Symbol::new(UPBIT, code).unwrap(), Timeframe::M1)
}

/// Returns the moment at which minute `number` begins.
#[must_use]
pub const fn minute(number: i64) -> Timestamp {
    Timestamp::from_secs(number * 60)
}

/// Returns the number of the minute that `moment` lies in.
#[must_use]
pub const fn minute_of(moment: Timestamp) -> i64 {
    moment.as_secs().div_euclid(60)
}

/// Returns the minutes from number `from` up to number `to`, which is not part of it.
#[must_use]
pub fn minutes(from: i64, to: i64) -> TimeRange {
    TimeRange::new(minute(from), minute(to)).unwrap()
}

/// Returns the range of all times.
#[must_use]
pub fn everything() -> TimeRange {
    TimeRange::new(Timestamp::MIN, Timestamp::MAX).unwrap()
}

/// Returns a final candle whose figures name its minute, with fractions that no short decimal has.
#[must_use]
pub fn candle(number: i64) -> Candle {
    let low = 1.0 + number as f64 / 3.0;
    Candle {
        open_time: minute(number),
        open: low + 0.1,
        high: low + 0.7,
        low,
        close: low + 0.3,
        volume: 1.0 / (1.0 + number.unsigned_abs() as f64),
        turnover: 0.1 + number.unsigned_abs() as f64,
        is_final: true,
    }
}

/// Returns [`candle`] of each minute from `from` up to `to`.
#[must_use]
pub fn candles(from: i64, to: i64) -> Vec<Candle> {
    (from..to).map(candle).collect()
}

/// Returns a candle in which one price was paid, for a volume of 1. It is not final.
#[must_use]
pub const fn flat_candle(open_time: Timestamp, price: f64) -> Candle {
    let (open, high, low, close) = (price, price, price, price);
    Candle { open_time, open, high, low, close, volume: 1.0, turnover: price, is_final: false }
}

/// Returns whether minute `number` has a trade, in a market that trades in `percent` of a hundred minutes.
#[must_use]
pub const fn has_trade(number: i64, percent: u64) -> bool {
    let dice = number.unsigned_abs().wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33;
    dice % 100 < percent
}

/// Returns a number below a hundred that is random in `number`, and the same for the same seed.
#[must_use]
pub const fn dice(seed: u64, number: u64) -> u64 {
    let mut x = number ^ seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut round = 0;
    while round < 3 {
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x ^= x >> 27;
        round += 1;
    }
    x % 100
}

/// Returns the proof that a page of the venue has shown all of `range`.
#[must_use]
pub fn proof_of(range: TimeRange) -> Coverage {
    let provenance = Provenance { origin: Origin::Rest, observed_at: OBSERVED_AT };
    [Span { range, provenance }].into_iter().collect()
}

/// Returns the proof that a page of the venue has shown the minutes from `from` up to `to`.
#[must_use]
pub fn proof(from: i64, to: i64) -> Coverage {
    proof_of(minutes(from, to))
}
