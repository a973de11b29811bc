//! Decodes frames into the cache and the readers' queues, without an allocation for frames that hold nothing
//! new in kind.

use std::sync::Arc;

use std::time::Duration;

use market_backbone_core::{Channel, ControlMessage, FeedEvent, FutureEventFilter, SymbolTable, Timestamp};

use crate::live::cache::stale_filter::FrameArrival;
use crate::live::link::Link;
use crate::live::state::LiveState;

/// A decoder of the frames of one connection.
#[derive(Debug)]
pub(in crate::live) struct Decoder {
    /// The connection whose frames are decoded.
    pub(in crate::live) link: Arc<Link>,
    /// The symbols of subscribed channels. They are never removed: frames may still arrive after a channel
    /// was unsubscribed.
    symbols: SymbolTable,
    events: Vec<FeedEvent>,
    horizon: FutureEventFilter,
    /// True if any event was delivered.
    pub(in crate::live) delivered: bool,
}

impl Decoder {
    /// Creates a decoder that accepts timestamps up to `ahead` in the future.
    pub(in crate::live) fn new(link: Arc<Link>, ahead: Duration) -> Self {
        let horizon = FutureEventFilter::new(ahead);
        Self { link, symbols: SymbolTable::default(), events: Vec::new(), horizon, delivered: false }
    }

    /// Registers the symbols of `channels`, which frames may now contain.
    pub(in crate::live) fn add_symbols(&mut self, channels: &[Channel]) {
        for channel in channels {
            if self.symbols.get(channel.symbol.code()).is_none() {
                self.symbols.insert(channel.symbol.clone());
            }
        }
    }

    /// Returns the number of events in the last frame.
    pub(in crate::live) fn event_count(&self) -> usize {
        self.events.len()
    }

    /// Decodes one frame and delivers its events.
    ///
    /// What cannot be decoded is counted and does not end the connection: the next frame may be valid.
    pub(in crate::live) fn read(
        &mut self,
        state: &LiveState,
        frame: &[u8],
        received: Timestamp,
    ) -> Option<ControlMessage> {
        state.counters.frames.add(1);
        self.events.clear();
        let outcome = state.venue.decode_frame(frame, received, &self.symbols, &mut self.events);
        self.link.record_decoded(!self.events.is_empty());
        let arrival = FrameArrival { connection: self.link.number, millis: self.link.last_frame_millis() };
        self.drop_future_events(state, received);
        for event in &self.events {
            state.deliver(event, arrival, received);
        }
        if let Some(latest) = self.events.iter().filter_map(trade_time).max() {
            self.link.advance_venue_time(latest);
            if let Some(time) = &state.time {
                time.on_event(latest);
            }
        }
        self.delivered |= !self.events.is_empty();
        state.counters.events.add(self.events.len() as u64);
        match outcome {
            Ok(outcome) => {
                if outcome.dropped > 0 {
                    state.counters.dropped.add(u64::from(outcome.dropped));
                }
                outcome.control
            }
            Err(error) => {
                state.counters.unreadable.add(1);
                tracing::debug!(%error, bytes = frame.len(), "skipping a frame");
                None
            }
        }
    }
}

impl Decoder {
    /// Removes events with timestamps in the future, and adds earlier ones that have been confirmed since.
    fn drop_future_events(&mut self, state: &LiveState, received: Timestamp) {
        let Self { events, horizon, .. } = self;
        let is_sound =
            |event: &FeedEvent, horizon: &mut FutureEventFilter| horizon.is_plausible(event, received);
        let Some(first) = events.iter().position(|event| !is_sound(event, horizon)) else { return };
        let rest = events.split_off(first);
        for (place, event) in rest.into_iter().enumerate() {
            if place > 0 && horizon.is_plausible(&event, received) {
                events.push(event);
                continue;
            }
            state.counters.future.add(1);
            let count = state.counters.future.get();
            if let (true, Some((symbol, kind))) = (count.is_power_of_two(), event.channel()) {
                let stamp = event.time().unwrap_or(received);
                tracing::warn!(%symbol, %kind, %stamp, now = %received, count, "an event is stamped in the future; dropped");
            }
            events.extend(horizon.hold_uncertain(event, received));
        }
    }
}

/// Returns the venue's time of a trade, which every connection delivers.
const fn trade_time(event: &FeedEvent) -> Option<Timestamp> {
    match event {
        FeedEvent::Trade(trade) | FeedEvent::Snapshot(trade) => Some(trade.time),
        FeedEvent::Ticker(ticker) => Some(ticker.trade_time),
        _ => None,
    }
}
