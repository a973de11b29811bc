//! The format of Upbit's messages: one struct for each thing, whichever channel it comes by.
//!
//! A trade, a ticker, a book and a candle have the same long names in an answer and in a DEFAULT frame, except
//! for `market` and `code`; SIMPLE frames abbreviate them. So each struct names a field once and lists its
//! other spellings as aliases. Fields nobody reads are not listed, unknown ones are ignored. Texts are borrowed
//! from the message as `Cow`, because a text with an escape in it cannot be borrowed.

use std::borrow::Cow;
use std::fmt;

use market_backbone_core::{Level, Side};
use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};

use crate::capabilities::BOOK_DEPTH;

#[derive(Debug, PartialEq, Deserialize)]
pub(crate) struct TradeRow<'a> {
    #[serde(borrow, alias = "cd", alias = "market")]
    pub(crate) code: Cow<'a, str>,
    /// The time in ms at which it was sent (socket) or happened (answer).
    #[serde(alias = "tms")]
    pub(crate) timestamp: i64,
    /// The time of the trade in ms; whole seconds until 2023. Only on the socket.
    #[serde(default, alias = "ttms")]
    pub(crate) trade_timestamp: Option<i64>,
    #[serde(alias = "tp")]
    pub(crate) trade_price: f64,
    #[serde(alias = "tv")]
    pub(crate) trade_volume: f64,
    #[serde(default, alias = "ab")]
    pub(crate) ask_bid: AskBid,
    #[serde(alias = "sid")]
    pub(crate) sequential_id: i64,
    /// The kind of the message, only on the socket.
    #[serde(default, alias = "st", alias = "stream_type")]
    pub(crate) stream: WireStreamType,
}

/// The kind of a message: `SNAPSHOT` is the state at the time of the subscription, everything else is an
/// update.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum WireStreamType {
    #[default]
    Realtime,
    Snapshot,
}

impl WireStreamType {
    pub(crate) fn parse(word: &[u8]) -> Self {
        if word == b"SNAPSHOT" { Self::Snapshot } else { Self::Realtime }
    }
}

impl<'de> Deserialize<'de> for WireStreamType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word: Option<Cow<'_, str>> = Deserialize::deserialize(deserializer)?;
        Ok(word.map_or(Self::Realtime, |word| Self::parse(word.as_bytes())))
    }
}

#[derive(Debug, PartialEq, Deserialize)]
pub(crate) struct TickerRow<'a> {
    #[serde(borrow, alias = "cd", alias = "market")]
    pub(crate) code: Cow<'a, str>,
    #[serde(alias = "tp")]
    pub(crate) trade_price: f64,
    #[serde(alias = "op")]
    pub(crate) opening_price: f64,
    #[serde(alias = "hp")]
    pub(crate) high_price: f64,
    #[serde(alias = "lp")]
    pub(crate) low_price: f64,
    #[serde(alias = "ttms")]
    pub(crate) trade_timestamp: i64,
    #[serde(alias = "tms")]
    pub(crate) timestamp: i64,
    #[serde(default, alias = "pcp")]
    pub(crate) prev_closing_price: Option<f64>,
    #[serde(default, alias = "tv")]
    pub(crate) trade_volume: Option<f64>,
    #[serde(default, alias = "ab")]
    pub(crate) ask_bid: AskBid,
    #[serde(default, alias = "atv")]
    pub(crate) acc_trade_volume: Option<f64>,
    #[serde(default, alias = "atp")]
    pub(crate) acc_trade_price: Option<f64>,
    #[serde(default, alias = "atv24h")]
    pub(crate) acc_trade_volume_24h: Option<f64>,
    #[serde(default, alias = "atp24h")]
    pub(crate) acc_trade_price_24h: Option<f64>,
}

#[derive(Debug, PartialEq, Deserialize)]
pub(crate) struct CandleRow<'a> {
    #[serde(borrow, alias = "cd", alias = "market")]
    pub(crate) code: Cow<'a, str>,
    /// The open time. `timestamp` may lie after the slot's end and is not read.
    #[serde(borrow, alias = "cdttmu")]
    pub(crate) candle_date_time_utc: Cow<'a, str>,
    #[serde(alias = "op")]
    pub(crate) opening_price: f64,
    #[serde(alias = "hp")]
    pub(crate) high_price: f64,
    #[serde(alias = "lp")]
    pub(crate) low_price: f64,
    #[serde(alias = "tp")]
    pub(crate) trade_price: f64,
    #[serde(alias = "catv")]
    pub(crate) candle_acc_trade_volume: f64,
    #[serde(alias = "catp")]
    pub(crate) candle_acc_trade_price: f64,
    /// The length in minutes, only in pages of minute candles.
    #[serde(default)]
    pub(crate) unit: Option<u32>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct BookRow<'a> {
    #[serde(borrow, alias = "cd", alias = "market")]
    pub(crate) code: Cow<'a, str>,
    #[serde(alias = "tms")]
    pub(crate) timestamp: i64,
    #[serde(default, alias = "tas")]
    pub(crate) total_ask_size: Option<f64>,
    #[serde(default, alias = "tbs")]
    pub(crate) total_bid_size: Option<f64>,
    #[serde(alias = "obu")]
    pub(crate) orderbook_units: BookSides,
}

#[derive(Debug, Deserialize)]
pub(crate) struct MarketRow<'a> {
    #[serde(borrow)]
    pub(crate) market: Cow<'a, str>,
    #[serde(default)]
    pub(crate) korean_name: Option<String>,
    #[serde(default)]
    pub(crate) english_name: Option<String>,
    /// `NONE` or `CAUTION`: the old format, still the only one in the other regions.
    #[serde(default)]
    pub(crate) market_warning: Option<String>,
    #[serde(default)]
    pub(crate) market_event: Option<MarketEvent>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct MarketEvent {
    #[serde(default)]
    pub(crate) warning: bool,
}

#[derive(Debug, Deserialize)]
pub(crate) struct InstrumentRow<'a> {
    #[serde(borrow)]
    pub(crate) market: Cow<'a, str>,
    /// The increment, a number as text.
    #[serde(borrow)]
    pub(crate) tick_size: Cow<'a, str>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct GroupingRow<'a> {
    #[serde(borrow)]
    pub(crate) market: Cow<'a, str>,
    /// The price steps, numbers as text. Books in the other regions cannot be grouped.
    #[serde(default)]
    pub(crate) supported_levels: Vec<String>,
}

/// `{"error":{"name":404,"message":"Code not found"}}`
#[derive(Debug, Deserialize)]
pub(crate) struct ErrorBody {
    pub(crate) error: ErrorDetail,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ErrorDetail {
    #[serde(default)]
    pub(crate) name: Option<ErrorName>,
    #[serde(default)]
    pub(crate) message: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum ErrorName {
    /// The status, as errors of the market-data service repeat it.
    Status(i64),
    /// A word, as errors of the gateway and of the socket have it.
    Text(String),
}

/// The taker side. `ASK`: the taker sold. `BID`: the taker bought. Anything else says nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct AskBid(pub(crate) Option<Side>);

impl AskBid {
    pub(crate) fn parse(word: &[u8]) -> Self {
        Self(match word {
            b"ASK" => Some(Side::Sell),
            b"BID" => Some(Side::Buy),
            _ => None,
        })
    }
}

impl<'de> Deserialize<'de> for AskBid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AskBidVisitor;

        impl Visitor<'_> for AskBidVisitor {
            type Value = AskBid;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("ASK or BID")
            }

            fn visit_str<E>(self, word: &str) -> Result<AskBid, E> {
                Ok(AskBid::parse(word.as_bytes()))
            }

            fn visit_unit<E>(self) -> Result<AskBid, E> {
                Ok(AskBid(None))
            }
        }

        deserializer.deserialize_any(AskBidVisitor)
    }
}

/// The two sides of a book, separated while reading: unit k pairs the k-th best ask and bid.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct BookSides {
    pub(crate) asks: Vec<Level>,
    pub(crate) bids: Vec<Level>,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct BookUnit {
    #[serde(alias = "ap")]
    pub(crate) ask_price: Option<f64>,
    #[serde(alias = "as")]
    pub(crate) ask_size: Option<f64>,
    #[serde(alias = "bp")]
    pub(crate) bid_price: Option<f64>,
    #[serde(alias = "bs")]
    pub(crate) bid_size: Option<f64>,
}

impl<'de> Deserialize<'de> for BookSides {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct BookUnitsVisitor;

        impl<'de> Visitor<'de> for BookUnitsVisitor {
            type Value = BookSides;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of order book units")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut units: A) -> Result<BookSides, A::Error> {
                let mut sides = BookSides::with_max_levels();
                while let Some(unit) = units.next_element::<BookUnit>()? {
                    sides.push(&unit);
                }
                Ok(sides)
            }
        }

        deserializer.deserialize_seq(BookUnitsVisitor)
    }
}

impl BookSides {
    /// Returns sides without levels, with capacity for the most levels that Upbit shows.
    pub(crate) fn with_max_levels() -> Self {
        let levels = BOOK_DEPTH as usize;
        Self { asks: Vec::with_capacity(levels), bids: Vec::with_capacity(levels) }
    }

    pub(crate) fn push(&mut self, unit: &BookUnit) {
        self.asks.extend(level(unit.ask_price, unit.ask_size));
        self.bids.extend(level(unit.bid_price, unit.bid_size));
    }
}

/// Returns a level. A thin side is padded with price 0 to the depth of the other; padding is not a level.
pub(crate) fn level(price: Option<f64>, size: Option<f64>) -> Option<Level> {
    let (price, size) = (price?, size?);
    (price > 0.0).then_some(Level { price, size })
}
