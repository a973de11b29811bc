//! The cells of the cache: the latest value of a channel, what it takes to judge whether one is new, and when it came.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use market_backbone_core::{Candle, FeedEvent, OrderBook, Symbol, Timestamp, Trade};

use super::recent_trade_ids::RecentTradeIds;
use super::seqlock::SeqLock;
use super::stale_filter::{FrameArrival, StaleFilter, StateVersion};
use super::word_encoding::{
    BOOK_RECEIVED, BOOK_WORDS, CANDLE_RECEIVED, CANDLE_WORDS, TRADE_WORDS, candle_words,
    clear_unused_book_words, encode_book, holds_id, trade_from, trade_words,
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
pub(super) struct LatestValue<const N: usize> {
    pub(super) value: SeqLock<N>,
    pub(super) last_received: LastReceived,
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
    pub(super) fn record_words(
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
    pub(super) fn record_book(&self, arrival: FrameArrival, book: &OrderBook) -> RecordOutcome {
        let known = || {
            let mut words = self.value.read()?;
            clear_unused_book_words(&mut words);
            Some(words)
        };
        let (age, words) = ((book.time.as_nanos(), 0.0), || encode_book(book).0);
        self.record(arrival, age, BOOK_RECEIVED, (words, known), |value| {
            let (words, used) = encode_book(book);
            value.write_first(&words[..used]);
        })
    }
}

/// The last candle received of a series.
#[derive(Debug, Default)]
pub(super) struct LatestCandle {
    pub(super) value: SeqLock<CANDLE_WORDS>,
    pub(super) last_received: LastReceived,
    /// A filter, as in [`LatestValue`], for each of the last few slots: a late trade changes a candle that is
    /// over, and that is not stale.
    slots: Mutex<VecDeque<(Timestamp, StaleFilter, [u64; CANDLE_WORDS])>>,
}

impl LatestCandle {
    pub(super) fn record(
        &self,
        arrival: FrameArrival,
        candle: &Candle,
        received: Timestamp,
    ) -> RecordOutcome {
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
pub(super) struct LatestTrade {
    value: SeqLock<TRADE_WORDS>,
    /// The latest trade whose id does not fit into words; stored before the words that say so.
    text: ArcSwapOption<Trade>,
    pub(super) last_received: LastReceived,
    /// The ids received lately and the time of the latest trade; held as the filter of [`LatestValue`] is.
    recent_ids: Mutex<(RecentTradeIds, Timestamp)>,
}

impl LatestTrade {
    /// Creates a cell that remembers `most` trade ids.
    pub(super) fn with_capacity(most: usize) -> Self {
        let recent_ids = Mutex::new((RecentTradeIds::with_capacity(most), Timestamp::EPOCH));
        Self { recent_ids, ..Self::default() }
    }

    pub(super) fn record(&self, arrival: FrameArrival, trade: &Trade) -> RecordOutcome {
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

    /// Records a run of trades as [`record`](Self::record) does each of them, with the lock taken once and only the
    /// latest of all written; adds the outcome of each to `outcomes`.
    pub(super) fn record_run(
        &self,
        run: &[FeedEvent],
        arrival: FrameArrival,
        outcomes: &mut Vec<RecordOutcome>,
    ) {
        let mut guard = self.recent_ids.lock().unwrap_or_else(PoisonError::into_inner);
        let (seen, latest) = &mut *guard;
        let mut newest = None;
        outcomes.extend(run.iter().map(|event| {
            let FeedEvent::Trade(trade) = event else { return RecordOutcome::default() };
            let new = seen.insert(&trade.id);
            if new && *latest <= trade.time {
                *latest = trade.time;
                newest = Some(trade);
            }
            RecordOutcome { first: false, repeated: !new }
        }));
        if let Some(trade) = newest {
            self.write(trade);
        }
        let first = self.last_received.record_arrival(arrival);
        let begun = outcomes.len() - run.len();
        if let Some(outcome) = outcomes.get_mut(begun) {
            outcome.first = first;
        }
    }

    /// Records the last trade from before the connection, as [`record`](Self::record) does for live ones.
    ///
    /// If the same trade then arrives on another connection, it does not count as a repetition there.
    pub(super) fn record_snapshot(&self, arrival: FrameArrival, trade: &Trade) -> RecordOutcome {
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

    pub(super) fn read(&self, symbol: &Symbol) -> Option<Trade> {
        self.value
            .read_with(|words| trade_from(symbol, words))?
            .or_else(|| self.text.load().as_deref().cloned())
    }
}
