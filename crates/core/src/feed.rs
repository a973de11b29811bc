//! The events of a live feed.
//!
//! Loss is an event of the feed like any other, so a reader can never mistake a gap for a quiet market.

mod channel_history;
mod future_event_filter;
mod gap;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

pub use self::channel_history::ChannelHistory;
pub use self::future_event_filter::{FutureEventFilter, drop_after, drop_future};
pub use self::gap::{Gap, GapCause, GapState, LossReason};
use crate::{
    Candle, OrderBook, PriceBand, Series, SourceError, Symbol, Ticker, Timeframe, TimeframeError, Timestamp,
    Trade,
};

/// A kind of live data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum StreamKind {
    /// Every trade of the market.
    Trade,
    /// The ticker (latest price and day figures), whenever it changes.
    Ticker,
    /// The whole order book, whenever it changes.
    Book,
    /// The price band within which the market may trade, whenever it changes.
    Band,
    /// The forming candle, sent repeatedly while it changes.
    Candle(Timeframe),
    /// Each candle once when it closes, and again whenever it is revised.
    Bar(Timeframe),
}

impl StreamKind {
    /// Returns the kind that a venue must stream for this one: closed bars are built from the forming candle.
    #[must_use]
    pub const fn streamed_as(self) -> Self {
        match self {
            Self::Bar(timeframe) => Self::Candle(timeframe),
            Self::Trade | Self::Ticker | Self::Book | Self::Band | Self::Candle(_) => self,
        }
    }
}

/// Writes `trade`, `ticker`, `book`, `band`, `candle.1m` or `bar.1m`.
impl fmt::Display for StreamKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trade => f.pad("trade"),
            Self::Ticker => f.pad("ticker"),
            Self::Book => f.pad("book"),
            Self::Band => f.pad("band"),
            Self::Candle(timeframe) => write!(f, "candle.{timeframe}"),
            Self::Bar(timeframe) => write!(f, "bar.{timeframe}"),
        }
    }
}

/// An error for a text that names no kind of live data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StreamKindError {
    /// The text is none of the known words.
    #[error(
        "no kind of data `{0}`; there are trade, ticker, book, band, candle.TIMEFRAME (candle.1m) and bar.TIMEFRAME \
         (bar.1m)"
    )]
    Unknown(String),
    /// The text names a candle of a length that does not exist.
    #[error(transparent)]
    Timeframe(#[from] TimeframeError),
}

/// Reads what [`Display`](fmt::Display) writes.
impl FromStr for StreamKind {
    type Err = StreamKindError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "trade" => Ok(Self::Trade),
            "ticker" => Ok(Self::Ticker),
            "book" => Ok(Self::Book),
            "band" => Ok(Self::Band),
            _ => match text.split_once('.') {
                Some(("candle", timeframe)) => Ok(Self::Candle(timeframe.parse()?)),
                Some(("bar", timeframe)) => Ok(Self::Bar(timeframe.parse()?)),
                _ => Err(StreamKindError::Unknown(text.chars().take(40).collect())),
            },
        }
    }
}

/// One kind of live data of one market.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Channel {
    /// The market of the channel.
    pub symbol: Symbol,
    /// The kind of data.
    pub kind: StreamKind,
}

/// An item of a live feed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum FeedEvent {
    /// A trade, once, in order.
    Trade(Trade),
    /// The last trade before the feed began, as the venue sends it at the beginning. It may be minutes old and is
    /// not new: a reader that adds trades up must not add this one.
    Snapshot(Trade),
    /// The latest price and the figures of the day.
    Ticker(Ticker),
    /// The whole order book. It is shared, because it is large and has many readers.
    Book(Arc<OrderBook>),
    /// The price band within which the market may trade from now on.
    Band(PriceBand),
    /// The forming candle, or its last state. The same open time arrives repeatedly as the candle changes.
    Candle {
        /// The series of the candle.
        series: Series,
        /// The current state of the candle.
        candle: Candle,
        /// The time at which the state arrived here, by the local clock.
        received: Timestamp,
    },
    /// A bar that has closed: once with revision 0, and again whenever it turns out to be different.
    ///
    /// The venue closes it (by a later bar, or by a page that shows it as final) or the clock does, a moment after its
    /// end. The clock closes nothing while the feed is interrupted: such a bar comes when the gap has been healed.
    Bar {
        /// The series of the bar.
        series: Series,
        /// The candle of the bar; of two revisions the later one counts.
        candle: Candle,
        /// The revision number: 0 for the first time, then 1 and so on.
        revision: u32,
        /// `true` if nothing was traded in its slot: all prices are the previous close, and the volume is 0. Only feeds
        /// that ask for quiet bars deliver such bars.
        is_quiet: bool,
        /// The time at which it was closed or revised, by the local clock.
        received: Timestamp,
    },
    /// An interruption of the feed, or a change in what is known about one.
    Gap(Gap),
    /// History has been delivered as far as it is available, and live events follow. Holds the history of each
    /// channel that has one.
    CaughtUp(Arc<[ChannelHistory]>),
    /// This reader was too slow: its queue was full and this many events were dropped just before the next one.
    Lagged {
        /// The number of dropped events.
        missed: u64,
    },
    /// The venue refuses the subscription of this feed permanently: this is the last event.
    Ended {
        /// The reason for the refusal, and what to do about it.
        reason: SourceError,
    },
}

impl FeedEvent {
    /// Returns the channel this event belongs to, or `None` for what concerns several of them or the reader as a
    /// whole.
    #[must_use]
    #[inline]
    pub fn channel(&self) -> Option<(&Symbol, StreamKind)> {
        match self {
            Self::Trade(trade) | Self::Snapshot(trade) => Some((&trade.symbol, StreamKind::Trade)),
            Self::Ticker(ticker) => Some((&ticker.symbol, StreamKind::Ticker)),
            Self::Book(book) => Some((&book.symbol, StreamKind::Book)),
            Self::Band(band) => Some((&band.symbol, StreamKind::Band)),
            Self::Candle { series, .. } => Some((&series.symbol, StreamKind::Candle(series.timeframe))),
            Self::Bar { series, .. } => Some((&series.symbol, StreamKind::Bar(series.timeframe))),
            Self::Gap(_) | Self::CaughtUp(_) | Self::Lagged { .. } | Self::Ended { .. } => None,
        }
    }

    /// Returns the market of this event, or `None` as for [`channel`](Self::channel).
    #[must_use]
    pub fn symbol(&self) -> Option<&Symbol> {
        self.channel().map(|(symbol, _)| symbol)
    }

    /// Returns the kind of data of this event, or `None` as for [`channel`](Self::channel).
    #[must_use]
    pub fn kind(&self) -> Option<StreamKind> {
        self.channel().map(|(_, kind)| kind)
    }

    /// Returns the latest moment, by the venue's clock, that this event claims to describe (the open time of a candle or
    /// bar), or `None` if it does not come from the venue.
    #[must_use]
    #[inline]
    pub fn time(&self) -> Option<Timestamp> {
        Some(match self {
            Self::Trade(trade) | Self::Snapshot(trade) => trade.time,
            Self::Ticker(ticker) => ticker.time.max(ticker.trade_time),
            Self::Book(book) => book.time,
            Self::Candle { candle, .. } | Self::Bar { candle, .. } => candle.open_time,
            Self::Band(band) => band.time,
            Self::Gap(_) | Self::CaughtUp(_) | Self::Lagged { .. } | Self::Ended { .. } => return None,
        })
    }

    /// Returns the time at which this event arrived, by the local clock, or `None` if it does not come from the venue.
    #[must_use]
    pub fn received(&self) -> Option<Timestamp> {
        Some(match self {
            Self::Trade(trade) | Self::Snapshot(trade) => trade.received,
            Self::Ticker(ticker) => ticker.received,
            Self::Book(book) => book.received,
            Self::Band(band) => band.received,
            Self::Candle { received, .. } | Self::Bar { received, .. } => *received,
            Self::Gap(_) | Self::CaughtUp(_) | Self::Lagged { .. } | Self::Ended { .. } => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_reads_as_it_is_written() {
        for text in ["trade", "ticker", "book", "band", "candle.1m", "candle.4h", "bar.1m"] {
            assert_eq!(text.parse::<StreamKind>().map(|kind| kind.to_string()).as_deref(), Ok(text));
        }
        for text in ["", "trades", "candle", "candle.", "candle.7x", "bar", "bar.", "trade.1m"] {
            assert!(text.parse::<StreamKind>().is_err(), "{text}");
        }
    }
}
