//! Candles, stretches and proofs to test with, all on one-minute slots numbered from the epoch.

use market_backbone_core::{
    Candle, Coverage, Origin, Provenance, Series, Span, Symbol, TimeRange, Timeframe, Timestamp, VenueId,
};
use market_backbone_storage::{SqliteStore, StoreConfig};
use std::path::Path;

pub(crate) const UPBIT: VenueId = VenueId::new("upbit");

/// When archives are taken in: later than all that is observed here.
pub(crate) const NOW: Timestamp = Timestamp::from_nanos(1_800_000_000_000_000_000);

pub(crate) fn series(code: &str) -> Series {
    Series::new(Symbol::new(UPBIT, code).unwrap(), Timeframe::M1)
}

pub(crate) fn minute(number: i64) -> Timestamp {
    Timestamp::from_secs(number * 60)
}

pub(crate) fn minute_of(moment: Timestamp) -> i64 {
    moment.as_secs().div_euclid(60)
}

pub(crate) fn minutes(from: i64, to: i64) -> TimeRange {
    TimeRange::new(minute(from), minute(to)).unwrap()
}

pub(crate) fn everything() -> TimeRange {
    TimeRange::new(Timestamp::MIN, Timestamp::MAX).unwrap()
}

/// A final candle whose figures tell its minute, with fractions that no short decimal has.
pub(crate) fn candle(number: i64) -> Candle {
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

pub(crate) fn candles(from: i64, to: i64) -> Vec<Candle> {
    (from..to).map(candle).collect()
}

pub(crate) fn proof_of(range: TimeRange) -> Coverage {
    let provenance = Provenance { origin: Origin::Rest, observed_at: Timestamp::from_secs(1_700_000_000) };
    [Span { range, provenance }].into_iter().collect()
}

pub(crate) fn proof(from: i64, to: i64) -> Coverage {
    proof_of(minutes(from, to))
}

pub(crate) async fn open(dir: &Path) -> SqliteStore {
    SqliteStore::open(StoreConfig::new(dir)).await.unwrap()
}
