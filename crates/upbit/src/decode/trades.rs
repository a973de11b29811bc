//! Reads a page of trades.

use market_backbone_core::{SourceError, Symbol, Timestamp, Trade, TradeId, TradePage, TradePageRequest};

use super::{element, list};
use crate::wire::TradeRow;

pub(crate) fn page(
    request: &TradePageRequest,
    body: &[u8],
    received: Timestamp,
) -> Result<TradePage, SourceError> {
    let (mut trades, dropped) = list(body, |raw| {
        let row = element::<TradeRow<'_>>(raw).filter(|row| row.code == request.symbol.code())?;
        let trade = trade(&row, &request.symbol, received)?;
        request.before.as_ref().is_none_or(|before| trade.id < *before).then_some(trade)
    })?;
    trades.sort_by(|a, b| a.id.cmp(&b.id));
    trades.dedup_by(|a, b| a.id == b.id);
    Ok(TradePage { trades, dropped })
}

pub(crate) fn trade(row: &TradeRow<'_>, symbol: &Symbol, received: Timestamp) -> Option<Trade> {
    let sound = row.trade_price > 0.0 && row.trade_volume >= 0.0;
    sound.then(|| Trade {
        symbol: symbol.clone(),
        id: TradeId::Number(row.sequential_id),
        price: row.trade_price,
        size: row.trade_volume,
        side: row.ask_bid.0,
        time: Timestamp::from_millis(row.trade_timestamp.unwrap_or(row.timestamp)),
        received,
    })
}
