//! The way of a frame from bytes to readers, for frames that no socket of ours brought: a recording, a test, a bench.

use std::sync::Arc;

use market_backbone_core::{Channel, Clock, ControlMessage, GapCause, Timestamp, Venue};
use tokio::sync::watch;
use tokio::time::Instant;

use super::LiveHub;
use super::config::SessionConfig;
use super::connection::decoder::Decoder;
use super::state::LiveState;

/// Reads frames from anywhere as a connection does those of its socket.
///
/// Whoever subscribes at its [hub](Self::hub) is served as by the venue itself: the same decoder, the same cache, the
/// same queues. Nothing is sent, so the frames hold what they hold; of it, readers get what they asked for.
#[derive(Debug)]
pub struct FrameFeed {
    hub: LiveHub,
    decoder: Decoder,
    desired_changes: watch::Receiver<u64>,
    /// When the last frame was received.
    last_frame: Timestamp,
}

impl FrameFeed {
    /// A feed of `venue`'s frames.
    #[must_use]
    pub fn new(venue: Arc<dyn Venue>, clock: Arc<dyn Clock>, config: SessionConfig) -> Self {
        let last_frame = clock.now();
        let state = Arc::new(LiveState::new(venue, (clock, None), config));
        let mut wishes = state.desired.changes();
        // What was wished for before the first frame counts too.
        wishes.mark_changed();
        // Nobody owns connections here, so nobody could obey.
        drop(state.take_command_receiver());
        let decoder = Decoder::new(state.links.open(), state.config.max_future_skew);
        Self { hub: LiveHub { state }, decoder, desired_changes: wishes, last_frame }
    }

    /// Returns the hub, to subscribe to channels and to read their latest values.
    #[must_use]
    pub const fn hub(&self) -> &LiveHub {
        &self.hub
    }

    /// Reads a frame that was received at `received`; hands on what it says about the connection itself.
    pub fn feed(&mut self, frame: &[u8], received: Timestamp) -> Option<ControlMessage> {
        let state = &*self.hub.state;
        // The sender lives in the state; a look costs one load.
        if self.desired_changes.has_changed().unwrap_or(false) {
            self.desired_changes.mark_unchanged();
            self.decoder.add_symbols(&state.desired.snapshot().channels);
        }
        // Frames of one moment need one look at the clock.
        if self.last_frame != received {
            self.last_frame = received;
            self.decoder.link.record_frame(Instant::now());
        }
        self.decoder.read(state, frame, received)
    }

    /// The frames that follow came over another connection: what was sent between the two was not recorded. Readers
    /// are told as if the connection had broken.
    pub fn interrupt(&mut self, cause: GapCause) {
        let state = &*self.hub.state;
        let served = state.desired.snapshot().channels;
        let was_served = |channel: &Channel| served.binary_search(channel).is_ok();
        state.links.close(self.decoder.link.number);
        self.decoder.link = state.links.open();
        state.fanout.open_gap(self.last_frame, cause, was_served);
    }
}

/// No frame will come: the readers end.
impl Drop for FrameFeed {
    fn drop(&mut self) {
        self.hub.state.links.close_all();
        self.hub.state.fanout.close();
    }
}
