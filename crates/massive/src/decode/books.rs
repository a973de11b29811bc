//! Reads quotes as books of one level: the venue sends only the best bid and ask of all exchanges.

use market_backbone_core::{Level, OrderBook, SourceError, Symbol, Timestamp, VenueId};
use market_backbone_venue_kit::element;

use super::object;
use crate::error::malformed;
use crate::wire::{LastQuoteRow, SingleResult, SnapshotRow};

/// Reads the book of one market, or those of several in a list of snapshots.
pub(crate) fn list(
    source: VenueId,
    body: &[u8],
    received: Timestamp,
) -> Result<(Vec<OrderBook>, u32), SourceError> {
    if let Ok(SingleResult { results }) = object(body)
        && results.get().starts_with('{')
    {
        let row: LastQuoteRow<'_> = element(results).ok_or_else(|| malformed(body))?;
        let symbol = row.ticker.as_deref().and_then(|code| Symbol::new(source, code).ok());
        let symbol = symbol.ok_or_else(|| malformed(body))?;
        return Ok((vec![book(&row, symbol, received)], 0));
    }
    super::list(body, |raw| {
        let row = element::<SnapshotRow<'_>>(raw)?;
        let symbol = Symbol::new(source, &row.ticker).ok()?;
        Some(book(&row.last_quote?, symbol, received))
    })
}

fn book(row: &LastQuoteRow<'_>, symbol: Symbol, received: Timestamp) -> OrderBook {
    OrderBook {
        symbol,
        asks: level(row.ask, row.ask_size).into_iter().collect(),
        bids: level(row.p, row.s).into_iter().collect(),
        total_ask_size: None,
        total_bid_size: None,
        time: Timestamp::from_nanos(row.t),
        received,
    }
}

/// Reads one side; a side without any offer is written as zeros.
pub(crate) fn level(price: f64, size: f64) -> Option<Level> {
    (price > 0.0 && price.is_finite() && size >= 0.0).then_some(Level { price, size })
}
