//! Reads frames. This is the hot path: a frame is a list of up to thousands of events of all kinds.
//!
//! Each trade is read by [`compact`](super::compact), other events and unusual ones by [`scan`](super::scan), and by serde
//! where that gives up. A bad one is counted and its
//! neighbours are read; only where a frame is no JSON is what follows lost. Neither a trade nor a bar allocates anything.

use market_backbone_core::{
    BandIndicators, Candle, Channel, ControlMessage, FeedEvent, FrameDecoder, FrameError, FrameOutcome,
    PriceBand, Secret, Series, StreamKind, SymbolTable, Timeframe, Timestamp, Trade, VenueId,
};
use market_backbone_venue_kit::{CommaIndex, amount, frame_text, parse_frame as parse};

use super::compact::{CompactFrame, CompactTrade};
use super::elements::{channel, element, timestamp_of_any_unit};
use super::scan::{ScannedEvent, event};
use super::{confirmed_channel, control};
use crate::capabilities::GRID;
use crate::decode::books::level;
use crate::error::redacted;
use crate::naming::{TradeIdParts, channel_kind};
use crate::wire::{AggregateEvent, BandEvent, MessageHeader, QuoteEvent, StatusEvent, TradeEvent};

/// Reads the frames of any connection: each stands for itself.
#[derive(Debug)]
pub(crate) struct MassiveFrames {
    pub(crate) source: VenueId,
    /// What no message may repeat.
    pub(crate) key: Secret,
    /// The memory for the commas of a frame.
    pub(crate) index: CommaIndex,
}

impl FrameDecoder for MassiveFrames {
    fn decode(
        &mut self,
        frame: &[u8],
        received: Timestamp,
        symbols: &SymbolTable,
        events: &mut Vec<FeedEvent>,
    ) -> Result<FrameOutcome, FrameError> {
        let mut reader = FrameReader::new(self.source, received, symbols, events);
        reader.read(frame, &mut self.index)?;
        let mut outcome = reader.outcome();
        if let Some(
            ControlMessage::Refused { message, .. }
            | ControlMessage::Evicted { message, .. }
            | ControlMessage::TooSlow { message },
        ) = &mut outcome.control
        {
            *message = redacted(message, &self.key);
        }
        Ok(outcome)
    }
}

struct FrameReader<'s> {
    source: VenueId,
    received: Timestamp,
    symbols: &'s SymbolTable,
    events: &'s mut Vec<FeedEvent>,
    dropped: u32,
    confirmed: Vec<Channel>,
    control: Option<ControlMessage>,
}

impl<'s> FrameReader<'s> {
    fn new(
        source: VenueId,
        received: Timestamp,
        symbols: &'s SymbolTable,
        events: &'s mut Vec<FeedEvent>,
    ) -> Self {
        Self { source, received, symbols, events, dropped: 0, confirmed: Vec::new(), control: None }
    }

    fn read(&mut self, frame: &[u8], index: &mut CommaIndex) -> Result<(), FrameError> {
        let text = frame_text(frame)?.trim();
        if text.starts_with('[') {
            let mut compact = CompactFrame::new(text, index.positions(text.as_bytes()));
            self.list(text, &mut compact)
        } else {
            self.decode_with_serde(text)
        }
    }

    /// Returns what the frame says of the connection: a refusal goes before what was confirmed.
    fn outcome(self) -> FrameOutcome {
        let confirmed = (!self.confirmed.is_empty()).then_some(ControlMessage::Confirmed(self.confirmed));
        FrameOutcome { dropped: self.dropped, control: self.control.or(confirmed) }
    }

    fn list(&mut self, list: &str, compact: &mut CompactFrame<'_, '_>) -> Result<(), FrameError> {
        let mut rest = &list[1..];
        let mut any = false;
        loop {
            rest = match self.event(list, rest, compact) {
                Some(after) => after,
                None if rest.trim_start().starts_with(']') => return Ok(()),
                None => match element(rest) {
                    Ok((raw, after)) => {
                        if self.decode_with_serde(raw.get()).is_err() {
                            self.dropped += 1;
                        }
                        after
                    }
                    Err(error) if !any => return Err(error),
                    Err(_) => {
                        self.dropped += 1;
                        return Ok(());
                    }
                },
            };
            any = true;
            let Some(next) = rest.strip_prefix(',').or_else(|| rest.trim_start().strip_prefix(',')) else {
                return Ok(());
            };
            rest = next;
        }
    }

    /// Reads the event at the beginning of `rest` by one of the fast readers, and returns what follows it in `list`.
    fn event<'a>(
        &mut self,
        list: &'a str,
        rest: &'a str,
        compact: &mut CompactFrame<'_, '_>,
    ) -> Option<&'a str> {
        if let Some((trade, end)) = compact.trade(list.len() - rest.len()) {
            self.push_trade(&trade);
            return list.get(end..);
        }
        let (event, after) = event(rest)?;
        self.push_scanned(event);
        Some(after)
    }

    fn push_scanned(&mut self, event: ScannedEvent<'_>) {
        match event {
            ScannedEvent::Trade(row) => self.trade(&row),
            ScannedEvent::Bar(timeframe, row) => self.bar(timeframe, &row),
            ScannedEvent::Quote(row) => self.quote(&row),
        }
    }

    /// Reads one event by serde. Kinds that nobody can subscribe to here (auction imbalances, estimates) are
    /// skipped.
    fn decode_with_serde(&mut self, text: &str) -> Result<(), FrameError> {
        let head: MessageHeader<'_> = parse(text)?;
        match (&*head.ev, channel_kind(&head.ev)) {
            ("status", _) => self.status(&parse::<StatusEvent<'_>>(text)?),
            (_, Some(StreamKind::Trade)) => self.trade(&parse(text)?),
            (_, Some(StreamKind::Book)) => self.quote(&parse(text)?),
            (_, Some(StreamKind::Candle(timeframe))) => self.bar(timeframe, &parse(text)?),
            (_, Some(StreamKind::Band)) => self.band(&parse(text)?),
            ("NOI" | "FMV" | "LV", _) => {}
            _ => self.dropped += 1,
        }
        Ok(())
    }

    fn status(&mut self, row: &StatusEvent<'_>) {
        if let Some(name) = confirmed_channel(row) {
            self.confirmed.extend(channel(self.source, name, self.symbols));
        } else if let Some(control) = control(row) {
            self.control = Some(control);
        }
    }

    fn trade(&mut self, row: &TradeEvent<'_>) {
        self.push_trade(&CompactTrade {
            sym: &row.sym,
            x: row.x,
            i: &row.i,
            p: row.p,
            size: amount(row.ds.as_deref(), row.s),
            t: row.t,
            q: row.q,
            trfi: row.trfi.unwrap_or(0),
        });
    }

    fn push_trade(&mut self, row: &CompactTrade<'_>) {
        let sound = row.p > 0.0 && row.p.is_finite() && row.size >= 0.0;
        let symbol = self.symbols.resolve(row.sym).filter(|_| sound);
        self.push(symbol.map(|symbol| {
            let name = TradeIdParts {
                millis: row.t,
                sequence: row.q,
                exchange: row.x,
                facility: row.trfi,
                id: row.i,
            };
            FeedEvent::Trade(Trade {
                symbol,
                id: name.to_id(),
                price: row.p,
                size: row.size,
                side: None,
                time: Timestamp::from_millis(row.t),
                received: self.received,
            })
        }));
    }

    /// Reads a bar. The same bar comes again when trades were reported late, and replaces the one before.
    fn bar(&mut self, timeframe: Timeframe, row: &AggregateEvent<'_>) {
        let volume = amount(row.dv.as_deref(), Some(row.v));
        let candle = Candle {
            open_time: Timestamp::from_millis(row.s),
            open: row.o,
            high: row.h,
            low: row.l,
            close: row.c,
            volume,
            turnover: volume * row.vw.unwrap_or(row.c),
            is_final: false,
        };
        let sound = candle.is_valid() && GRID.is_open_time(timeframe, candle.open_time);
        let symbol = self.symbols.resolve(&row.sym).filter(|_| sound);
        self.push(symbol.map(|symbol| FeedEvent::Candle {
            series: Series::new(symbol, timeframe),
            candle,
            received: self.received,
        }));
    }

    fn quote(&mut self, row: &QuoteEvent<'_>) {
        let received = self.received;
        let book = self.symbols.resolve(&row.sym).and_then(|symbol| {
            self.symbols.book(&symbol, |book| {
                book.asks.extend(level(row.ap, row.ask_size));
                book.bids.extend(level(row.bp, row.bs));
                (book.total_ask_size, book.total_bid_size) = (None, None);
                (book.time, book.received) = (Timestamp::from_millis(row.t), received);
                Some(())
            })
        });
        self.push(book.map(FeedEvent::Book));
    }

    fn band(&mut self, row: &BandEvent<'_>) {
        let sound = row.l >= 0.0 && row.h.is_finite() && (row.h >= row.l || row.h == 0.0);
        let symbol = self.symbols.resolve(&row.sym).filter(|_| sound);
        self.push(symbol.map(|symbol| {
            FeedEvent::Band(PriceBand {
                symbol,
                low: row.l,
                high: row.h,
                indicators: BandIndicators::new(row.i.iter().copied()),
                time: timestamp_of_any_unit(row.t),
                received: self.received,
            })
        }));
    }

    /// Appends the event of a market that is subscribed, if its figures are possible.
    fn push(&mut self, event: Option<FeedEvent>) {
        match event {
            Some(event) => self.events.push(event),
            None => self.dropped += 1,
        }
    }
}
