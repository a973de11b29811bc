//! One page of the venue: the request for it, and what the answer proves.

mod candle_page_builder;
mod trade_page;

use std::fmt;

pub use self::candle_page_builder::{BadRow, CandlePageBuilder, FinalityRules};
pub use self::trade_page::{TradeCursor, TradeCursorKind, TradePage, TradePageRequest};

use crate::{Candle, Series, Symbol, TimeRange, Timestamp};

/// A request for one page of candles. The venue sends them newest first; the decoded page has them oldest
/// first.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CandlePageRequest {
    /// The series of the candles.
    pub series: Series,
    /// The exclusive upper end of the open times, or `None` for the newest page, the forming candle included.
    pub before: Option<Timestamp>,
    /// The number of existing candles, at most the venue's page limit.
    pub count: u32,
}

/// The facts an answer shows beyond its rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageProof {
    /// The range in which every slot is known, except for the [uncertain](Self::uncertain) ones: the slot has a
    /// row in the page, or no trade happened in it. It begins and ends with a row of the page, or beside two rows
    /// that contradict each other.
    pub covered: Option<TimeRange>,
    /// The slots of rows that were left out, oldest first: nothing is known about them.
    pub uncertain: Vec<TimeRange>,
    /// The slots after the newest row, up to the end of the request, that have no row. One answer does not prove
    /// that they are empty: the venue's newest rows may come late, and the answer may be stale.
    pub absent_after: Option<TimeRange>,
    /// The slots before the oldest row that would have been in the page if they had a row; from
    /// [`Timestamp::MIN`] on where nothing older exists at all. One answer does not prove it.
    pub absent_before: Option<TimeRange>,
    /// The moment from which the covered rows may be incomplete: the page shows nothing newer although it could,
    /// so it may have been made before they ended. Coverage from here on has the origin
    /// [`Early`](crate::Origin::Early).
    pub preliminary_from: Option<Timestamp>,
    /// The oldest row, where the page holds as many rows as were asked for. Another row of the same slot may have
    /// been cut off, in which case neither could be accepted.
    pub truncated_at: Option<Timestamp>,
    /// `true` if asking for anything older is pointless because the venue no longer keeps it, whatever there was.
    pub exhausted: bool,
}

/// One page of candles and what it proves.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CandlePage {
    /// The candles, oldest first, strictly rising.
    pub candles: Vec<Candle>,
    /// The facts the page shows beyond its rows.
    pub proof: PageProof,
    /// The earliest moment at which the venue can have answered, by its own clock.
    pub asked_at: Timestamp,
    /// The number of requests it took, retries included.
    pub attempts: u32,
    /// The rows that were left out. Their slots are [uncertain](PageProof::uncertain).
    pub rejected: Vec<RejectedRow>,
}

/// A row of an answer that is impossible and was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedRow {
    /// The market the row names, or the requested one where it names none.
    pub market: String,
    /// The open time of the row's slot, where it can be read.
    pub slot: Option<Timestamp>,
    /// The description of what is wrong with the row.
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

/// Asks for the tickers of some markets, or of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TickerRequest {
    /// The tickers of these markets.
    Symbols(Vec<Symbol>),
    /// The tickers of every market priced in one of these quotes.
    Quotes(Vec<String>),
}

/// A request for the order books of some markets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookRequest {
    /// The markets of the books.
    pub symbols: Vec<Symbol>,
    /// The number of levels of each side.
    pub depth: u32,
}
