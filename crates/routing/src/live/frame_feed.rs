//! Feeds frames from other sources than our sockets to readers: a recording, a test, a benchmark.

use std::sync::Arc;

use market_backbone_core::{Channel, Clock, ControlMessage, GapCause, Timestamp, Venue};
use tokio::sync::watch;
use tokio::time::Instant;

use super::LiveHub;
use super::config::SessionConfig;
use super::connection::decoder::Decoder;
use super::state::LiveState;

/// A feed that decodes frames from any source as a connection does those of its socket.
///
/// Subscribers of its [hub](Self::hub) are served as with the venue itself: the same decoder, the same cache,
/// the same queues. Nothing is sent to a venue, so subscriptions do not change the frames; readers get those
/// events that they subscribed to.
#[derive(Debug)]
pub struct FrameFeed {
    hub: LiveHub,
    decoder: Decoder,
    desired_changes: watch::Receiver<u64>,
    /// The time at which the last frame was received.
    last_frame: Timestamp,
}

impl FrameFeed {
    /// Creates a feed of `venue`'s frames.
    #[must_use]
    pub fn new(venue: Arc<dyn Venue>, clock: Arc<dyn Clock>, config: SessionConfig) -> Self {
        let last_frame = clock.now();
        let state = Arc::new(LiveState::new(venue, (clock, None), config));
        let mut wishes = state.desired.changes();
        // Interests from before the first frame count too.
        wishes.mark_changed();
        // There are no connections here, so commands have no receiver.
        drop(state.take_command_receiver());
        let decoder = Decoder::new(state.links.open(), state.venue.decoder(), state.config.max_future_skew);
        Self { hub: LiveHub { state }, decoder, desired_changes: wishes, last_frame }
    }

    /// Returns the hub, to subscribe to channels and to read their latest values.
    #[must_use]
    pub const fn hub(&self) -> &LiveHub {
        &self.hub
    }

    /// Decodes a frame that was received at `received` and delivers its events; returns its control message, if there is
    /// one.
    pub fn feed(&mut self, frame: &[u8], received: Timestamp) -> Option<ControlMessage> {
        self.prepare(received);
        let state = &*self.hub.state;
        let control = self.decoder.decode(state, frame, received);
        self.decoder.deliver(state);
        control
    }

    /// Decodes frames that were received at `received` in a row, as a connection does those that its socket holds
    /// already; returns their control messages.
    ///
    /// Their events are delivered in batches, which costs less than one frame after the other.
    pub fn feed_all<'f>(
        &mut self,
        frames: impl IntoIterator<Item = &'f [u8]>,
        received: Timestamp,
    ) -> Vec<ControlMessage> {
        self.prepare(received);
        let state = &*self.hub.state;
        let mut controls = Vec::new();
        for frame in frames {
            controls.extend(self.decoder.decode(state, frame, received));
            if self.decoder.has_full_batch() {
                self.decoder.deliver(state);
            }
        }
        self.decoder.deliver(state);
        controls
    }

    fn prepare(&mut self, received: Timestamp) {
        // The sender lives in the state; the check costs one load.
        if self.desired_changes.has_changed().unwrap_or(false) {
            self.desired_changes.mark_unchanged();
            self.decoder.add_symbols(&self.hub.state.desired.snapshot().channels);
        }
        // Frames of one moment need one reading of the clock.
        if self.last_frame != received {
            self.last_frame = received;
            self.decoder.link.record_frame(Instant::now());
        }
    }

    /// Marks that the next frames came over another connection, and what was sent in between was not
    /// recorded.
    ///
    /// Readers get a gap, as if the connection had broken.
    pub fn interrupt(&mut self, cause: GapCause) {
        let state = &*self.hub.state;
        let served = state.desired.snapshot().channels;
        let was_served = |channel: &Channel| served.binary_search(channel).is_ok();
        state.links.close(self.decoder.link.number);
        self.decoder.reconnect(state.links.open(), state.venue.decoder());
        state.fanout.open_gap(self.last_frame, cause, was_served);
    }
}

/// Ends the readers: no more frames will come.
impl Drop for FrameFeed {
    fn drop(&mut self) {
        self.hub.state.links.close_all();
        self.hub.state.fanout.close();
    }
}
