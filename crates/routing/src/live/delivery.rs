//! Delivers the events of a connection: into the cache, and to the readers.
//!
//! Events are delivered in batches: those of a frame, or of several frames that were read from the socket in a row. A
//! batch takes the lock of a reader once, and that of a market's trades once for those that come in a row.

mod route_table;

use std::sync::PoisonError;

use market_backbone_core::{FeedEvent, StreamKind, Timestamp};

use self::route_table::RouteTable;
use super::cache::RecordOutcome;
use super::cache::stale_filter::FrameArrival;
use super::fanout::Outboxes;
use super::state::LiveState;

/// The events of a connection that wait for their delivery, and what it takes to deliver them.
#[derive(Debug, Default)]
pub(super) struct EventBatch {
    /// The events, in the order of their frames.
    pub(super) events: Vec<FeedEvent>,
    frames: Vec<BatchedFrame>,
    outcomes: Vec<RecordOutcome>,
    routes: RouteTable,
    outboxes: Outboxes,
}

/// A frame of a batch.
#[derive(Clone, Copy, Debug)]
struct BatchedFrame {
    /// The number of events up to its end.
    end: usize,
    arrival: FrameArrival,
    received: Timestamp,
}

impl EventBatch {
    /// Marks that the events added last are those of one frame.
    pub(super) fn end_frame(&mut self, arrival: FrameArrival, received: Timestamp) {
        self.frames.push(BatchedFrame { end: self.events.len(), arrival, received });
    }

    /// Stores all events and delivers them to their readers; the batch is empty then.
    ///
    /// All events are stored before the first is delivered. A reader that joins meanwhile therefore begins either with
    /// the stored value or with the event, and misses nothing.
    pub(super) fn deliver(&mut self, state: &LiveState) {
        if self.events.is_empty() {
            self.frames.clear();
            return;
        }
        // All readers get what two connections deliver in one order.
        let _turn = state.delivery.lock().unwrap_or_else(PoisonError::into_inner);
        self.record(state);
        self.publish(state);
        self.events.clear();
        self.frames.clear();
    }

    fn record(&mut self, state: &LiveState) {
        let Self { events, frames, outcomes, routes, .. } = self;
        routes.renew_markets(&state.cache);
        outcomes.clear();
        for frame in frames.iter() {
            // A run may reach into the frames after, which were read from the same connection in a row.
            while outcomes.len() < frame.end {
                let run = run_at(events, outcomes.len());
                routes.record(&state.cache, run, frame.arrival, outcomes);
            }
        }
    }

    fn publish(&mut self, state: &LiveState) {
        let Self { events, frames, outcomes, routes, outboxes, .. } = self;
        routes.renew_subscribers(&state.fanout);
        outboxes.begin(events.len());
        let (mut repeated, mut lagged, mut start) = (0, 0, 0);
        let mut subscribers = [].as_slice();
        for BatchedFrame { end, arrival, received } in frames.iter().copied() {
            let mut wildcard_kind = None;
            for at in start..end {
                let Some((symbol, kind)) = events[at].channel() else { continue };
                if at == 0 || !is_one_run(&events[at - 1], &events[at]) {
                    subscribers = routes.subscribers(&state.fanout, symbol, kind);
                }
                let outcome = outcomes[at];
                if outcome.first {
                    let symbol = symbol.clone();
                    lagged += outboxes.flush(events);
                    state.on_first_received(&symbol, kind, received);
                }
                // The venue's snapshot at the start of a connection proves up to where nothing was missed, whether it
                // was known or not.
                let is_proof = outcome.first && matches!(events[at], FeedEvent::Snapshot(_));
                if outcome.repeated && !is_proof {
                    repeated += 1;
                } else {
                    subscribers.iter().for_each(|subscriber| outboxes.add(subscriber, at));
                }
                if wildcard_kind.replace(kind) != Some(kind) && is_first_of_all(state, kind, arrival) {
                    lagged += outboxes.flush(events);
                    state.on_first_of_all(kind, received);
                }
            }
            start = end;
        }
        lagged += outboxes.flush(events);
        state.count_delivery(repeated, lagged);
    }
}

/// Returns the run that begins at `start`: trades of a market in a row, which is how they come when the market moves, or
/// one event.
fn run_at(events: &[FeedEvent], start: usize) -> &[FeedEvent] {
    let rest = &events[start..];
    let others = rest.windows(2).take_while(|pair| is_one_run(&pair[0], &pair[1])).count();
    &rest[..rest.len().min(1 + others)]
}

/// Returns whether two events that follow each other are trades of one market.
fn is_one_run(one: &FeedEvent, next: &FeedEvent) -> bool {
    matches!((one, next), (FeedEvent::Trade(one), FeedEvent::Trade(next)) if one.symbol.is_same(&next.symbol))
}

/// Returns whether this is the first event of its kind on its connection, for those who read all markets.
fn is_first_of_all(state: &LiveState, kind: StreamKind, arrival: FrameArrival) -> bool {
    let wildcard = state.fanout.wildcard();
    wildcard.is_some_and(|any| state.cache.mark_received(any, kind, arrival))
}
