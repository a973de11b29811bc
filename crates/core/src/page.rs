//! One venue-sized page: how it is asked for, and what it shows.

use crate::{Candle, Series, Symbol, TimeRange, Timestamp, Trade, TradeId};

/// Asks for one page of candles, newest first on the wire, oldest first in the answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CandlePageRequest {
    /// Of which series.
    pub series: Series,
    /// Only candles that open before this; `None` for the newest, the one in progress included.
    pub before: Option<Timestamp>,
    /// How many existing candles, at most the venue's page limit.
    pub count: u32,
}

/// What an answer shows beyond its rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// Every slot that opens in this stretch is known: it has a row in the page, or no trade happened in it.
    /// Reaches back to [`Timestamp::MIN`] where the page proves that nothing older exists.
    pub covered: Option<TimeRange>,
    /// Asking for anything older is pointless, be it because nothing older exists or because the venue no longer has it.
    pub exhausted: bool,
}

/// One page of candles and what it proves.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CandlePage {
    /// Oldest first, strictly rising.
    pub candles: Vec<Candle>,
    /// What the page shows beyond its rows.
    pub proof: Proof,
    /// When the venue was asked by its own clock, at the earliest.
    pub asked_at: Timestamp,
    /// How many requests it took, repeats included.
    pub attempts: u32,
    /// Rows that could not be read and were left out. Where there are any, the page proves nothing.
    pub dropped: u32,
}

/// Asks for one page of trades.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TradePageRequest {
    /// Of which market.
    pub symbol: Symbol,
    /// Only trades before this one.
    pub before: Option<TradeId>,
    /// On the day this many days ago (UTC), 0 for today.
    pub days_ago: u8,
    /// How many, at most the venue's page limit.
    pub count: u32,
}

/// One page of trades.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TradePage {
    /// Oldest first, by the venue's id.
    pub trades: Vec<Trade>,
    /// Rows that could not be read and were left out.
    pub dropped: u32,
}

/// Asks for the tickers of some markets, or of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TickerRequest {
    /// These markets.
    Of(Vec<Symbol>),
    /// Every market priced in one of these quotes.
    Quotes(Vec<String>),
}

/// Asks for the books of some markets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookRequest {
    /// These markets.
    pub symbols: Vec<Symbol>,
    /// How many levels of each side.
    pub depth: u32,
}
