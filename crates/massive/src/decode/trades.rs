//! Reads a page of trades.

use market_backbone_core::{SourceError, Symbol, Timestamp, Trade, TradeCursor, TradePage, TradePageRequest};
use market_backbone_venue_kit::{amount, element};

use super::list;
use crate::naming::TradeIdParts;
use crate::wire::TradeRow;

pub(crate) fn page(
    request: &TradePageRequest,
    body: &[u8],
    received: Timestamp,
) -> Result<TradePage, SourceError> {
    let (mut trades, dropped) =
        list(body, |raw| trade(&element::<TradeRow<'_>>(raw)?, &request.symbol, received))?;
    // The page begins at a millisecond; whatever of it is not before the trade was not asked for.
    trades.retain(|trade| match &request.cursor {
        TradeCursor::Latest => true,
        TradeCursor::Before(id) => trade.id < *id,
        TradeCursor::At(moment) => trade.time < *moment,
    });
    trades.sort_by(|a, b| a.id.cmp(&b.id));
    trades.dedup_by(|a, b| a.id == b.id);
    let surplus = trades.len().saturating_sub(request.count as usize);
    trades.drain(..surplus);
    let page = TradePage { trades, dropped, ..TradePage::default() };
    // No day ends a page: only one that is empty says that nothing is older.
    Ok(TradePage { next: page.before_oldest(), ..page })
}

/// Reads a trade. The venue does not send the side.
pub(crate) fn trade(row: &TradeRow<'_>, symbol: &Symbol, received: Timestamp) -> Option<Trade> {
    let time = Timestamp::from_nanos(row.sip_timestamp);
    let size = amount(row.decimal_size.as_deref(), row.size);
    let name = TradeIdParts {
        millis: time.as_millis(),
        sequence: row.sequence_number,
        exchange: row.exchange,
        facility: row.trf_id.unwrap_or(0),
        id: &row.id,
    };
    let sound = row.price > 0.0 && row.price.is_finite() && size >= 0.0;
    sound.then(|| Trade {
        symbol: symbol.clone(),
        id: name.to_id(),
        price: row.price,
        size,
        side: None,
        time,
        received,
    })
}
