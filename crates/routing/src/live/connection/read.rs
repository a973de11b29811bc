//! Reads frames from the socket and delivers their events, in batches where several have arrived.

use futures::{FutureExt, StreamExt};
use market_backbone_core::{ControlMessage, GapCause};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::{self, Message};

use super::Connection;
use super::end::ConnectionLoss;

/// The number of frames read in a row before the timers are checked again.
const BURST: usize = 128;
/// The number of events read in a row, for frames with hundreds of them; then the readers, which may share
/// the thread, run.
const BURST_EVENTS: usize = 2_000;

impl Connection {
    /// Reads `first` and the frames that have already arrived, up to a limit.
    pub(super) fn read_burst(
        &mut self,
        first: Option<Result<Message, tungstenite::Error>>,
    ) -> Result<(), ConnectionLoss> {
        let result = self.read_some(first);
        let (cache, number) = (&self.state.cache, self.link.number);
        self.confirmations
            .confirm_received(|channel| cache.received_on(channel) >= number, self.reconciler.subscribed());
        result
    }

    /// Decodes frames until none is left or a limit is reached, and delivers their events in batches.
    fn read_some(
        &mut self,
        first: Option<Result<Message, tungstenite::Error>>,
    ) -> Result<(), ConnectionLoss> {
        let result = self.decode_some(first);
        self.decoder.deliver(&self.state);
        result
    }

    fn decode_some(
        &mut self,
        first: Option<Result<Message, tungstenite::Error>>,
    ) -> Result<(), ConnectionLoss> {
        let (mut next, mut events) = (first, 0);
        for _ in 0..BURST {
            self.decode_one(next)?;
            events += self.decoder.event_count();
            if events >= BURST_EVENTS {
                self.should_yield = true;
                return Ok(());
            }
            if self.decoder.has_full_batch() {
                self.decoder.deliver(&self.state);
            }
            match self.socket.next().now_or_never() {
                Some(ready) => next = ready,
                None => return Ok(()),
            }
        }
        // The limit was reached with one frame in hand.
        self.decode_one(next).map(drop)
    }

    /// Reads a frame and delivers its events; returns its control message, if there is one.
    pub(super) fn read_one(
        &mut self,
        frame: Option<Result<Message, tungstenite::Error>>,
    ) -> Result<Option<ControlMessage>, ConnectionLoss> {
        let result = self.decode_one(frame);
        self.decoder.deliver(&self.state);
        result
    }

    /// Decodes a frame; its events wait. Returns its control message, if there is one.
    fn decode_one(
        &mut self,
        frame: Option<Result<Message, tungstenite::Error>>,
    ) -> Result<Option<ControlMessage>, ConnectionLoss> {
        let Some(frame) = frame else {
            return Err(ConnectionLoss::new(GapCause::Disconnected, "the connection ended"));
        };
        let Some(control) = self.decode(&frame?)? else { return Ok(None) };
        // What it says of the connection holds after the events before it.
        self.decoder.deliver(&self.state);
        self.handle_control(control)
    }

    pub(super) fn decode(&mut self, frame: &Message) -> Result<Option<ControlMessage>, ConnectionLoss> {
        self.last_frame_at = Instant::now();
        self.link.record_frame(self.last_frame_at);
        let bytes = match frame {
            Message::Text(text) => text.as_bytes(),
            Message::Binary(bytes) => bytes,
            Message::Close(reason) => {
                let reason = reason.as_ref().map_or_else(|| "no reason".to_owned(), ToString::to_string);
                return Err(ConnectionLoss::new(
                    GapCause::Disconnected,
                    format!("closed by the venue: {reason}"),
                ));
            }
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => return Ok(None),
        };
        let received = self.state.clock.now();
        if let Some(observer) = &self.state.observer {
            observer.on_frame(self.link.number, received, bytes);
        }
        let control = self.decoder.decode(&self.state, bytes, received);
        if self.decoder.event_count() > 0 {
            self.last_data = received;
        }
        Ok(control)
    }
}
