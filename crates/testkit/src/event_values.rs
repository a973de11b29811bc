//! Events of which only a price and a time matter.

use market_backbone_core::{Level, OrderBook, Symbol, Ticker, Timestamp, Trade, TradeId};

/// Returns a trade of size 1, of which the venue does not say who bought.
#[must_use]
pub fn trade(symbol: Symbol, id: i64, price: f64, time: Timestamp) -> Trade {
    Trade { symbol, id: TradeId::Number(id), price, size: 1.0, side: None, time, received: time }
}

/// Returns a ticker in which everything happened at `time` and at `price`, with volumes of 1.
#[must_use]
pub fn ticker(symbol: Symbol, price: f64, time: Timestamp) -> Ticker {
    Ticker {
        symbol,
        price,
        open: price,
        high: price,
        low: price,
        previous_close: price,
        size: 1.0,
        side: None,
        day_volume: 1.0,
        day_turnover: 1.0,
        volume_24h: 1.0,
        turnover_24h: 1.0,
        trade_time: time,
        time,
        received: time,
    }
}

/// Returns a book of `depth` levels on each side, in steps of 1. Its best ask is at `ask`, and its best bid 2 below.
#[must_use]
pub fn top_of_book(symbol: Symbol, ask: f64, depth: u32, time: Timestamp) -> OrderBook {
    let levels = |best: f64, step: f64| {
        (0..depth).map(|level| Level { price: best + step * f64::from(level), size: 1.0 }).collect()
    };
    let (asks, bids) = (levels(ask, 1.0), levels(ask - 2.0, -1.0));
    OrderBook { symbol, asks, bids, total_ask_size: None, total_bid_size: None, time, received: time }
}
