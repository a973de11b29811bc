//! One connection, from its first message to its end.
//!
//! The loop does one thing at a time: send when there is a turn, look at the clock when something is due, else read.
//! Whatever else happens to the set of wishes meanwhile waits in [`Desired`](super::desired::Desired).

use std::time::Duration;

use futures::{FutureExt, SinkExt, StreamExt};
use market_backbone_core::{Control, GapCause, KeepAlive, SourceError, Symbol, Timestamp};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_util::sync::CancellationToken;

use super::decoder::Decoder;
use super::dial::Socket;
use super::reconcile::Reconcile;
use super::state::State;
use super::unanswered::Awaited;
use crate::Permit;

/// This many frames are read in a row before the clock is looked at again.
const BURST: usize = 128;

/// Why a connection is over.
#[derive(Debug)]
pub(super) enum End {
    /// The program stops.
    Shutdown,
    /// Nothing was wanted for long.
    Idle,
    /// It broke.
    Lost(Loss),
}

/// How a connection broke.
#[derive(Debug)]
pub(super) struct Loss {
    pub(super) cause: GapCause,
    /// Whether the venue would refuse the same again.
    pub(super) terminal: bool,
    pub(super) message: String,
}

impl Loss {
    fn new(cause: GapCause, message: impl Into<String>) -> Self {
        Self { cause, terminal: false, message: message.into() }
    }
}

impl From<tungstenite::Error> for Loss {
    fn from(error: tungstenite::Error) -> Self {
        Self::new(GapCause::Disconnected, error.to_string())
    }
}

/// A connection that stands.
pub(super) struct Connection<'a> {
    state: &'a State,
    socket: Socket,
    pub(super) reconcile: Reconcile,
    pub(super) decoder: Decoder,
    awaited: Awaited,
    pub(super) since: Instant,
    last_in: Instant,
    last_out: Instant,
    /// When the last frame came, by the clock that events are stamped with.
    pub(super) last_frame: Timestamp,
    /// Since when nothing is wanted.
    unwanted: Option<Instant>,
}

impl<'a> Connection<'a> {
    /// The connection `number` over `socket`.
    pub(super) fn new(state: &'a State, socket: Socket, number: u64) -> Self {
        let now = Instant::now();
        Self {
            state,
            socket,
            reconcile: Reconcile::new(&*state.venue, now),
            decoder: Decoder::new(number),
            awaited: Awaited::new(state.config.unanswered_after),
            since: now,
            last_in: now,
            last_out: now,
            last_frame: state.clock.now(),
            unwanted: None,
        }
    }

    /// Serves the connection until it is over.
    pub(super) async fn run(
        &mut self,
        changes: &mut watch::Receiver<u64>,
        cancel: &CancellationToken,
    ) -> End {
        let timer = sleep_until(self.next_deadline());
        tokio::pin!(timer);
        loop {
            // Reading comes last because it may be ready for ever; the others are seldom so.
            let step = tokio::select! {
                biased;
                () = cancel.cancelled() => return End::Shutdown,
                turn = self.reconcile.turn() => self.subscribe(turn).await,
                _ = changes.changed() => {
                    self.wishes_changed();
                    Ok(())
                }
                () = &mut timer => match self.on_time().await {
                    Ok(true) => return End::Idle,
                    Ok(false) => Ok(()),
                    Err(loss) => Err(loss),
                },
                frame = self.socket.next() => self.read_burst(frame),
            };
            if let Err(loss) = step {
                return End::Lost(loss);
            }
            let next = self.next_deadline();
            // A deadline that has moved away is noticed when the timer fires: one look more, thousands of resets less.
            if timer.is_elapsed() || next < timer.deadline() {
                timer.as_mut().reset(next);
            }
        }
    }

    /// Says goodbye, for at most `within`.
    pub(super) async fn close(&mut self, within: Duration) {
        let goodbye = async {
            self.socket.close(None).await?;
            while self.socket.next().await.transpose()?.is_some() {}
            Ok::<(), tungstenite::Error>(())
        };
        // The connection is over either way; how it took the goodbye changes nothing.
        let _ = timeout(within, goodbye).await;
    }

    fn wishes_changed(&mut self) {
        let now = Instant::now();
        self.reconcile.look_at(now + self.state.config.debounce);
        let unwanted = self.state.desired.is_empty();
        self.unwanted = unwanted.then(|| self.unwanted.unwrap_or(now));
    }

    fn next_deadline(&self) -> Instant {
        let limits = &self.state.venue.capabilities().socket;
        let silence = self.last_in + limits.silence;
        let keep_alive = self.last_in.max(self.last_out) + limits.keep_alive_every;
        let idle = self.unwanted.map(|since| since + self.state.config.idle);
        let others = [idle, self.reconcile.due(), self.awaited.due()];
        others.into_iter().flatten().fold(silence.min(keep_alive), Instant::min)
    }

    /// Does what is due; `true` if the connection is no longer needed.
    async fn on_time(&mut self) -> Result<bool, Loss> {
        let now = Instant::now();
        let limits = &self.state.venue.capabilities().socket;
        if now >= self.last_in + limits.silence {
            let message = format!("no frame for {} s", (now - self.last_in).as_secs());
            return Err(Loss::new(GapCause::Silent, message));
        }
        if self.unwanted.is_some_and(|since| now >= since + self.state.config.idle) {
            return Ok(true);
        }
        if self.reconcile.due().is_some_and(|due| due <= now) {
            self.reconcile.look(&self.state.desired);
        }
        while let Some(symbol) = self.awaited.overdue(now) {
            self.judge(&symbol);
        }
        if now >= self.last_in.max(self.last_out) + limits.keep_alive_every {
            let message = match limits.keep_alive {
                KeepAlive::Ping => Message::Ping(Vec::new().into()),
                KeepAlive::Text(text) => Message::text(text),
            };
            self.send(message).await?;
            self.state.counters.keep_alives.add(1);
        }
        Ok(false)
    }

    /// Reports a market none of whose channels was ever heard.
    fn judge(&self, symbol: &Symbol) {
        let has = self.reconcile.has();
        let mut its = has.iter().filter(|channel| channel.symbol == *symbol).peekable();
        if its.peek().is_some() && its.all(|channel| self.state.cache.heard_in(channel) == 0) {
            self.state.unanswered.report(symbol);
        }
    }

    async fn send(&mut self, message: Message) -> Result<(), Loss> {
        let sent = timeout(self.state.config.send_timeout, self.socket.send(message)).await;
        sent.map_err(|_| Loss::new(GapCause::Silent, "the connection takes no more messages"))??;
        self.last_out = Instant::now();
        Ok(())
    }

    /// Uses a turn to send what brings the connection nearer to what is wanted.
    async fn subscribe(&mut self, turn: Result<Vec<Permit>, SourceError>) -> Result<(), Loss> {
        let permits = match turn {
            Ok(permits) => permits,
            Err(error) => {
                tracing::warn!(%error, "no turn to subscribe; trying again");
                self.reconcile.put_off(Instant::now());
                return Ok(());
            }
        };
        let message = self.reconcile.message(&*self.state.venue, &self.state.desired);
        if let Some(message) = message {
            self.decoder.expect(self.reconcile.target());
            self.send(Message::text(message)).await?;
            self.state.counters.subscriptions_sent.add(1);
        }
        drop(permits);
        let now = Instant::now();
        if let Some(added) = self.reconcile.advance(&self.state.desired, now + self.state.config.debounce) {
            self.state.cache.ask_again(&added, self.decoder.number);
            self.state.desired.settle(&self.state.cache);
            self.state.unanswered.retain(self.reconcile.has());
            for (index, channel) in added.iter().enumerate() {
                // Sorted: the channels of a market follow each other.
                if index == 0 || added[index - 1].symbol != channel.symbol {
                    self.awaited.ask(&channel.symbol, now);
                }
            }
        }
        Ok(())
    }

    /// Reads `first` and what else has arrived already, up to a bound.
    fn read_burst(&mut self, first: Option<Result<Message, tungstenite::Error>>) -> Result<(), Loss> {
        let mut next = first;
        for _ in 0..BURST {
            let Some(frame) = next else {
                return Err(Loss::new(GapCause::Disconnected, "the connection ended"));
            };
            self.read(&frame?)?;
            match self.socket.next().now_or_never() {
                Some(ready) => next = ready,
                None => return Ok(()),
            }
        }
        // The bound was met with one frame in hand.
        match next {
            Some(frame) => self.read(&frame?),
            None => Err(Loss::new(GapCause::Disconnected, "the connection ended")),
        }
    }

    fn read(&mut self, frame: &Message) -> Result<(), Loss> {
        self.last_in = Instant::now();
        self.last_frame = self.state.clock.now();
        self.state.link.heard(self.last_in);
        let control = match frame {
            Message::Text(text) => self.decoder.read(self.state, text.as_bytes(), self.last_frame),
            Message::Binary(bytes) => self.decoder.read(self.state, bytes, self.last_frame),
            Message::Close(reason) => {
                let reason = reason.as_ref().map_or_else(|| "no reason".to_owned(), ToString::to_string);
                return Err(Loss::new(GapCause::Disconnected, format!("closed by the venue: {reason}")));
            }
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => None,
        };
        match control {
            Some(Control::Refused { message, terminal }) => {
                Err(Loss { cause: GapCause::Refused, terminal, message })
            }
            _ => Ok(()),
        }
    }
}
