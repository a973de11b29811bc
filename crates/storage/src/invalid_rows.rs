//! Removes rows that cannot be valid: they are not returned, whichever tier they come from.

use std::time::Duration;

use market_backbone_core::{
    Candle, CandleColumns, CandleStore, Grid, RejectedRow, Series, TimeRange, Timestamp,
};

/// The smallest difference between two slots.
const MIN_STEP: Duration = Duration::from_millis(1);

/// Returns whether a row is valid and opens where a slot opens.
fn is_valid_row(grid: Grid, series: &Series, row: &Candle) -> bool {
    row.is_valid() && grid.is_open_time(series.timeframe, row.open_time)
}

/// Returns whether all rows are valid, by whole columns.
fn are_all_valid(grid: Grid, series: &Series, rows: &CandleColumns) -> bool {
    let (opens, highs, lows, closes) = (rows.opens(), rows.highs(), rows.lows(), rows.closes());
    let prices = opens.iter().zip(highs).zip(lows.iter().zip(closes));
    let amounts = rows.volumes().iter().zip(rows.turnovers());
    // As `Candle::is_valid`; without a branch, so that several rows are compared at once.
    let are_possible = prices.zip(amounts).fold(true, |all, (((open, high), (low, close)), amounts)| {
        let inside = |price: &f64| (low <= price) & (price <= high);
        let positive = (*amounts.0 >= 0.0) & (*amounts.1 >= 0.0);
        all & (*low > 0.0) & high.is_finite() & inside(open) & inside(close) & positive
    });
    are_possible && grid.are_open_times(series.timeframe, rows.open_times_ns())
}

/// Removes those of `rows`, which were read from `store`, that cannot be valid.
///
/// Each is logged with the slot that becomes unknown because of it. The store forgets that slot, so that
/// fetching it again causes no dispute.
pub(crate) async fn remove_invalid(
    store: &dyn CandleStore,
    grid: Grid,
    series: &Series,
    rows: &mut CandleColumns,
) -> Vec<(TimeRange, RejectedRow)> {
    let mut bad = Vec::new();
    if are_all_valid(grid, series, rows) {
        return Vec::new();
    }
    rows.retain(|row| {
        let is_valid = is_valid_row(grid, series, row);
        if !is_valid {
            bad.push(*row);
        }
        is_valid
    });
    let mut rejected = Vec::with_capacity(bad.len());
    for row in bad {
        let slot = slot_containing(grid, series, row.open_time);
        let reason = reason(&row);
        tracing::warn!(
            %series, source = %series.symbol.venue(), slot = %row.open_time, %reason,
            "a stored row is invalid; it is left out and fetched again"
        );
        if let Err(error) = store.forget(series, slot).await {
            tracing::warn!(%series, slot = %row.open_time, %error, "and the store cannot forget it");
        }
        rows.retain(|row| !slot.contains(row.open_time));
        let market = series.symbol.code().to_owned();
        rejected.push((slot, RejectedRow { market, slot: Some(row.open_time), reason }));
    }
    rejected
}

/// Returns the whole slot that contains `moment`.
fn slot_containing(grid: Grid, series: &Series, moment: Timestamp) -> TimeRange {
    let open = grid.floor(series.timeframe, moment);
    let whole = TimeRange::new(open, grid.close(series.timeframe, open));
    whole.unwrap_or_else(|_| {
        let moments = (moment.minus(MIN_STEP), moment.plus(MIN_STEP));
        TimeRange::new(moments.0, moments.1).expect("two milliseconds are longer than none")
    })
}

fn reason(row: &Candle) -> String {
    if row.is_valid() {
        return "no slot opens there".to_owned();
    }
    let Candle { open, high, low, close, volume, turnover, .. } = row;
    format!(
        "open {open}, high {high}, low {low}, close {close}, volume {volume}, turnover {turnover} cannot be"
    )
}
