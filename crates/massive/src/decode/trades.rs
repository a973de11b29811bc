//! Reads a page of trades.

use market_backbone_core::{SourceError, Symbol, Timestamp, Trade, TradePage, TradePageRequest};

use super::{amount, element, list};
use crate::naming::TradeIdParts;
use crate::wire::TradeRow;

pub(crate) fn page(
    request: &TradePageRequest,
    body: &[u8],
    received: Timestamp,
) -> Result<TradePage, SourceError> {
    let (mut trades, dropped) =
        list(body, |raw| trade(&element::<TradeRow<'_>>(raw)?, &request.symbol, received))?;
    // The page begins at a millisecond; trades of it that are not before the cursor were not asked for.
    trades.retain(|trade| request.before.as_ref().is_none_or(|before| trade.id < *before));
    trades.sort_by(|a, b| a.id.cmp(&b.id));
    trades.dedup_by(|a, b| a.id == b.id);
    let surplus = trades.len().saturating_sub(request.count as usize);
    trades.drain(..surplus);
    Ok(TradePage { trades, dropped })
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
