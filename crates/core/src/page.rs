//! One venue-sized page: how it is asked for, and what it shows.

mod candle_page_builder;

use std::fmt;

pub use self::candle_page_builder::{BadRow, CandlePageBuilder, FinalityRules};

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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageProof {
    /// Every slot that opens in this stretch is known, but for the [doubtful](Self::uncertain) ones: it has a row in the
    /// page, or no trade happened in it. It begins and ends with a row of the page,
    /// or beside two that differ.
    pub covered: Option<TimeRange>,
    /// Slots of rows that were left out, oldest first: nothing is known of them.
    pub uncertain: Vec<TimeRange>,
    /// Slots after the newest row, up to what was asked for, that have no row. One answer does not prove that they are
    /// empty: the venue's newest rows may come late, and the answer may be stale.
    pub absent_after: Option<TimeRange>,
    /// Slots before the oldest row that would have been in the page if they had a row; from [`Timestamp::MIN`] where
    /// nothing older exists at all. One answer does not prove it.
    pub absent_before: Option<TimeRange>,
    /// From here on the covered rows may be incomplete: the page shows nothing newer although it could, so that it may
    /// have been made before they were over. What it says of them is an [early](crate::Origin::Early) word.
    pub preliminary_from: Option<Timestamp>,
    /// The page holds as many rows as were asked for, the oldest of them this one: another row of the same slot may have been
    /// cut off, which would say that neither can be believed.
    pub truncated_at: Option<Timestamp>,
    /// Asking for anything older is pointless because the venue no longer has it, whatever there was.
    pub exhausted: bool,
}

/// One page of candles and what it proves.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CandlePage {
    /// Oldest first, strictly rising.
    pub candles: Vec<Candle>,
    /// What the page shows beyond its rows.
    pub proof: PageProof,
    /// When the venue was asked by its own clock, at the earliest.
    pub asked_at: Timestamp,
    /// How many requests it took, repeats included.
    pub attempts: u32,
    /// Rows that were left out. Their slots are [doubtful](PageProof::uncertain).
    pub rejected: Vec<RejectedRow>,
}

/// A row of an answer that cannot be true, and was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedRow {
    /// The market it speaks of, or that was asked about where it names none.
    pub market: String,
    /// When its slot opens, where that can be told.
    pub slot: Option<Timestamp>,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for RejectedRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.slot {
            Some(slot) => write!(f, "{} at {slot}: {}", self.market, self.reason),
            None => write!(f, "{}: {}", self.market, self.reason),
        }
    }
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
    Symbols(Vec<Symbol>),
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
