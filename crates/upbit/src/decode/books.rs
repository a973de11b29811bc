//! Reads order books.

use market_backbone_core::{OrderBook, SourceError, Symbol, Timestamp, VenueId};
use market_backbone_venue_kit::element;

use crate::wire::BookRow;

pub(crate) fn list(
    source: VenueId,
    body: &[u8],
    received: Timestamp,
) -> Result<(Vec<OrderBook>, u32), SourceError> {
    super::list(body, |raw| {
        let row = element::<BookRow<'_>>(raw)?;
        let symbol = Symbol::new(source, &row.code).ok()?;
        Some(book(row, symbol, received))
    })
}

pub(crate) fn book(row: BookRow<'_>, symbol: Symbol, received: Timestamp) -> OrderBook {
    OrderBook {
        symbol,
        asks: row.orderbook_units.asks,
        bids: row.orderbook_units.bids,
        total_ask_size: row.total_ask_size,
        total_bid_size: row.total_bid_size,
        time: Timestamp::from_millis(row.timestamp),
        received,
    }
}
