//! Reads snapshots as tickers.
//!
//! At 03:30 in New York the day's figures are reset to zero. Until the first trade of the new day the price is
//! the last one there was, and so are the day's other prices. The venue does not send the figures of the last
//! 24 hours: they are 0.

use market_backbone_core::{SourceError, Symbol, Ticker, Timestamp, VenueId};
use market_backbone_venue_kit::{amount, element};

use crate::wire::{AggregateRow, SnapshotRow};

pub(crate) fn list(
    source: VenueId,
    body: &[u8],
    received: Timestamp,
) -> Result<(Vec<Ticker>, u32), SourceError> {
    super::list(body, |raw| {
        let row = element::<SnapshotRow<'_>>(raw)?;
        ticker(&row, &Symbol::new(source, &row.ticker).ok()?, received)
    })
}

/// Reads a ticker, or returns `None` for a market without a price.
fn ticker(row: &SnapshotRow<'_>, symbol: &Symbol, received: Timestamp) -> Option<Ticker> {
    let closed_at =
        |bar: &Option<AggregateRow<'_>>| bar.as_ref().map(|bar| bar.c).filter(|price| *price > 0.0);
    let traded = row.last_trade.as_ref();
    let previous_close = closed_at(&row.previous_day);
    let price = traded
        .map(|trade| trade.p)
        .filter(|price| *price > 0.0)
        .or_else(|| closed_at(&row.min))
        .or_else(|| closed_at(&row.day))
        .or(previous_close)?;
    let day = row.day.as_ref().filter(|day| day.o > 0.0);
    let of_day = |figure: fn(&AggregateRow<'_>) -> f64| day.map(figure);
    let day_volume = of_day(|day| day.v).unwrap_or(0.0);
    let trade_time = traded.map(|trade| Timestamp::from_nanos(trade.t));
    let minute_time = || row.min.as_ref().map(|bar| Timestamp::from_millis(bar.t));
    Some(Ticker {
        symbol: symbol.clone(),
        price,
        open: of_day(|day| day.o).unwrap_or(price),
        high: of_day(|day| day.h).unwrap_or(price),
        low: of_day(|day| day.l).unwrap_or(price),
        previous_close: previous_close.unwrap_or(price),
        size: traded.map_or(0.0, |trade| amount(trade.ds.as_deref(), trade.s)),
        side: None,
        day_volume,
        day_turnover: day_volume * day.and_then(|day| day.vw).unwrap_or(price),
        volume_24h: 0.0,
        turnover_24h: 0.0,
        trade_time: trade_time.or_else(minute_time).unwrap_or(Timestamp::EPOCH),
        time: Timestamp::from_nanos(row.updated),
        received,
    })
}
