//! The latest values of one market: a cell for each channel that is followed.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use arc_swap::ArcSwapOption;
use market_backbone_core::{
    Candle, FeedEvent, OrderBook, StreamKind, Symbol, Ticker, Timeframe, Timestamp, Trade,
};

use super::slot::Slot;
use super::words::{
    BOOK_WORDS, CANDLE_WORDS, TICKER_WORDS, TRADE_WORDS, book_from, book_words, candle_from, candle_words,
    ticker_from, ticker_words, trade_from, trade_words,
};

/// One channel's latest value.
#[derive(Debug, Default)]
struct Cell<const N: usize> {
    slot: Slot<N>,
    /// The connection that last brought a value; 0: none since the channel was last asked for.
    heard_in: AtomicU64,
}

#[derive(Debug, Default)]
struct TradeCell {
    cell: Cell<TRADE_WORDS>,
    /// The latest trade whose id is a text; stored before the words that say so.
    text: ArcSwapOption<Trade>,
}

impl TradeCell {
    fn write(&self, trade: &Trade) {
        let words = trade_words(trade);
        if words[0] == 1 {
            self.text.store(Some(Arc::new(trade.clone())));
        }
        self.cell.slot.write(&words);
    }

    fn read(&self, symbol: &Symbol) -> Option<Trade> {
        let words = self.cell.slot.read()?;
        trade_from(symbol, &words).or_else(|| self.text.load().as_deref().cloned())
    }
}

/// The cells of one market.
#[derive(Clone, Debug, Default)]
pub(super) struct Row {
    ticker: Option<Arc<Cell<TICKER_WORDS>>>,
    trade: Option<Arc<TradeCell>>,
    book: Option<Arc<Cell<BOOK_WORDS>>>,
    candles: Vec<(Timeframe, Arc<Cell<CANDLE_WORDS>>)>,
}

impl Row {
    /// Makes room for the values of a channel.
    pub(super) fn add(&mut self, kind: StreamKind) {
        match kind {
            StreamKind::Ticker => drop(self.ticker.get_or_insert_default()),
            StreamKind::Trade => drop(self.trade.get_or_insert_default()),
            StreamKind::Book => drop(self.book.get_or_insert_default()),
            StreamKind::Candle(frame) => {
                if self.candle_cell(frame).is_none() {
                    self.candles.push((frame, Arc::default()));
                }
            }
        }
    }

    /// Lets go of the channels that are not `wanted`.
    pub(super) fn retain(&mut self, wanted: impl Fn(StreamKind) -> bool) {
        self.ticker = self.ticker.take().filter(|_| wanted(StreamKind::Ticker));
        self.trade = self.trade.take().filter(|_| wanted(StreamKind::Trade));
        self.book = self.book.take().filter(|_| wanted(StreamKind::Book));
        self.candles.retain(|(frame, _)| wanted(StreamKind::Candle(*frame)));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ticker.is_none() && self.trade.is_none() && self.book.is_none() && self.candles.is_empty()
    }

    fn candle_cell(&self, wanted: Timeframe) -> Option<&Cell<CANDLE_WORDS>> {
        self.candles.iter().find(|(frame, _)| *frame == wanted).map(|(_, cell)| &**cell)
    }

    /// The connection that last brought a value of the channel; `None` if there is no room for it here.
    pub(super) fn heard_in(&self, kind: StreamKind) -> Option<&AtomicU64> {
        match kind {
            StreamKind::Ticker => self.ticker.as_ref().map(|cell| &cell.heard_in),
            StreamKind::Trade => self.trade.as_ref().map(|trade| &trade.cell.heard_in),
            StreamKind::Book => self.book.as_ref().map(|cell| &cell.heard_in),
            StreamKind::Candle(frame) => self.candle_cell(frame).map(|cell| &cell.heard_in),
        }
    }
    /// Keeps the value of `event`, if its channel is here.
    pub(super) fn write(&self, event: &FeedEvent) {
        match event {
            FeedEvent::Ticker(ticker) => {
                if let Some(cell) = &self.ticker {
                    cell.slot.write(&ticker_words(ticker));
                }
            }
            FeedEvent::Trade(trade) => {
                if let Some(cell) = &self.trade {
                    cell.write(trade);
                }
            }
            FeedEvent::Book(book) => {
                if let Some(cell) = &self.book {
                    cell.slot.write(&book_words(book));
                }
            }
            FeedEvent::Candle { series, candle, received } => {
                if let Some(cell) = self.candle_cell(series.timeframe) {
                    cell.slot.write(&candle_words(candle, *received));
                }
            }
            // Gaps and lags (and what may come) are not values.
            _ => {}
        }
    }

    /// Whether `event` is the latest trade once more: the same in all but the time we heard of it.
    pub(super) fn is_repeated(&self, event: &FeedEvent) -> bool {
        let FeedEvent::Trade(trade) = event else { return false };
        let latest = self.trade(&trade.symbol);
        latest.is_some_and(|latest| Trade { received: trade.received, ..latest } == *trade)
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

    /// The candle heard of last, and when that was.
    pub(super) fn candle(&self, frame: Timeframe) -> Option<(Candle, Timestamp)> {
        self.candle_cell(frame)?.slot.read().map(|words| candle_from(&words))
    }
}
