//! Trades, tickers, books and price bands.

use serde::{Deserialize, Serialize};

use super::spelt_as;
use crate::{
    BandIndicators, Instrument, Level, OrderBook, PriceBand, Side, Symbol, SymbolError, Ticker, Timestamp,
    Trade, TradeId, VenueId,
};

#[derive(Serialize, Deserialize)]
pub(super) struct TradeForm {
    venue: VenueId,
    symbol: String,
    time: Timestamp,
    received: Timestamp,
    price: f64,
    size: f64,
    side: Option<Side>,
    id: TradeId,
}

impl From<&Trade> for TradeForm {
    fn from(trade: &Trade) -> Self {
        let Trade { symbol, id, price, size, side, time, received } = trade;
        Self {
            venue: symbol.venue(),
            symbol: symbol.code().to_owned(),
            time: *time,
            received: *received,
            price: *price,
            size: *size,
            side: *side,
            id: id.clone(),
        }
    }
}

impl TryFrom<TradeForm> for Trade {
    type Error = SymbolError;

    fn try_from(form: TradeForm) -> Result<Self, SymbolError> {
        let TradeForm { venue, symbol, time, received, price, size, side, id } = form;
        Ok(Self { symbol: Symbol::new(venue, &symbol)?, id, price, size, side, time, received })
    }
}

spelt_as!(Trade, TradeForm);

#[derive(Serialize, Deserialize)]
pub(super) struct TickerForm {
    venue: VenueId,
    symbol: String,
    time: Timestamp,
    received: Timestamp,
    price: f64,
    open: f64,
    high: f64,
    low: f64,
    previous_close: f64,
    /// Follows from the others; written for whoever reads it by eye.
    #[serde(skip_deserializing)]
    change_rate: f64,
    size: f64,
    side: Option<Side>,
    day_volume: f64,
    day_turnover: f64,
    volume_24h: f64,
    turnover_24h: f64,
    trade_time: Timestamp,
}

impl From<&Ticker> for TickerForm {
    fn from(ticker: &Ticker) -> Self {
        Self {
            venue: ticker.symbol.venue(),
            symbol: ticker.symbol.code().to_owned(),
            time: ticker.time,
            received: ticker.received,
            price: ticker.price,
            open: ticker.open,
            high: ticker.high,
            low: ticker.low,
            previous_close: ticker.previous_close,
            change_rate: ticker.change_rate(),
            size: ticker.size,
            side: ticker.side,
            day_volume: ticker.day_volume,
            day_turnover: ticker.day_turnover,
            volume_24h: ticker.volume_24h,
            turnover_24h: ticker.turnover_24h,
            trade_time: ticker.trade_time,
        }
    }
}

impl TryFrom<TickerForm> for Ticker {
    type Error = SymbolError;

    fn try_from(form: TickerForm) -> Result<Self, SymbolError> {
        Ok(Self {
            symbol: Symbol::new(form.venue, &form.symbol)?,
            price: form.price,
            open: form.open,
            high: form.high,
            low: form.low,
            previous_close: form.previous_close,
            size: form.size,
            side: form.side,
            day_volume: form.day_volume,
            day_turnover: form.day_turnover,
            volume_24h: form.volume_24h,
            turnover_24h: form.turnover_24h,
            trade_time: form.trade_time,
            time: form.time,
            received: form.received,
        })
    }
}

spelt_as!(Ticker, TickerForm);

/// A level as a pair: the price, then the size.
#[derive(Serialize, Deserialize)]
struct LevelForm(f64, f64);

impl From<&Level> for LevelForm {
    fn from(level: &Level) -> Self {
        Self(level.price, level.size)
    }
}

impl From<LevelForm> for Level {
    fn from(LevelForm(price, size): LevelForm) -> Self {
        Self { price, size }
    }
}

spelt_as!(Level, LevelForm);

#[derive(Serialize, Deserialize)]
pub(super) struct BookForm {
    venue: VenueId,
    symbol: String,
    time: Timestamp,
    received: Timestamp,
    asks: Vec<Level>,
    bids: Vec<Level>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    total_ask_size: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    total_bid_size: Option<f64>,
}

impl From<&OrderBook> for BookForm {
    fn from(book: &OrderBook) -> Self {
        Self {
            venue: book.symbol.venue(),
            symbol: book.symbol.code().to_owned(),
            time: book.time,
            received: book.received,
            asks: book.asks.clone(),
            bids: book.bids.clone(),
            total_ask_size: book.total_ask_size,
            total_bid_size: book.total_bid_size,
        }
    }
}

impl TryFrom<BookForm> for OrderBook {
    type Error = SymbolError;

    fn try_from(form: BookForm) -> Result<Self, SymbolError> {
        let BookForm { venue, symbol, time, received, asks, bids, total_ask_size, total_bid_size } = form;
        let symbol = Symbol::new(venue, &symbol)?;
        Ok(Self { symbol, asks, bids, total_ask_size, total_bid_size, time, received })
    }
}

spelt_as!(OrderBook, BookForm);

#[derive(Serialize, Deserialize)]
pub(super) struct BandForm {
    venue: VenueId,
    symbol: String,
    time: Timestamp,
    received: Timestamp,
    low: f64,
    high: f64,
    indicators: Vec<u32>,
}

impl From<&PriceBand> for BandForm {
    fn from(band: &PriceBand) -> Self {
        let PriceBand { symbol, low, high, indicators, time, received } = band;
        Self {
            venue: symbol.venue(),
            symbol: symbol.code().to_owned(),
            time: *time,
            received: *received,
            low: *low,
            high: *high,
            indicators: indicators.iter().collect(),
        }
    }
}

impl TryFrom<BandForm> for PriceBand {
    type Error = SymbolError;

    fn try_from(form: BandForm) -> Result<Self, SymbolError> {
        let BandForm { venue, symbol, time, received, low, high, indicators } = form;
        let (symbol, indicators) = (Symbol::new(venue, &symbol)?, BandIndicators::new(indicators));
        Ok(Self { symbol, low, high, indicators, time, received })
    }
}

spelt_as!(PriceBand, BandForm);

#[derive(Serialize, Deserialize)]
struct InstrumentForm {
    venue: VenueId,
    symbol: String,
    base: String,
    quote: String,
    name: String,
    local_name: Option<String>,
    warning: bool,
}

impl From<&Instrument> for InstrumentForm {
    fn from(instrument: &Instrument) -> Self {
        let Instrument { symbol, base, quote, name, local_name, warning } = instrument.clone();
        let (venue, symbol) = (symbol.venue(), symbol.code().to_owned());
        Self { venue, symbol, base, quote, name, local_name, warning }
    }
}

impl TryFrom<InstrumentForm> for Instrument {
    type Error = SymbolError;

    fn try_from(form: InstrumentForm) -> Result<Self, SymbolError> {
        let InstrumentForm { venue, symbol, base, quote, name, local_name, warning } = form;
        Ok(Self { symbol: Symbol::new(venue, &symbol)?, base, quote, name, local_name, warning })
    }
}

spelt_as!(Instrument, InstrumentForm);
