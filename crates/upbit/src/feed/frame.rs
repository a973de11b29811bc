//! Reads frames. This is the hot path: thousands a second, each a few hundred bytes.
//!
//! The type stands first in every frame seen, so the first bytes choose the struct, and no tagged enum has to
//! be tried. The message is then read by [`compact`](super::compact), which takes it as bytes, by [`scan`] where that
//! gives up, and by serde where both do. A valid message allocates nothing.

use std::borrow::Cow;
use std::sync::Arc;

use market_backbone_core::{
    ControlMessage, FeedEvent, FrameDecoder, FrameError, FrameOutcome, OrderBook, Series, SourceErrorKind,
    Symbol, SymbolTable, Timeframe, Timestamp,
};
use market_backbone_venue_kit::{CommaIndex, excerpt, frame_text, parse_frame as parse};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::compact::{CompactMessage, CompactTopic, TradeHead};
use super::scan;
use crate::decode::{books, candles, tickers, trades};
use crate::naming::stream_timeframe;
use crate::wire::{BookRow, CandleRow, ErrorDetail, ErrorName, TickerRow, TradeRow, WireStreamType};

/// Reads the frames of any connection: each stands for itself.
#[derive(Debug, Default)]
pub(crate) struct UpbitFrames {
    /// The memory for the commas of a message.
    index: CommaIndex,
}

impl FrameDecoder for UpbitFrames {
    fn decode(
        &mut self,
        frame: &[u8],
        received: Timestamp,
        symbols: &SymbolTable,
        events: &mut Vec<FeedEvent>,
    ) -> Result<FrameOutcome, FrameError> {
        let mut reader = FrameReader { received, symbols, events, outcome: FrameOutcome::default() };
        if reader.compact(frame, &mut self.index).is_some() {
            return Ok(reader.outcome);
        }
        let text = frame_text(frame)?;
        if text.trim_start().starts_with('[') {
            reader.list(text)?;
        } else {
            reader.message(text)?;
        }
        Ok(reader.outcome)
    }
}

struct FrameReader<'s> {
    received: Timestamp,
    symbols: &'s SymbolTable,
    events: &'s mut Vec<FeedEvent>,
    outcome: FrameOutcome,
}

/// The topic of a message.
#[derive(Clone, Copy)]
enum Topic {
    Trade,
    Ticker,
    Book,
    Candle(Timeframe),
}

impl Topic {
    fn named(name: &str) -> Option<Self> {
        match name {
            "trade" => Some(Self::Trade),
            "ticker" => Some(Self::Ticker),
            "orderbook" => Some(Self::Book),
            _ => name.strip_prefix("candle.").and_then(stream_timeframe).map(Self::Candle),
        }
    }

    /// Returns the topic of a message that begins with it.
    fn peek(text: &str) -> Option<Self> {
        let name = text.strip_prefix("{\"ty\":\"").or_else(|| text.strip_prefix("{\"type\":\""))?;
        Self::named(&name[..name.find('"')?])
    }
}

/// The fields that any message may have, in any order.
#[derive(Deserialize)]
struct MessageHeader<'a> {
    #[serde(borrow, default, alias = "ty")]
    r#type: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    status: Option<Cow<'a, str>>,
    #[serde(default)]
    error: Option<ErrorDetail>,
}

impl FrameReader<'_> {
    /// Reads a frame that is one message of today's fields about a market that is subscribed; `None` for any other.
    #[inline(always)]
    fn compact(&mut self, frame: &[u8], index: &mut CommaIndex) -> Option<()> {
        self.compact_trade(frame, index).or_else(|| self.compact_message(frame, index))
    }

    #[inline(always)]
    fn compact_trade(&mut self, frame: &[u8], index: &mut CommaIndex) -> Option<()> {
        let head = TradeHead::read(frame)?;
        let symbol = self.symbols.get_bytes(head.code)?;
        let row = head.finish(symbol.code(), index)?;
        self.add(trade_event(&row, symbol, self.received));
        Some(())
    }

    fn compact_message(&mut self, frame: &[u8], index: &mut CommaIndex) -> Option<()> {
        let (topic, code, message) = CompactMessage::begin(frame, index)?;
        let (symbol, received) = (self.symbols.get_bytes(code)?, self.received);
        let event = match topic {
            CompactTopic::Trade => trade_event(&message.trade(symbol.code())?, symbol, received),
            CompactTopic::Ticker => ticker_event(&message.ticker(symbol.code())?, symbol, received),
            CompactTopic::Book => {
                let fill = |book: &mut OrderBook| {
                    book.received = received;
                    message.fill(book)
                };
                Some(FeedEvent::Book(self.symbols.book(symbol, fill)?))
            }
        };
        self.add(event);
        Some(())
    }

    /// The LIST formats wrap messages in a list.
    fn list(&mut self, text: &str) -> Result<(), FrameError> {
        let messages: Vec<&RawValue> = parse(text)?;
        for message in messages {
            if self.message(message.get()).is_err() {
                self.outcome.dropped += 1;
            }
        }
        Ok(())
    }

    fn message(&mut self, text: &str) -> Result<(), FrameError> {
        match Topic::peek(text) {
            Some(topic) => self.data(topic, text),
            None => self.decode_by_header(text),
        }
    }

    fn decode_by_header(&mut self, text: &str) -> Result<(), FrameError> {
        let head: MessageHeader<'_> = parse(text)?;
        if let Some(reason) = head.error {
            self.outcome.control = Some(refused_control(reason));
        } else if let Some(topic) = head.r#type.as_deref().and_then(Topic::named) {
            self.data(topic, text)?;
        } else if head.status.as_deref() == Some("UP") {
            self.outcome.control = Some(ControlMessage::Heartbeat);
        } else {
            self.outcome.dropped += 1;
        }
        Ok(())
    }

    fn data(&mut self, topic: Topic, text: &str) -> Result<(), FrameError> {
        match topic {
            Topic::Trade => {
                let row = TradeRow::scan(text).map_or_else(|| parse(text), Ok)?;
                self.push(&row.code, |symbol, at| trade_event(&row, symbol, at));
            }
            Topic::Ticker => {
                let row = TickerRow::scan(text).map_or_else(|| parse(text), Ok)?;
                self.push(&row.code, |symbol, at| ticker_event(&row, symbol, at));
            }
            Topic::Candle(timeframe) => {
                let row = CandleRow::scan(text).map_or_else(|| parse(text), Ok)?;
                self.push(&row.code, |symbol, received| {
                    let series = Series::new(symbol.clone(), timeframe);
                    Some(FeedEvent::Candle {
                        series,
                        candle: candles::valid_candle(&row, timeframe)?,
                        received,
                    })
                });
            }
            Topic::Book => self.book(text)?,
        }
        Ok(())
    }

    /// Reads a book. The code is looked up first, so that a book that nobody reads any more can be filled in
    /// place.
    fn book(&mut self, text: &str) -> Result<(), FrameError> {
        let received = self.received;
        let filled = scan::code(text).and_then(|code| self.symbols.get(code)).and_then(|symbol| {
            self.symbols.book(symbol, |book| {
                book.received = received;
                scan::fill(book, text)
            })
        });
        if let Some(book) = filled {
            self.events.push(FeedEvent::Book(book));
            return Ok(());
        }
        let mut row: BookRow<'_> = parse(text)?;
        let code = std::mem::take(&mut row.code);
        self.push(&code, |symbol, at| Some(FeedEvent::Book(Arc::new(books::book(row, symbol.clone(), at)))));
        Ok(())
    }

    /// Appends the event of a market that is subscribed, if its figures are possible.
    fn push(&mut self, code: &str, event: impl FnOnce(&Symbol, Timestamp) -> Option<FeedEvent>) {
        let event = self.symbols.get(code).and_then(|symbol| event(symbol, self.received));
        self.add(event);
    }

    #[inline(always)]
    fn add(&mut self, event: Option<FeedEvent>) {
        match event {
            Some(event) => self.events.push(event),
            None => self.outcome.dropped += 1,
        }
    }
}

#[inline(always)]
fn trade_event(row: &TradeRow<'_>, symbol: &Symbol, received: Timestamp) -> Option<FeedEvent> {
    let trade = trades::trade(row, symbol, received)?;
    Some(match row.stream {
        WireStreamType::Realtime => FeedEvent::Trade(trade),
        WireStreamType::Snapshot => FeedEvent::Snapshot(trade),
    })
}

#[inline(always)]
fn ticker_event(row: &TickerRow<'_>, symbol: &Symbol, received: Timestamp) -> Option<FeedEvent> {
    tickers::ticker(row, symbol, received).map(FeedEvent::Ticker)
}

/// A refused request is refused again, except where there were only too many.
fn refused_control(reason: ErrorDetail) -> ControlMessage {
    let name = match reason.name {
        Some(ErrorName::Text(word)) => word,
        Some(ErrorName::Status(status)) => status.to_string(),
        None => "no name".to_owned(),
    };
    let terminal = matches!(
        name.as_str(),
        "WRONG_FORMAT" | "NO_TYPE" | "NO_CODES" | "INVALID_PARAM" | "NO_TICKET" | "INVALID_AUTH"
    );
    let kind = match name.as_str() {
        "INVALID_AUTH" => SourceErrorKind::Unauthorized,
        _ if terminal => SourceErrorKind::BadRequest,
        _ => SourceErrorKind::Throttled(None),
    };
    let words = reason.message.unwrap_or_default();
    ControlMessage::Refused { message: excerpt(format!("{name}: {words}").as_bytes()), kind, terminal }
}
