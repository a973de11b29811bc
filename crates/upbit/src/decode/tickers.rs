//! Reads tickers.

use market_backbone_core::{SourceError, Symbol, Ticker, Timestamp, VenueId};
use market_backbone_venue_kit::element;

use crate::wire::TickerRow;

pub(crate) fn list(
    source: VenueId,
    body: &[u8],
    received: Timestamp,
) -> Result<(Vec<Ticker>, u32), SourceError> {
    super::list(body, |raw| {
        let row = element::<TickerRow<'_>>(raw)?;
        ticker(&row, &Symbol::new(source, &row.code).ok()?, received)
    })
}

/// Reads a ticker, or returns `None` for a market without a price. A market on its first day has no previous
/// close: its changes count from its first price.
#[inline]
pub(crate) fn ticker(row: &TickerRow<'_>, symbol: &Symbol, received: Timestamp) -> Option<Ticker> {
    let has_price = row.trade_price > 0.0;
    if !has_price {
        return None;
    }
    Some(Ticker {
        symbol: symbol.clone(),
        price: row.trade_price,
        open: row.opening_price,
        high: row.high_price,
        low: row.low_price,
        previous_close: row.prev_closing_price.unwrap_or(row.opening_price),
        size: row.trade_volume.unwrap_or(0.0),
        side: row.ask_bid.0,
        day_volume: row.acc_trade_volume.unwrap_or(0.0),
        day_turnover: row.acc_trade_price.unwrap_or(0.0),
        volume_24h: row.acc_trade_volume_24h.unwrap_or(0.0),
        turnover_24h: row.acc_trade_price_24h.unwrap_or(0.0),
        trade_time: Timestamp::from_millis(row.trade_timestamp),
        time: Timestamp::from_millis(row.timestamp),
        received,
    })
}
