//! The timers of a connection: keep-alives, and the detection of a dead connection.

use market_backbone_core::GapCause;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;

use super::Connection;
use super::drain::ConnectionDrain;
use super::end::{ConnectionEnd, ConnectionLoss};

impl Connection {
    pub(super) fn next_deadline(&self) -> Instant {
        let limits = &self.state.venue.capabilities().socket;
        let silence = self.last_frame_at + limits.idle_timeout;
        let keep_alive = self.last_frame_at.max(self.last_sent_at) + limits.keep_alive_every;
        let idle = self.idle_since.map(|since| since + self.state.config.idle_timeout);
        let retires = self.drain.as_ref().map(ConnectionDrain::next_check);
        // A retiring connection subscribes to nothing more, so it needs no checks.
        let look = if self.drain.is_some() { None } else { self.reconciler.next_check() };
        let others = [idle, look, self.awaited.deadline(), self.confirmations.deadline(), retires];
        others.into_iter().flatten().fold(silence.min(keep_alive), Instant::min)
    }

    /// Does what is due. Returns the end if the connection is no longer needed.
    pub(super) async fn on_timer(&mut self) -> Result<Option<ConnectionEnd>, ConnectionLoss> {
        let now = Instant::now();
        let limits = self.state.venue.capabilities().socket;
        if now >= self.last_frame_at + limits.idle_timeout {
            let message = format!("no frame for {} s", (now - self.last_frame_at).as_secs());
            return Err(ConnectionLoss::new(GapCause::Silent, message));
        }
        if self.idle_since.is_some_and(|since| now >= since + self.state.config.idle_timeout) {
            return Ok(Some(ConnectionEnd::Idle));
        }
        if self.reconciler.next_check().is_some_and(|due| due <= now) {
            let wanted = self.target.borrow().clone();
            self.reconciler.check(&wanted);
        }
        while let Some(symbol) = self.awaited.take_overdue(now) {
            self.check_unanswered(&symbol);
        }
        self.confirm_by_time(now);
        if now >= self.last_frame_at.max(self.last_sent_at) + limits.keep_alive_every {
            let message = match limits.keep_alive.text() {
                Some(text) => Message::text(text),
                None => Message::Ping(Vec::new().into()),
            };
            self.send(message).await?;
            self.state.counters.keep_alives.add(1);
        }
        Ok(None)
    }
}
