//! Rows of a store that cannot be true: whatever tier they come from, they are not told.

use std::time::Duration;

use market_backbone_core::{Candle, CandleStore, Grid, RejectedRow, Series, TimeRange, Timestamp};

/// As near as two slots can be told apart.
const LEAST: Duration = Duration::from_millis(1);

/// Whether a row can be true, and opens where a slot does.
fn can_be_true(grid: Grid, series: &Series, row: &Candle) -> bool {
    row.is_sound() && grid.is_open_time(series.timeframe, row.open_time)
}

/// Takes out of `rows`, which were read from `store`, those that cannot be true. Each is named, with the slot that is
/// unknown because of it: the store forgets it, so that whoever fetches it contradicts nobody.
pub(crate) async fn take_out(
    store: &dyn CandleStore,
    grid: Grid,
    series: &Series,
    rows: &mut Vec<Candle>,
) -> Vec<(TimeRange, RejectedRow)> {
    let mut bad = Vec::new();
    rows.retain(|row| {
        let is_true = can_be_true(grid, series, row);
        if !is_true {
            bad.push(*row);
        }
        is_true
    });
    let mut told = Vec::with_capacity(bad.len());
    for row in bad {
        let slot = slot(grid, series, row.open_time);
        let reason = reason(&row);
        tracing::warn!(
            %series, source = %series.symbol.venue(), slot = %row.open_time, %reason,
            "a stored row cannot be true; it is left out and asked for again"
        );
        if let Err(error) = store.forget(series, slot).await {
            tracing::warn!(%series, slot = %row.open_time, %error, "and the store does not let go of it");
        }
        rows.retain(|row| !slot.contains(row.open_time));
        let market = series.symbol.code().to_owned();
        told.push((slot, RejectedRow { market, slot: Some(row.open_time), reason }));
    }
    told
}

/// The whole slot in which `moment` lies.
fn slot(grid: Grid, series: &Series, moment: Timestamp) -> TimeRange {
    let open = grid.floor(series.timeframe, moment);
    let whole = TimeRange::new(open, grid.close(series.timeframe, open));
    whole.unwrap_or_else(|_| {
        let moments = (moment.minus(LEAST), moment.plus(LEAST));
        TimeRange::new(moments.0, moments.1).expect("two milliseconds are longer than none")
    })
}

fn reason(row: &Candle) -> String {
    if row.is_sound() {
        return "no slot opens there".to_owned();
    }
    let Candle { open, high, low, close, volume, turnover, .. } = row;
    format!(
        "open {open}, high {high}, low {low}, close {close}, volume {volume}, turnover {turnover} cannot be"
    )
}
