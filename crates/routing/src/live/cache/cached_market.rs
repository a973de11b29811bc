//! The latest values of one market: a cell for each channel that is followed.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use market_backbone_core::{
    Candle, FeedEvent, OrderBook, PriceBand, StreamKind, Symbol, Ticker, Timeframe, Timestamp, Trade,
};

use super::recent_trade_ids::RecentTradeIds;
use super::seqlock::SeqLock;
use super::stale_filter::{FrameArrival, StaleFilter, StateVersion};
use super::word_encoding::{
    BAND_RECEIVED, BAND_WORDS, BOOK_RECEIVED, BOOK_WORDS, CANDLE_RECEIVED, CANDLE_WORDS, TICKER_RECEIVED,
    TICKER_WORDS, TRADE_WORDS, band_from, band_words, book_from, book_words, candle_from, candle_words,
    clear_unused_book_words, holds_id, ticker_from, ticker_words, trade_from, trade_words, used_book_words,
};

/// The result of recording an event in the cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordOutcome {
    /// True if it is the first of its channel on its connection.
    pub first: bool,
    /// True if readers already had it, or something newer.
    ///
    /// That is a trade whose id was received lately, a state that another connection had already brought, or
    /// a state that a newer one has replaced.
    pub repeated: bool,
}

/// The number of trade ids remembered for a wildcard-only market: there are thousands of such markets.
const WILDCARD_TRADE_IDS: usize = 128;

/// The number of slots whose candles are kept apart: more than two sockets ever differ by.
const MAX_CANDLE_SLOTS: usize = 8;

/// The time and the connection of a channel's last event, new or not.
#[derive(Debug, Default)]
pub(super) struct LastReceived {
    /// The connection that delivered it; 0 if none has since the channel was last subscribed to.
    pub(super) connection: AtomicU64,
    /// The time as [`FrameArrival::millis`]; 0 for never.
    pub(super) millis: AtomicU64,
}

impl LastReceived {
    /// Records an arrival. Returns whether it is the first of its connection.
    pub(super) fn record_arrival(&self, arrival: FrameArrival) -> bool {
        self.millis.store(arrival.millis, Ordering::Relaxed);
        let first = self.connection.load(Ordering::Relaxed) < arrival.connection;
        if first {
            // Release: whoever sees that the channel was received finds the value.
            self.connection.store(arrival.connection, Ordering::Release);
        }
        first
    }
}

/// The latest value of a channel that is a state.
#[derive(Debug, Default)]
struct LatestValue<const N: usize> {
    value: SeqLock<N>,
    last_received: LastReceived,
    /// Held while a value is judged and written.
    stale_filter: Mutex<StaleFilter>,
}

impl<const N: usize> LatestValue<N> {
    /// Stores a value by `write`, unless it is stale; `words` returns all its words, and `known` those of the stored one.
    fn record(
        &self,
        arrival: FrameArrival,
        age: StateVersion,
        received: usize,
        (words, known): (impl Fn() -> [u64; N], impl Fn() -> Option<[u64; N]>),
        write: impl FnOnce(&SeqLock<N>),
    ) -> RecordOutcome {
        let mut newest = self.stale_filter.lock().unwrap_or_else(PoisonError::into_inner);
        let repeated = !newest.accept(arrival, age, words, received, known);
        if !repeated {
            write(&self.value);
        }
        RecordOutcome { first: self.last_received.record_arrival(arrival), repeated }
    }

    /// Stores a value of as many words as the cell has, unless they are stale.
    fn record_words(
        &self,
        arrival: FrameArrival,
        age: StateVersion,
        received: usize,
        words: &[u64; N],
    ) -> RecordOutcome {
        self.record(arrival, age, received, (|| *words, || self.value.read()), |value| value.write(words))
    }
}

impl LatestValue<BOOK_WORDS> {
    /// Stores a book without the words that it does not need.
    fn record_book(&self, arrival: FrameArrival, book: &OrderBook) -> RecordOutcome {
        let known = || {
            let mut words = self.value.read()?;
            clear_unused_book_words(&mut words);
            Some(words)
        };
        let (age, words) = ((book.time.as_nanos(), 0.0), || book_words(book));
        self.record(arrival, age, BOOK_RECEIVED, (words, known), |value| {
            value.write_first(used_book_words(book))
        })
    }
}

/// The last candle received of a series.
#[derive(Debug, Default)]
struct LatestCandle {
    value: SeqLock<CANDLE_WORDS>,
    last_received: LastReceived,
    /// A filter, as in [`LatestValue`], for each of the last few slots: a late trade changes a candle that is
    /// over, and that is not stale.
    slots: Mutex<VecDeque<(Timestamp, StaleFilter, [u64; CANDLE_WORDS])>>,
}

impl LatestCandle {
    fn record(&self, arrival: FrameArrival, candle: &Candle, received: Timestamp) -> RecordOutcome {
        let (open, words) = (candle.open_time, candle_words(candle, received));
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let at = slots.iter().position(|(other, ..)| *other == open).unwrap_or_else(|| {
            slots.truncate(MAX_CANDLE_SLOTS - 1);
            slots.push_front((open, StaleFilter::default(), words));
            0
        });
        let (_, newest, known) = &mut slots[at];
        let age = (i64::from(candle.is_final), candle.volume);
        let repeated = !newest.accept(arrival, age, || words, CANDLE_RECEIVED, || Some(*known));
        if !repeated {
            *known = words;
            self.value.write(&words);
        }
        RecordOutcome { first: self.last_received.record_arrival(arrival), repeated }
    }
}

/// The latest trade of a market.
#[derive(Debug, Default)]
struct LatestTrade {
    value: SeqLock<TRADE_WORDS>,
    /// The latest trade whose id does not fit into words; stored before the words that say so.
    text: ArcSwapOption<Trade>,
    last_received: LastReceived,
    /// The ids received lately and the time of the latest trade; held as the filter of [`LatestValue`] is.
    recent_ids: Mutex<(RecentTradeIds, Timestamp)>,
}

impl LatestTrade {
    fn record(&self, arrival: FrameArrival, trade: &Trade) -> RecordOutcome {
        let mut guard = self.recent_ids.lock().unwrap_or_else(PoisonError::into_inner);
        let (seen, latest) = &mut *guard;
        let new = seen.insert(&trade.id);
        // A late trade is new, but not the latest.
        if new && *latest <= trade.time {
            *latest = trade.time;
            self.write(trade);
        }
        RecordOutcome { first: self.last_received.record_arrival(arrival), repeated: !new }
    }

    /// Records the last trade from before the connection, as [`record`](Self::record) does for live ones.
    ///
    /// If the same trade then arrives on another connection, it does not count as a repetition there.
    fn record_snapshot(&self, arrival: FrameArrival, trade: &Trade) -> RecordOutcome {
        let mut guard = self.recent_ids.lock().unwrap_or_else(PoisonError::into_inner);
        let (seen, latest) = &mut *guard;
        let repeated = seen.contains(&trade.id);
        if !repeated && *latest <= trade.time {
            *latest = trade.time;
            self.write(trade);
        }
        RecordOutcome { first: self.last_received.record_arrival(arrival), repeated }
    }

    fn write(&self, trade: &Trade) {
        let words = trade_words(trade);
        if !holds_id(&words) {
            self.text.store(Some(Arc::new(trade.clone())));
        }
        self.value.write(&words);
    }

    fn read(&self, symbol: &Symbol) -> Option<Trade> {
        let words = self.value.read()?;
        trade_from(symbol, &words).or_else(|| self.text.load().as_deref().cloned())
    }
}

/// The entries of one market.
#[derive(Clone, Debug, Default)]
pub(in crate::live) struct CachedMarket {
    ticker: Option<Arc<LatestValue<TICKER_WORDS>>>,
    trade: Option<Arc<LatestTrade>>,
    book: Option<Arc<LatestValue<BOOK_WORDS>>>,
    band: Option<Arc<LatestValue<BAND_WORDS>>>,
    candles: Vec<(Timeframe, Arc<LatestCandle>)>,
}

impl CachedMarket {
    /// Allocates an entry for the values of a channel.
    pub(super) fn add(&mut self, kind: StreamKind) {
        match kind {
            StreamKind::Ticker => drop(self.ticker.get_or_insert_default()),
            StreamKind::Trade => drop(self.trade.get_or_insert_default()),
            StreamKind::Book => drop(self.book.get_or_insert_default()),
            StreamKind::Band => drop(self.band.get_or_insert_default()),
            StreamKind::Candle(frame) if self.candle_cell(frame).is_none() => {
                self.candles.push((frame, Arc::default()));
            }
            // Bars are made of candles and never streamed. A kind without an entry has no latest value.
            _ => {}
        }
    }

    /// Allocates an entry as [`add`](Self::add) does, for a wildcard-only market: fewer of its trade ids are
    /// remembered.
    pub(super) fn add_wildcard(&mut self, kind: StreamKind) {
        if kind == StreamKind::Trade {
            let trades = || {
                Arc::new(LatestTrade {
                    recent_ids: Mutex::new((
                        RecentTradeIds::with_capacity(WILDCARD_TRADE_IDS),
                        Timestamp::EPOCH,
                    )),
                    ..LatestTrade::default()
                })
            };
            self.trade.get_or_insert_with(trades);
        } else {
            self.add(kind);
        }
    }

    /// Removes the channels that are not `wanted`.
    pub(super) fn retain(&mut self, wanted: impl Fn(StreamKind) -> bool) {
        self.ticker = self.ticker.take().filter(|_| wanted(StreamKind::Ticker));
        self.trade = self.trade.take().filter(|_| wanted(StreamKind::Trade));
        self.book = self.book.take().filter(|_| wanted(StreamKind::Book));
        self.band = self.band.take().filter(|_| wanted(StreamKind::Band));
        self.candles.retain(|(frame, _)| wanted(StreamKind::Candle(*frame)));
    }

    pub(super) fn is_empty(&self) -> bool {
        let states = self.ticker.is_some() || self.book.is_some() || self.band.is_some();
        !states && self.trade.is_none() && self.candles.is_empty()
    }

    fn candle_cell(&self, wanted: Timeframe) -> Option<&LatestCandle> {
        self.candles.iter().find(|(frame, _)| *frame == wanted).map(|(_, cell)| &**cell)
    }

    /// Returns when and how the channel was last received; `None` if it has no entry here.
    pub(super) fn last_received(&self, kind: StreamKind) -> Option<&LastReceived> {
        match kind {
            StreamKind::Ticker => self.ticker.as_ref().map(|cell| &cell.last_received),
            StreamKind::Trade => self.trade.as_ref().map(|cell| &cell.last_received),
            StreamKind::Book => self.book.as_ref().map(|cell| &cell.last_received),
            StreamKind::Band => self.band.as_ref().map(|cell| &cell.last_received),
            StreamKind::Candle(frame) => self.candle_cell(frame).map(|cell| &cell.last_received),
            _ => None,
        }
    }

    /// Stores the value of `event`; `None` if its channel has no entry here.
    pub(in crate::live) fn record(&self, event: &FeedEvent, arrival: FrameArrival) -> Option<RecordOutcome> {
        Some(match event {
            FeedEvent::Trade(trade) => self.trade.as_ref()?.record(arrival, trade),
            FeedEvent::Snapshot(trade) => self.trade.as_ref()?.record_snapshot(arrival, trade),
            FeedEvent::Ticker(ticker) => {
                let (age, words) = ((ticker.time.as_nanos(), ticker.day_volume), ticker_words(ticker));
                self.ticker.as_ref()?.record_words(arrival, age, TICKER_RECEIVED, &words)
            }
            FeedEvent::Book(book) => self.book.as_ref()?.record_book(arrival, book),
            FeedEvent::Band(band) => {
                let (age, words) = ((band.time.as_nanos(), 0.0), band_words(band));
                self.band.as_ref()?.record_words(arrival, age, BAND_RECEIVED, &words)
            }
            FeedEvent::Candle { series, candle, received } => {
                self.candle_cell(series.timeframe)?.record(arrival, candle, *received)
            }
            // Gaps and lags (and event kinds to come) are not values.
            _ => return None,
        })
    }

    pub(super) fn ticker(&self, symbol: &Symbol) -> Option<Ticker> {
        self.ticker.as_ref()?.value.read().map(|words| ticker_from(symbol, &words))
    }

    pub(super) fn trade(&self, symbol: &Symbol) -> Option<Trade> {
        self.trade.as_ref()?.read(symbol)
    }

    pub(super) fn book(&self, symbol: &Symbol) -> Option<OrderBook> {
        self.book.as_ref()?.value.read().map(|words| book_from(symbol, &words))
    }

    pub(super) fn band(&self, symbol: &Symbol) -> Option<PriceBand> {
        self.band.as_ref()?.value.read().map(|words| band_from(symbol, &words))
    }

    /// Returns the last candle received, and when that was.
    pub(super) fn candle(&self, frame: Timeframe) -> Option<(Candle, Timestamp)> {
        self.candle_cell(frame)?.value.read().map(|words| candle_from(&words))
    }
}
