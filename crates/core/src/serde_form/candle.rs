//! Candles, and the answers that hold them.

use serde::{Deserialize, Serialize};

use super::{spelt_as, written_as};
use crate::{
    Candle, CandleColumns, CandleSet, Coverage, FetchStats, RejectedRow, Series, Timestamp, WriteFailure,
};

#[derive(Serialize, Deserialize)]
pub(super) struct CandleForm {
    /// The open time in milliseconds.
    timestamp: i64,
    open: f64,
    high: f64,
    low: f64,
    close: f64,
    volume: f64,
    turnover: f64,
    #[serde(rename = "final")]
    is_final: bool,
}

impl From<&Candle> for CandleForm {
    fn from(candle: &Candle) -> Self {
        let Candle { open_time, open, high, low, close, volume, turnover, is_final } = *candle;
        Self { timestamp: open_time.as_millis(), open, high, low, close, volume, turnover, is_final }
    }
}

impl From<CandleForm> for Candle {
    fn from(form: CandleForm) -> Self {
        let CandleForm { timestamp, open, high, low, close, volume, turnover, is_final } = form;
        let open_time = Timestamp::from_millis(timestamp);
        Self { open_time, open, high, low, close, volume, turnover, is_final }
    }
}

spelt_as!(Candle, CandleForm);

#[derive(Serialize, Deserialize)]
struct StatsForm {
    memory_rows: u64,
    disk_rows: u64,
    shared_rows: u64,
    venue_rows: u64,
    requests: u64,
}

impl From<&FetchStats> for StatsForm {
    fn from(stats: &FetchStats) -> Self {
        let FetchStats { memory_rows, disk_rows, shared_rows, venue_rows, requests } = *stats;
        Self { memory_rows, disk_rows, shared_rows, venue_rows, requests }
    }
}

impl From<StatsForm> for FetchStats {
    fn from(form: StatsForm) -> Self {
        let StatsForm { memory_rows, disk_rows, shared_rows, venue_rows, requests } = form;
        Self { memory_rows, disk_rows, shared_rows, venue_rows, requests }
    }
}

spelt_as!(FetchStats, StatsForm);

#[derive(Serialize, Deserialize)]
struct RejectedForm {
    symbol: String,
    slot: Option<Timestamp>,
    reason: String,
}

impl From<&RejectedRow> for RejectedForm {
    fn from(row: &RejectedRow) -> Self {
        Self { symbol: row.market.clone(), slot: row.slot, reason: row.reason.clone() }
    }
}

impl From<RejectedForm> for RejectedRow {
    fn from(form: RejectedForm) -> Self {
        Self { market: form.symbol, slot: form.slot, reason: form.reason }
    }
}

spelt_as!(RejectedRow, RejectedForm);

#[derive(Serialize, Deserialize)]
struct FailureForm {
    rows: u64,
    reason: String,
}

impl From<&WriteFailure> for FailureForm {
    fn from(failure: &WriteFailure) -> Self {
        Self { rows: failure.rows, reason: failure.reason.to_string() }
    }
}

impl From<FailureForm> for WriteFailure {
    fn from(form: FailureForm) -> Self {
        Self { rows: form.rows, reason: form.reason.into() }
    }
}

spelt_as!(WriteFailure, FailureForm);

/// Candles as they are written, row by row.
struct RowForms<'a>(&'a CandleColumns);

impl Serialize for RowForms<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter())
    }
}

/// An answer as it is written, without a copy of its candles.
#[derive(Serialize)]
struct SetForm<'a> {
    venue: &'static str,
    symbol: &'a str,
    timeframe: &'static str,
    candles: RowForms<'a>,
    coverage: &'a Coverage,
    stats: FetchStats,
    rejected_rows: &'a [RejectedRow],
    unkept: Option<&'a WriteFailure>,
}

impl<'a> From<&'a CandleSet> for SetForm<'a> {
    fn from(set: &'a CandleSet) -> Self {
        Self {
            venue: set.series.symbol.venue().as_str(),
            symbol: set.series.symbol.code(),
            timeframe: set.series.timeframe.as_str(),
            candles: RowForms(&set.candles),
            coverage: &set.coverage,
            stats: set.stats,
            rejected_rows: &set.rejected,
            unkept: set.write_failure.as_ref(),
        }
    }
}

written_as!(CandleSet, SetForm);

/// An answer as it is read.
#[derive(Deserialize)]
struct ReadSet {
    #[serde(flatten)]
    series: Series,
    candles: Vec<Candle>,
    coverage: Coverage,
    stats: FetchStats,
    rejected_rows: Vec<RejectedRow>,
    unkept: Option<WriteFailure>,
}

impl<'de> Deserialize<'de> for CandleSet {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let ReadSet { series, candles, coverage, stats, rejected_rows, unkept } =
            ReadSet::deserialize(deserializer)?;
        let candles = CandleColumns::from(candles);
        if !candles.is_rising() {
            return Err(serde::de::Error::custom("the candles are not in the order of their open times"));
        }
        Ok(Self { series, candles, coverage, stats, rejected: rejected_rows, write_failure: unkept })
    }
}
