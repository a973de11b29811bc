//! Compares candles of three minutes to four hours with the one-minute candles in them.
//!
//! Only where both timeframes are known completely. Days and longer are skipped: a venue's own are known to
//! differ from the sum of their minutes.

use market_backbone_core::{
    Candle, CandleColumns, CandleStore, DerivationPolicy, Grid, Series, StoreError, TimeRange,
};

use super::finding::{Finding, Findings, IntegrityIssue};

/// The number of minutes read at once; more than the longest slot has.
const WINDOW: usize = 10_000;
/// The relative tolerance of sums, which are added up in a different order here and there.
const TOLERANCE: f64 = 1e-9;
/// The rounding of the volume-weighted average price, which Massive sends instead of the turnover: a
/// hundredth of a cent. Half of it may be missing in the candle and as much in its minutes.
const VWAP_ROUNDING: f64 = 1e-4;

/// Returns the series of the minutes that a series is compared with, if it is of such a timeframe.
pub(crate) fn minutes_of(series: &Series) -> Option<Series> {
    let base = DerivationPolicy::Intraday.base_of(series.timeframe)?;
    Some(Series::new(series.symbol.clone(), base))
}

/// Finds slots in which a series and its minutes contradict each other.
pub(crate) async fn run(
    store: &dyn CandleStore,
    series: &Series,
    minutes: &Series,
    grid: Grid,
) -> Result<Vec<Finding>, StoreError> {
    let (known, known_minutes) = (store.coverage(series).await?, store.coverage(minutes).await?);
    let mut found = Findings::default();
    for stretch in known.ranges() {
        for both in known_minutes.within(stretch).ranges() {
            let Some(slots) = grid.whole_slots(series.timeframe, both) else { continue };
            compare_slots(store, series, minutes, slots, grid, &mut found).await?;
        }
    }
    Ok(found.into_vec())
}

/// Compares slots, newest first, as many at a time as a window of minutes holds.
async fn compare_slots(
    store: &dyn CandleStore,
    series: &Series,
    minutes: &Series,
    slots: TimeRange,
    grid: Grid,
    found: &mut Findings,
) -> Result<(), StoreError> {
    let mut to = slots.to();
    while let Ok(rest) = TimeRange::new(slots.from(), to) {
        let mut parts = store.read(minutes, rest, WINDOW).await?.candles;
        let from = match parts.first() {
            // The slot of the oldest minute may have older ones.
            Some(oldest) if parts.len() >= WINDOW => grid.ceil(series.timeframe, oldest.open_time),
            _ => slots.from(),
        };
        let Ok(window) = TimeRange::new(from, to) else { break };
        parts.retain(|part| window.contains(part.open_time));
        let stored = store.read(series, window, usize::MAX).await?.candles;
        compare(grid, series, &stored, &grid.derive(series.timeframe, &parts), found);
        to = from;
    }
    Ok(())
}

fn compare(
    grid: Grid,
    series: &Series,
    stored: &CandleColumns,
    derived: &CandleColumns,
    found: &mut Findings,
) {
    let (mut mine, mut theirs) = (stored.iter().peekable(), derived.iter().peekable());
    loop {
        let time = match (mine.peek(), theirs.peek()) {
            (None, None) => return,
            (Some(one), None) | (None, Some(one)) => one.open_time,
            (Some(a), Some(b)) => a.open_time.min(b.open_time),
        };
        let stored = mine.next_if(|row| row.open_time == time);
        let derived = theirs.next_if(|row| row.open_time == time);
        let detail = match (&stored, &derived) {
            (Some(stored), Some(derived)) if agree(stored, derived, grid) => continue,
            (Some(stored), Some(derived)) => {
                format!("stored {}, but its minutes add up to {}", ohlcv_text(stored), ohlcv_text(derived))
            }
            (Some(stored), None) => {
                format!("stored {}, but none of its minutes has a candle", ohlcv_text(stored))
            }
            (None, _) => "stored as empty, but its minutes have candles".to_owned(),
        };
        if let Ok(slot) = TimeRange::new(time, grid.close(series.timeframe, time)) {
            found.add(Finding::at(IntegrityIssue::AggregateMismatch, series, slot, detail));
        }
    }
}

fn agree(stored: &Candle, derived: &Candle, grid: Grid) -> bool {
    let near = |a: f64, b: f64| (a - b).abs() <= TOLERANCE * a.abs().max(b.abs()).max(1.0);
    let rounded = if grid == Grid::NewYork { VWAP_ROUNDING } else { 0.0 };
    let prices = |candle: &Candle| [candle.open, candle.high, candle.low, candle.close];
    prices(stored) == prices(derived)
        && near(stored.volume, derived.volume)
        && (near(stored.turnover, derived.turnover)
            || (stored.turnover - derived.turnover).abs() <= rounded * stored.volume)
}

fn ohlcv_text(candle: &Candle) -> String {
    let Candle { open, high, low, close, volume, .. } = candle;
    format!("{open}/{high}/{low}/{close} × {volume}")
}
