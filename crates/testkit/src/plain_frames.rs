//! The frames of the plain venue: what each word means.

use std::sync::Arc;
use std::time::Duration;

use market_backbone_core::{
    BandIndicators, Candle, ControlMessage, FeedEvent, FrameDecoder, FrameError, FrameOutcome, PriceBand,
    Series, SourceErrorKind, StreamKind, Symbol, SymbolTable, Ticker, Timeframe, Timestamp, Trade,
};

use crate::{channel, flat_candle, symbol, ticker, top_of_book, trade};

/// A decoder that counts the frames of its connection.
#[derive(Debug)]
pub(crate) struct PlainFrames {
    frames: u32,
    undated: Option<Timestamp>,
}

impl PlainFrames {
    /// Creates a decoder that gives events without a time the time `undated`, or else that of their arrival.
    pub(crate) const fn new(undated: Option<Timestamp>) -> Self {
        Self { frames: 0, undated }
    }

    fn element(
        &self,
        words: &[&str],
        received: Timestamp,
        symbols: &SymbolTable,
        events: &mut Vec<FeedEvent>,
        outcome: &mut FrameOutcome,
    ) -> Result<(), FrameError> {
        let dated = Dated { received, undated: self.undated.unwrap_or(received) };
        match words {
            ["count", code, millis] => {
                let (count, symbol) = (self.frames.to_string(), symbol(code));
                events.extend(dated.event("ticker", &symbol, &[&count, millis]));
            }
            [kind, code, rest @ ..] if KINDS.contains(kind) => {
                match symbols.resolve(code).and_then(|symbol| dated.event(kind, &symbol, rest)) {
                    Some(event) => events.push(event),
                    None => outcome.dropped += 1,
                }
            }
            words => outcome.control = Some(control(words)?),
        }
        Ok(())
    }
}

const KINDS: [&str; 5] = ["trade", "ticker", "book", "band", "candle"];

impl FrameDecoder for PlainFrames {
    fn decode(
        &mut self,
        frame: &[u8],
        received: Timestamp,
        symbols: &SymbolTable,
        events: &mut Vec<FeedEvent>,
    ) -> Result<FrameOutcome, FrameError> {
        let text = std::str::from_utf8(frame).map_err(|error| FrameError(error.to_string()))?;
        let mut outcome = FrameOutcome::default();
        self.frames += 1;
        for element in text.split(';') {
            let words: Vec<_> = element.split_whitespace().collect();
            self.element(&words, received, symbols, events, &mut outcome)?;
        }
        Ok(outcome)
    }
}

fn control(words: &[&str]) -> Result<ControlMessage, FrameError> {
    let unreadable = || FrameError(format!("`{}`", words.join(" ")));
    Ok(match words {
        ["hello"] => ControlMessage::LoginPrompt,
        ["ready"] => ControlMessage::LoggedIn,
        ["slow"] => ControlMessage::TooSlow { message: "slow".to_owned() },
        ["evict", millis] => {
            let wait = Duration::from_millis(millis.parse().map_err(|_| unreadable())?);
            ControlMessage::Evicted { message: "evicted".to_owned(), wait }
        }
        ["confirm", codes @ ..] => {
            ControlMessage::Confirmed(codes.iter().map(|code| channel(code, StreamKind::Trade)).collect())
        }
        ["refuse", how] => {
            let (terminal, kind) = (*how == "always", SourceErrorKind::BadRequest);
            ControlMessage::Refused { message: "refused".to_owned(), kind, terminal }
        }
        _ => return Err(unreadable()),
    })
}

/// The times of an event that names none.
struct Dated {
    received: Timestamp,
    undated: Timestamp,
}

impl Dated {
    fn event(&self, kind: &str, symbol: &Symbol, words: &[&str]) -> Option<FeedEvent> {
        let (symbol, received) = (symbol.clone(), self.received);
        Some(match (kind, words) {
            ("trade", [id, price, time @ ..]) => {
                let trade = trade(symbol, id.parse().ok()?, price.parse().ok()?, self.moment(time)?);
                FeedEvent::Trade(Trade { received, ..trade })
            }
            ("ticker", [price, time @ ..]) => {
                let ticker = ticker(symbol, price.parse().ok()?, self.moment(time)?);
                FeedEvent::Ticker(Ticker { received, ..ticker })
            }
            ("book", [ask]) => {
                let mut book = top_of_book(symbol, ask.parse().ok()?, 10, self.undated);
                book.received = received;
                FeedEvent::Book(Arc::new(book))
            }
            ("band", [low, high, time @ ..]) => FeedEvent::Band(PriceBand {
                symbol,
                low: low.parse().ok()?,
                high: high.parse().ok()?,
                indicators: BandIndicators::new([17]),
                time: self.moment(time)?,
                received,
            }),
            ("candle", [open_time, price, volume @ ..]) => {
                let volume = volume.first().map_or(Some(1.0), |volume| volume.parse().ok())?;
                let candle = flat_candle(Timestamp::from_secs(open_time.parse().ok()?), price.parse().ok()?);
                let series = Series::new(symbol, Timeframe::M1);
                FeedEvent::Candle { series, candle: Candle { volume, ..candle }, received }
            }
            _ => return None,
        })
    }

    /// The venue's time, if the event names one.
    fn moment(&self, words: &[&str]) -> Option<Timestamp> {
        match words {
            [] => Some(self.undated),
            [millis] => Some(Timestamp::EPOCH.plus(Duration::from_millis(millis.parse().ok()?))),
            _ => None,
        }
    }
}
