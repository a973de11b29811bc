//! The latest values of one market: a cell for each channel that is followed.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use market_backbone_core::{
    Candle, FeedEvent, OrderBook, PriceBand, StreamKind, Symbol, Ticker, Timeframe, Timestamp, Trade,
};

use super::newest::{Age, Arrival, Newest};
use super::seen::Seen;
use super::slot::Slot;
use super::words::{
    BAND_RECEIVED, BAND_WORDS, BOOK_RECEIVED, BOOK_WORDS, CANDLE_RECEIVED, CANDLE_WORDS, TICKER_RECEIVED,
    TICKER_WORDS, TRADE_WORDS, band_from, band_words, book_from, book_words, candle_from, candle_words,
    ticker_from, ticker_words, trade_from, trade_words,
};

/// What the cache made of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Whether it is the first of its channel on its connection.
    pub first: bool,
    /// Whether readers had it already, or something newer: a trade whose id was heard lately, or a state that another
    /// connection had brought before, or that a newer one overtook.
    pub repeated: bool,
}

/// Of a market that nobody named, this many trades are known: there are thousands of such markets.
const UNNAMED: usize = 128;

/// The candles of so many slots are told apart: more than two sockets are ever apart.
const SLOTS: usize = 8;

/// When and how a channel was heard of last, new or not.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// The connection that brought it; 0: none since the channel was last asked for.
    pub(super) connection: AtomicU64,
    /// [`Arrival::millis`]; 0: never.
    pub(super) millis: AtomicU64,
}

impl Heard {
    /// Notes an arrival; whether it is the first of its connection.
    pub(super) fn note(&self, arrival: Arrival) -> bool {
        self.millis.store(arrival.millis, Ordering::Relaxed);
        let first = self.connection.load(Ordering::Relaxed) < arrival.connection;
        if first {
            // Release: whoever sees that the channel was heard finds the value.
            self.connection.store(arrival.connection, Ordering::Release);
        }
        first
    }
}

/// A state's latest value.
#[derive(Debug, Default)]
struct State<const N: usize> {
    slot: Slot<N>,
    heard: Heard,
    /// Held by the one who writes, and until he has told the readers: what two connections bring reaches everybody
    /// in one order.
    newest: Mutex<Newest>,
}

impl<const N: usize> State<N> {
    fn record<T>(
        &self,
        arrival: Arrival,
        age: Age,
        words: &[u64; N],
        received: usize,
        then: impl FnOnce(Recorded) -> T,
    ) -> T {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let repeated = !newest.offer(arrival, age, words, received, || self.slot.read());
        if !repeated {
            self.slot.write(words);
        }
        then(Recorded { first: self.heard.note(arrival), repeated })
    }
}

/// The candle heard of last.
#[derive(Debug, Default)]
struct Candles {
    slot: Slot<CANDLE_WORDS>,
    heard: Heard,
    /// As [`State::newest`], for each of the last few slots: a late trade changes a candle that is over, and that is no
    /// straggler.
    slots: Mutex<VecDeque<(Timestamp, Newest, [u64; CANDLE_WORDS])>>,
}

impl Candles {
    fn record<T>(
        &self,
        arrival: Arrival,
        candle: &Candle,
        received: Timestamp,
        then: impl FnOnce(Recorded) -> T,
    ) -> T {
        let (open, words) = (candle.open_time, candle_words(candle, received));
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let at = slots.iter().position(|(other, ..)| *other == open).unwrap_or_else(|| {
            slots.truncate(SLOTS - 1);
            slots.push_front((open, Newest::default(), words));
            0
        });
        let (_, newest, known) = &mut slots[at];
        let age = (i64::from(candle.is_final), candle.volume);
        let repeated = !newest.offer(arrival, age, &words, CANDLE_RECEIVED, || Some(*known));
        if !repeated {
            *known = words;
            self.slot.write(&words);
        }
        then(Recorded { first: self.heard.note(arrival), repeated })
    }
}

/// The latest trade.
#[derive(Debug, Default)]
struct Trades {
    slot: Slot<TRADE_WORDS>,
    /// The latest trade whose id is a text; stored before the words that say so.
    text: ArcSwapOption<Trade>,
    heard: Heard,
    /// As [`State::newest`]: the ids heard lately, and the time of the latest trade.
    seen: Mutex<(Seen, Timestamp)>,
}

impl Trades {
    fn record<T>(&self, arrival: Arrival, trade: &Trade, then: impl FnOnce(Recorded) -> T) -> T {
        let mut guard = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let (seen, latest) = &mut *guard;
        let new = seen.insert(&trade.id);
        // One that comes late is news, and yet not the latest.
        if new && *latest <= trade.time {
            *latest = trade.time;
            self.write(trade);
        }
        then(Recorded { first: self.heard.note(arrival), repeated: !new })
    }

    /// As [`record`](Self::record), of the last trade from before the connection: should it be under way on another one,
    /// it is no repetition there.
    fn record_last<T>(&self, arrival: Arrival, trade: &Trade, then: impl FnOnce(Recorded) -> T) -> T {
        let mut guard = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let (seen, latest) = &mut *guard;
        let repeated = seen.contains(&trade.id);
        if !repeated && *latest <= trade.time {
            *latest = trade.time;
            self.write(trade);
        }
        then(Recorded { first: self.heard.note(arrival), repeated })
    }

    fn write(&self, trade: &Trade) {
        let words = trade_words(trade);
        if words[0] == 1 {
            self.text.store(Some(Arc::new(trade.clone())));
        }
        self.slot.write(&words);
    }

    fn read(&self, symbol: &Symbol) -> Option<Trade> {
        let words = self.slot.read()?;
        trade_from(symbol, &words).or_else(|| self.text.load().as_deref().cloned())
    }
}

/// The cells of one market.
#[derive(Clone, Debug, Default)]
pub(super) struct Row {
    ticker: Option<Arc<State<TICKER_WORDS>>>,
    trade: Option<Arc<Trades>>,
    book: Option<Arc<State<BOOK_WORDS>>>,
    band: Option<Arc<State<BAND_WORDS>>>,
    candles: Vec<(Timeframe, Arc<Candles>)>,
}

impl Row {
    /// Makes room for the values of a channel.
    pub(super) fn add(&mut self, kind: StreamKind) {
        match kind {
            StreamKind::Ticker => drop(self.ticker.get_or_insert_default()),
            StreamKind::Trade => drop(self.trade.get_or_insert_default()),
            StreamKind::Book => drop(self.book.get_or_insert_default()),
            StreamKind::Band => drop(self.band.get_or_insert_default()),
            StreamKind::Candle(frame) => {
                if self.candle_cell(frame).is_none() {
                    self.candles.push((frame, Arc::default()));
                }
            }
        }
    }

    /// As [`add`](Self::add), for one of the thousands of markets that nobody named: fewer of its trades are known.
    pub(super) fn add_unnamed(&mut self, kind: StreamKind) {
        if kind == StreamKind::Trade {
            let trades = || {
                Arc::new(Trades {
                    seen: Mutex::new((Seen::of(UNNAMED), Timestamp::EPOCH)),
                    ..Trades::default()
                })
            };
            self.trade.get_or_insert_with(trades);
        } else {
            self.add(kind);
        }
    }

    /// Lets go of the channels that are not `wanted`.
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

    fn candle_cell(&self, wanted: Timeframe) -> Option<&Candles> {
        self.candles.iter().find(|(frame, _)| *frame == wanted).map(|(_, cell)| &**cell)
    }

    /// When and how the channel was heard of last; `None` if there is no room for it here.
    pub(super) fn heard(&self, kind: StreamKind) -> Option<&Heard> {
        match kind {
            StreamKind::Ticker => self.ticker.as_ref().map(|cell| &cell.heard),
            StreamKind::Trade => self.trade.as_ref().map(|cell| &cell.heard),
            StreamKind::Book => self.book.as_ref().map(|cell| &cell.heard),
            StreamKind::Band => self.band.as_ref().map(|cell| &cell.heard),
            StreamKind::Candle(frame) => self.candle_cell(frame).map(|cell| &cell.heard),
        }
    }

    /// Keeps the value of `event`, if its channel is here, and does `then` before anything else of the channel is
    /// recorded.
    pub(super) fn record<T>(
        &self,
        event: &FeedEvent,
        arrival: Arrival,
        then: impl FnOnce(Recorded) -> T,
    ) -> T {
        match event {
            FeedEvent::Trade(trade) => {
                if let Some(cell) = &self.trade {
                    return cell.record(arrival, trade, then);
                }
            }
            FeedEvent::Snapshot(trade) => {
                if let Some(cell) = &self.trade {
                    return cell.record_last(arrival, trade, then);
                }
            }
            FeedEvent::Ticker(ticker) => {
                if let Some(cell) = &self.ticker {
                    let age = (ticker.time.as_nanos(), ticker.day_volume);
                    return cell.record(arrival, age, &ticker_words(ticker), TICKER_RECEIVED, then);
                }
            }
            FeedEvent::Book(book) => {
                if let Some(cell) = &self.book {
                    let age = (book.time.as_nanos(), 0.0);
                    return cell.record(arrival, age, &book_words(book), BOOK_RECEIVED, then);
                }
            }
            FeedEvent::Band(band) => {
                if let Some(cell) = &self.band {
                    let age = (band.time.as_nanos(), 0.0);
                    return cell.record(arrival, age, &band_words(band), BAND_RECEIVED, then);
                }
            }
            FeedEvent::Candle { series, candle, received } => {
                if let Some(cell) = self.candle_cell(series.timeframe) {
                    return cell.record(arrival, candle, *received, then);
                }
            }
            // Gaps and lags (and what may come) are not values.
            _ => {}
        }
        then(Recorded::default())
    }

    pub(super) fn ticker(&self, symbol: &Symbol) -> Option<Ticker> {
        self.ticker.as_ref()?.slot.read().map(|words| ticker_from(symbol, &words))
    }

    pub(super) fn trade(&self, symbol: &Symbol) -> Option<Trade> {
        self.trade.as_ref()?.read(symbol)
    }

    pub(super) fn book(&self, symbol: &Symbol) -> Option<OrderBook> {
        self.book.as_ref()?.slot.read().map(|words| book_from(symbol, &words))
    }

    pub(super) fn band(&self, symbol: &Symbol) -> Option<PriceBand> {
        self.band.as_ref()?.slot.read().map(|words| band_from(symbol, &words))
    }

    /// The candle heard of last, and when that was.
    pub(super) fn candle(&self, frame: Timeframe) -> Option<(Candle, Timestamp)> {
        self.candle_cell(frame)?.slot.read().map(|words| candle_from(&words))
    }
}
