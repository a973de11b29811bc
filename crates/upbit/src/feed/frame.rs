//! Reads frames. This is the hot path: thousands a second, each a few hundred bytes.
//!
//! The type stands first in every frame seen, so the first bytes choose the struct, and no tagged enum has to
//! be tried. The message is then read by [`compact`](super::compact), by [`scan`] where that gives up, and by serde where
//! both do. A valid message allocates nothing.

use std::borrow::Cow;
use std::sync::Arc;

use market_backbone_core::{
    ControlMessage, FeedEvent, FrameDecoder, FrameError, FrameOutcome, Series, SourceErrorKind, Symbol,
    SymbolTable, Timeframe, Timestamp,
};
use market_backbone_venue_kit::{CommaIndex, excerpt, frame_text, parse_frame as parse};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::compact::CompactMessage;
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
        let text = frame_text(frame)?;
        let (index, outcome) = (&mut self.index, FrameOutcome::default());
        let mut reader = FrameReader { received, symbols, events, index, outcome };
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
    index: &'s mut CommaIndex,
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
                let fast = CompactMessage::begin(text, self.index);
                let fast =
                    fast.and_then(|(code, message)| message.trade(code)).or_else(|| TradeRow::scan(text));
                let row = fast.map_or_else(|| parse(text), Ok)?;
                self.push(&row.code, |symbol, at| {
                    let trade = trades::trade(&row, symbol, at)?;
                    Some(match row.stream {
                        WireStreamType::Realtime => FeedEvent::Trade(trade),
                        WireStreamType::Snapshot => FeedEvent::Snapshot(trade),
                    })
                });
            }
            Topic::Ticker => {
                let fast = CompactMessage::begin(text, self.index);
                let fast =
                    fast.and_then(|(code, message)| message.ticker(code)).or_else(|| TickerRow::scan(text));
                let row = fast.map_or_else(|| parse(text), Ok)?;
                self.push(&row.code, |symbol, at| {
                    Some(FeedEvent::Ticker(tickers::ticker(&row, symbol, at)?))
                });
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
        let compact = CompactMessage::begin(text, self.index).and_then(|(code, message)| {
            let symbol = self.symbols.get(code)?;
            self.symbols.book(symbol, |book| {
                book.received = received;
                message.fill(book)
            })
        });
        let filled = compact.or_else(|| {
            let symbol = self.symbols.get(scan::code(text)?)?;
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
        match self.symbols.get(code).and_then(|symbol| event(symbol, self.received)) {
            Some(event) => self.events.push(event),
            None => self.outcome.dropped += 1,
        }
    }
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
