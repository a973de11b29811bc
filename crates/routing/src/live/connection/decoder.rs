//! Decodes frames into the cache and the readers' queues, without an allocation for frames that hold nothing
//! new in kind.

use std::sync::Arc;
use std::time::Duration;

use market_backbone_core::{
    Channel, ControlMessage, FeedEvent, FrameDecoder, FutureEventFilter, SymbolTable, Timestamp,
};

use crate::live::cache::stale_filter::FrameArrival;
use crate::live::delivery::EventBatch;
use crate::live::link::Link;
use crate::live::state::LiveState;

/// The number of events after which those that wait are delivered, though more frames may have arrived: a reader on
/// another processor does not wait longer than it takes to decode as many.
const BATCH: usize = 64;

/// A decoder of the frames of one connection.
#[derive(Debug)]
pub(in crate::live) struct Decoder {
    /// The connection whose frames are decoded.
    pub(in crate::live) link: Arc<Link>,
    /// The adapter's decoder, with what it remembers of this connection.
    frames: Box<dyn FrameDecoder>,
    /// The symbols of subscribed channels. They are never removed: frames may still arrive after a channel
    /// was unsubscribed.
    symbols: SymbolTable,
    batch: EventBatch,
    /// The number of events in the last frame.
    event_count: usize,
    /// The number of frames since the last delivery.
    frame_count: u64,
    horizon: FutureEventFilter,
    /// True if any event was delivered.
    pub(in crate::live) delivered: bool,
}

impl Decoder {
    /// Creates a decoder that reads by `frames` and accepts timestamps up to `ahead` in the future.
    pub(in crate::live) fn new(link: Arc<Link>, frames: Box<dyn FrameDecoder>, ahead: Duration) -> Self {
        let horizon = FutureEventFilter::new(ahead);
        Self {
            link,
            frames,
            symbols: SymbolTable::default(),
            batch: EventBatch::default(),
            event_count: 0,
            frame_count: 0,
            horizon,
            delivered: false,
        }
    }

    /// The frames that follow come over another connection.
    pub(in crate::live) fn reconnect(&mut self, link: Arc<Link>, frames: Box<dyn FrameDecoder>) {
        (self.link, self.frames) = (link, frames);
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
        self.event_count
    }

    /// Returns whether so many events wait that they should be delivered.
    pub(in crate::live) fn has_full_batch(&self) -> bool {
        self.batch.events.len() >= BATCH
    }

    /// Decodes one frame. Its events wait until they are [delivered](Self::deliver); returns its control message.
    ///
    /// What cannot be decoded is counted and does not end the connection: the next frame may be valid.
    pub(in crate::live) fn decode(
        &mut self,
        state: &LiveState,
        frame: &[u8],
        received: Timestamp,
    ) -> Option<ControlMessage> {
        let before = self.batch.events.len();
        let outcome = self.frames.decode(frame, received, &self.symbols, &mut self.batch.events);
        self.frame_count += 1;
        let is_data = self.batch.events.len() > before;
        self.link.record_decoded(is_data);
        if is_data {
            self.drop_future_events(before, state, received);
            let arrival =
                FrameArrival { connection: self.link.number, millis: self.link.last_frame_millis() };
            self.batch.end_frame(arrival, received);
        }
        self.event_count = self.batch.events.len() - before;
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

    /// Delivers the events that wait.
    pub(in crate::live) fn deliver(&mut self, state: &LiveState) {
        state.counters.frames.add(std::mem::take(&mut self.frame_count));
        let count = self.batch.events.len();
        if count == 0 {
            return;
        }
        let latest = self.batch.events.iter().filter_map(trade_time).max();
        self.batch.deliver(state);
        if let Some(latest) = latest {
            self.link.advance_venue_time(latest);
            if let Some(time) = &state.time {
                time.on_event(latest);
            }
        }
        self.delivered = true;
        state.counters.events.add(count as u64);
    }

    /// Removes events with timestamps in the future from those of the last frame, which begin at `start`, and adds
    /// earlier ones that have been confirmed since.
    fn drop_future_events(&mut self, start: usize, state: &LiveState, received: Timestamp) {
        let Self { batch, horizon, .. } = self;
        let events = &mut batch.events;
        let is_sound =
            |event: &FeedEvent, horizon: &mut FutureEventFilter| horizon.is_plausible(event, received);
        let Some(first) = events[start..].iter().position(|event| !is_sound(event, horizon)) else { return };
        let rest = events.split_off(start + first);
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
