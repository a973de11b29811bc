//! The latest values of one market: a cell for each channel that is followed.

use std::sync::Arc;

use market_backbone_core::{
    Candle, FeedEvent, OrderBook, PriceBand, StreamKind, Symbol, Ticker, Timeframe, Timestamp, Trade,
};

use super::latest_value::{LastReceived, LatestCandle, LatestTrade, LatestValue, RecordOutcome};
use super::stale_filter::FrameArrival;
use super::word_encoding::{
    BAND_RECEIVED, BAND_WORDS, BOOK_WORDS, TICKER_RECEIVED, TICKER_WORDS, band_from, band_words, book_from,
    candle_from, ticker_from, ticker_words,
};

/// The number of trade ids remembered for a wildcard-only market: there are thousands of such markets.
const WILDCARD_TRADE_IDS: usize = 128;

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
            self.trade.get_or_insert_with(|| Arc::new(LatestTrade::with_capacity(WILDCARD_TRADE_IDS)));
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

    /// Stores the values of a run: one event, or trades in a row. Adds the outcome of each to `outcomes`; returns `false`,
    /// and adds nothing, if their channel has no entry here.
    pub(in crate::live) fn record_all(
        &self,
        run: &[FeedEvent],
        arrival: FrameArrival,
        outcomes: &mut Vec<RecordOutcome>,
    ) -> bool {
        if let ([FeedEvent::Trade(_), FeedEvent::Trade(_), ..], Some(cell)) = (run, &self.trade) {
            cell.record_run(run, arrival, outcomes);
            return true;
        }
        run.iter().all(|event| {
            let outcome = self.record(event, arrival);
            outcomes.extend(outcome);
            outcome.is_some()
        })
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
        self.ticker.as_ref()?.value.read_with(|words| ticker_from(symbol, words))
    }

    pub(super) fn trade(&self, symbol: &Symbol) -> Option<Trade> {
        self.trade.as_ref()?.read(symbol)
    }

    pub(super) fn book(&self, symbol: &Symbol) -> Option<OrderBook> {
        self.book.as_ref()?.value.read_with(|words| book_from(symbol, words))
    }

    pub(super) fn band(&self, symbol: &Symbol) -> Option<PriceBand> {
        self.band.as_ref()?.value.read_with(|words| band_from(symbol, words))
    }

    /// Returns the last candle received, and when that was.
    pub(super) fn candle(&self, frame: Timeframe) -> Option<(Candle, Timestamp)> {
        self.candle_cell(frame)?.value.read_with(candle_from)
    }
}
