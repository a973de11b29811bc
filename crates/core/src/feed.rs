//! What a live feed delivers.
//!
//! Loss is an item of the feed like any other, so a reader can never mistake a hole for a quiet market.

use std::fmt;
use std::sync::Arc;

use crate::{Candle, OrderBook, Series, Symbol, Ticker, Timeframe, Timestamp, Trade};

/// A kind of live data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StreamKind {
    /// Every print.
    Trade,
    /// The market at a glance, whenever it changes.
    Ticker,
    /// The whole order book, whenever it changes.
    Book,
    /// The candle in progress, again and again while it grows.
    Candle(Timeframe),
}

/// `trade`, `ticker`, `book`, `candle.1m`.
impl fmt::Display for StreamKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trade => f.pad("trade"),
            Self::Ticker => f.pad("ticker"),
            Self::Book => f.pad("book"),
            Self::Candle(frame) => write!(f, "candle.{frame}"),
        }
    }
}

/// One kind of live data of one market.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Channel {
    /// The market.
    pub symbol: Symbol,
    /// What of it.
    pub kind: StreamKind,
}

/// An item of a live feed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum FeedEvent {
    /// A print.
    Trade(Trade),
    /// The market at a glance.
    Ticker(Ticker),
    /// The whole book. Shared, because it is large and its readers are many.
    Book(Arc<OrderBook>),
    /// The candle in progress, or its last state. The same open time comes again as it grows.
    Candle {
        /// Whose candle.
        series: Series,
        /// As it stands now.
        candle: Candle,
        /// When we heard of it, by our clock.
        received: Timestamp,
    },
    /// The feed was interrupted, or what is known of an interruption has changed.
    Gap(Gap),
    /// This reader was too slow: its queue was full and this many events were dropped just before the next one.
    Lagged {
        /// How many.
        missed: u64,
    },
}

impl FeedEvent {
    /// The channel this event belongs to; `None` for gaps and lags, which concern a whole reader.
    #[must_use]
    pub fn channel(&self) -> Option<(&Symbol, StreamKind)> {
        match self {
            Self::Trade(trade) => Some((&trade.symbol, StreamKind::Trade)),
            Self::Ticker(ticker) => Some((&ticker.symbol, StreamKind::Ticker)),
            Self::Book(book) => Some((&book.symbol, StreamKind::Book)),
            Self::Candle { series, .. } => Some((&series.symbol, StreamKind::Candle(series.timeframe))),
            Self::Gap(_) | Self::Lagged { .. } => None,
        }
    }
}

/// An interruption of a live feed: between these moments events may be missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// What is known of it now.
    pub state: GapState,
    /// The last moment at which the feed was known to be whole, by our clock.
    pub from: Timestamp,
    /// When it was whole again; `None` while it lasts.
    pub to: Option<Timestamp>,
    /// Why it came about.
    pub cause: GapCause,
}

/// What is known of a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GapState {
    /// It has begun.
    Opened,
    /// It is over and nothing this reader asked for is missing.
    Healed,
    /// It is over and what happened in it will not be delivered.
    Lost,
}

impl GapState {
    /// `opened`, `healed` or `lost`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Healed => "healed",
            Self::Lost => "lost",
        }
    }
}

/// Why a gap came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GapCause {
    /// The connection ended.
    Disconnected,
    /// The connection stood but nothing came.
    Silent,
    /// The venue ended it with an error.
    Refused,
}

impl GapCause {
    /// `disconnected`, `silent` or `refused`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Disconnected => "disconnected",
            Self::Silent => "silent",
            Self::Refused => "refused",
        }
    }
}
