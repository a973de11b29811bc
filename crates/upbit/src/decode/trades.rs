//! Reads a page of trades.

use std::time::Duration;

use market_backbone_core::{
    Grid, SourceError, Symbol, Timeframe, Timestamp, Trade, TradeCursor, TradeId, TradePage, TradePageRequest,
};
use market_backbone_venue_kit::element;

use super::list;
use crate::naming::{first_id_of, time_of_id};
use crate::wire::TradeRow;

/// Around midnight it is not certain of which day Upbit has answered a request that named none.
const MIDNIGHT_MARGIN: Duration = Duration::from_secs(60);

pub(crate) fn page(
    request: &TradePageRequest,
    body: &[u8],
    received: Timestamp,
) -> Result<TradePage, SourceError> {
    let end = match &request.cursor {
        TradeCursor::Latest => None,
        TradeCursor::Before(id) => Some(id.clone()),
        TradeCursor::At(moment) => Some(TradeId::Number(first_id_of(*moment))),
    };
    let (mut trades, dropped) = list(body, |raw| {
        let row = element::<TradeRow<'_>>(raw).filter(|row| row.code == request.symbol.code())?;
        let trade = trade(&row, &request.symbol, received)?;
        end.as_ref().is_none_or(|end| trade.id < *end).then_some(trade)
    })?;
    trades.sort_by(|a, b| a.id.cmp(&b.id));
    trades.dedup_by(|a, b| a.id == b.id);
    let is_day_uncertain = is_day_uncertain(request, &trades, received);
    let page = TradePage { trades, dropped, next: None, is_day_uncertain };
    let next = if page.is_full(request.count) { page.before_oldest() } else { None };
    let day_before = || TradeCursor::At(begin_of_day(&page, &request.cursor, received));
    Ok(TradePage { next: Some(next.unwrap_or_else(day_before)), ..page })
}

/// Returns whether the page may be of another day than the one that was asked for.
///
/// Upbit counts days from that of the market's newest trade. A trade that the request did not know may have begun a
/// later day, and a market may not have traded since an earlier one. A page of the wrong day never shows a trade of the
/// right one.
fn is_day_uncertain(request: &TradePageRequest, trades: &[Trade], received: Timestamp) -> bool {
    let Some(asked) = asked_day(&request.cursor) else { return false };
    let may_have_moved =
        request.newest.is_none_or(|newest| day_of(newest) < day_of(received.plus(MIDNIGHT_MARGIN)));
    may_have_moved && !trades.iter().any(|trade| day_of(trade.time) == asked)
}

/// The day of which a page at `cursor` has to be; `None` where any day may be right.
fn asked_day(cursor: &TradeCursor) -> Option<Timestamp> {
    match cursor {
        TradeCursor::Latest | TradeCursor::Before(TradeId::Text(_)) => None,
        TradeCursor::Before(TradeId::Number(id)) => Some(day_of(time_of_id(*id))),
        TradeCursor::At(moment) => Some(day_of(moment.minus(Duration::from_nanos(1)))),
    }
}

fn day_of(moment: Timestamp) -> Timestamp {
    Grid::Utc.floor(Timeframe::D1, moment)
}

/// Returns the beginning of the day that `page` is of: the page is shorter than it might be, so the day has no more.
fn begin_of_day(page: &TradePage, cursor: &TradeCursor, received: Timestamp) -> Timestamp {
    match page.trades.first() {
        Some(oldest) => day_of(oldest.time),
        // The later of two days in doubt: then the earlier one is asked for next.
        None => asked_day(cursor).unwrap_or_else(|| day_of(received.plus(MIDNIGHT_MARGIN))),
    }
}

#[inline]
pub(crate) fn trade(row: &TradeRow<'_>, symbol: &Symbol, received: Timestamp) -> Option<Trade> {
    if !(row.trade_price > 0.0 && row.trade_volume >= 0.0) {
        return None;
    }
    Some(Trade {
        symbol: symbol.clone(),
        id: TradeId::Number(row.sequential_id),
        price: row.trade_price,
        size: row.trade_volume,
        side: row.ask_bid.0,
        time: Timestamp::from_millis(row.trade_timestamp.unwrap_or(row.timestamp)),
        received,
    })
}
