//! What a connection does by the clock: keep itself open, and notice that it should not be.

use market_backbone_core::{GapCause, KeepAlive};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;

use super::Connection;
use super::ending::{End, Loss};
use super::retire::Retirement;

impl Connection {
    pub(super) fn next_deadline(&self) -> Instant {
        let limits = &self.state.venue.capabilities().socket;
        let silence = self.last_in + limits.silence;
        let keep_alive = self.last_in.max(self.last_out) + limits.keep_alive_every;
        let idle = self.unwanted.map(|since| since + self.state.config.idle);
        let retires = self.retires.as_ref().map(Retirement::due);
        // One that retires asks for nothing more, so it needs no looks.
        let look = if self.retires.is_some() { None } else { self.reconcile.due() };
        let others = [idle, look, self.awaited.due(), self.confirms.due(), retires];
        others.into_iter().flatten().fold(silence.min(keep_alive), Instant::min)
    }

    /// Does what is due; says so if the connection is no longer needed.
    pub(super) async fn on_time(&mut self) -> Result<Option<End>, Loss> {
        let now = Instant::now();
        let limits = self.state.venue.capabilities().socket;
        if now >= self.last_in + limits.silence {
            let message = format!("no frame for {} s", (now - self.last_in).as_secs());
            return Err(Loss::new(GapCause::Silent, message));
        }
        if self.unwanted.is_some_and(|since| now >= since + self.state.config.idle) {
            return Ok(Some(End::Idle));
        }
        if self.reconcile.due().is_some_and(|due| due <= now) {
            let wanted = self.target.borrow().clone();
            self.reconcile.look(&wanted);
        }
        while let Some(symbol) = self.awaited.overdue(now) {
            self.judge(&symbol);
        }
        self.confirm_by_time(now);
        if now >= self.last_in.max(self.last_out) + limits.keep_alive_every {
            let message = match limits.keep_alive {
                KeepAlive::Ping => Message::Ping(Vec::new().into()),
                KeepAlive::Text(text) => Message::text(text),
            };
            self.send(message).await?;
            self.state.counters.keep_alives.add(1);
        }
        Ok(None)
    }
}
