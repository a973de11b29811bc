//! One page of trades: where it begins, and where the next older one does.

use crate::{Symbol, Timestamp, Trade, TradeId};

/// The place where a page of trades begins; the page goes back from there.
///
/// An adapter writes it as its venue wants it. Upbit takes an id and a day, so that it tells the day by the id. Massive
/// takes a time. Binance takes the id to begin at (`fromId`) or a stretch of time, and gives the oldest first: a page
/// before the id `n` is asked as `fromId = n - count`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum TradeCursor {
    /// The page begins with the newest trade there is.
    #[default]
    Latest,
    /// The page begins with the newest trade whose id sorts before this one. The id need not be one that exists.
    Before(TradeId),
    /// The page begins with the newest trade that happened before this moment.
    At(Timestamp),
}

impl TradeCursor {
    /// Returns which kind of cursor this is.
    #[must_use]
    pub const fn kind(&self) -> TradeCursorKind {
        match self {
            Self::Latest => TradeCursorKind::Latest,
            Self::Before(_) => TradeCursorKind::Before,
            Self::At(_) => TradeCursorKind::At,
        }
    }
}

/// A kind of [`TradeCursor`]: what a venue [says](crate::Capabilities::trade_cursors) that it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TradeCursorKind {
    /// The kind of [`TradeCursor::Latest`].
    Latest,
    /// The kind of [`TradeCursor::Before`].
    Before,
    /// The kind of [`TradeCursor::At`], with any moment. One that a page names as its [next](TradePage::next) is taken in any case.
    At,
}

/// Asks for one page of trades.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TradePageRequest {
    /// The market of the trades.
    pub symbol: Symbol,
    /// The cursor with which the page begins.
    pub cursor: TradeCursor,
    /// The number of trades, at most the venue's page limit.
    pub count: u32,
    /// The time of the market's newest trade, as far as the caller knows.
    ///
    /// A venue that counts days from it (Upbit does) needs it to name the day of the cursor. Without it such a venue's
    /// adapter assumes that the market has traded today.
    pub newest: Option<Timestamp>,
}

/// One page of trades.
///
/// It holds the newest trades from its cursor back, without a gap between them, up to as many as were asked for. It may
/// hold fewer where the venue ends a page for another reason, such as the beginning of a day.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TradePage {
    /// The trades, oldest first by the venue's id.
    pub trades: Vec<Trade>,
    /// The number of rows that could not be read and were left out.
    pub dropped: u32,
    /// The cursor of the next older page; `None` where the venue has nothing older.
    ///
    /// After a full page it is [`Before`](TradeCursor::Before) the oldest trade of this page. After a page that ended
    /// with a day it is [`At`](TradeCursor::At) the beginning of that day.
    pub next: Option<TradeCursor>,
    /// `true` if the page may be of another day than the one that was asked for.
    ///
    /// It shows no trade of the day that it was asked for: the day may have no more, or the venue has counted days from a
    /// trade that [`newest`](TradePageRequest::newest) did not name. Whoever walks from page to page asks for the newest
    /// trade then. If it is still the one that the request named, the page is of the right day.
    pub is_day_uncertain: bool,
}

impl TradePage {
    /// Returns whether the page holds as many rows as were asked for, those that could not be read included.
    #[must_use]
    pub fn is_full(&self, count: u32) -> bool {
        self.trades.len() + self.dropped as usize >= count as usize
    }

    /// Returns the cursor that goes on before the oldest trade; `None` of a page without trades.
    #[must_use]
    pub fn before_oldest(&self) -> Option<TradeCursor> {
        self.trades.first().map(|oldest| TradeCursor::Before(oldest.id.clone()))
    }
}
