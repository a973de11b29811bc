//! One connection, from dialing to its end.
//!
//! The loop does one thing at a time: it sends when it has a permit, runs timers when one is due, and else
//! reads. Changes to the desired channels wait in its target meanwhile.

pub(super) mod decoder;
pub(super) mod dial;
mod drain;
pub(super) mod end;
mod handshake;
mod login;
mod pending_confirmations;
mod read;
mod subscribe;
mod subscription_reconciler;
mod timing;
pub(super) mod websocket_url;

use std::sync::Arc;

use futures::{SinkExt, StreamExt};
use market_backbone_core::{Channel, ControlMessage, GapCause, Timestamp};
use tokio::sync::{mpsc, watch};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_util::sync::CancellationToken;

use self::decoder::Decoder;
use self::dial::{ClientSocket, Dialer};
use self::drain::{ConnectionDrain, DrainState};
use self::end::{ConnectionEnd, ConnectionLoss, EndedConnection};
use self::pending_confirmations::PendingConfirmations;
use self::subscription_reconciler::SubscriptionReconciler;
use super::desired_channels::DesiredSet;
use super::link::Link;
use super::state::LiveState;
use super::unanswered::AwaitedMarkets;

/// A command to a connection.
#[derive(Debug)]
pub(super) enum ConnectionCommand {
    /// The channels are silent although they should not be: subscribe again.
    Resubscribe(Vec<Channel>),
    /// The connection is silent although it should not be: give it up.
    Abandon,
    /// A gap was announced after it may have ended: report again what is confirmed.
    Reconfirm,
    /// The connection of this number has replaced it: read what is in flight, then close.
    Retire(u64),
}

/// A report of a connection while it is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ConnectionStatus {
    /// The number of the attempt.
    pub(super) attempt: u64,
    /// The number of the connection.
    pub(super) number: u64,
    /// True if all its target channels are subscribed and confirmed.
    pub(super) fully_confirmed: bool,
}

/// The parameters of an attempt to connect.
pub(super) struct Attempt {
    pub(super) state: Arc<LiveState>,
    pub(super) dialer: Arc<Dialer>,
    pub(super) attempt: u64,
    pub(super) target: watch::Receiver<DesiredSet>,
    pub(super) commands: mpsc::Receiver<ConnectionCommand>,
    pub(super) statuses: mpsc::Sender<ConnectionStatus>,
    pub(super) cancel: CancellationToken,
}

impl Attempt {
    /// Connects, and serves the connection to its end.
    pub(super) async fn run(self) -> EndedConnection {
        let priority = self.target.borrow().priority;
        let cancel = self.cancel.clone();
        let over = |end| EndedConnection::never_connected(end, self.state.clock.now());
        match cancel.run_until_cancelled(self.dialer.connect(priority)).await {
            None => over(ConnectionEnd::Shutdown),
            Some(Err(end)) => over(end),
            Some(Ok(socket)) => Connection::new(self, socket).run().await,
        }
    }
}

/// A guard that removes the connection from the open ones, however it ends.
struct LinkGuard {
    state: Arc<LiveState>,
    link: Arc<Link>,
}

impl Drop for LinkGuard {
    fn drop(&mut self) {
        self.state.links.close(self.link.number);
        if let Some(observer) = &self.state.observer {
            observer.on_disconnected(self.link.number, self.state.clock.now());
        }
    }
}

/// An open connection.
struct Connection {
    state: Arc<LiveState>,
    socket: ClientSocket,
    target: watch::Receiver<DesiredSet>,
    commands: mpsc::Receiver<ConnectionCommand>,
    statuses: mpsc::Sender<ConnectionStatus>,
    cancel: CancellationToken,
    attempt: u64,
    link: Arc<Link>,
    reconciler: SubscriptionReconciler,
    confirmations: PendingConfirmations,
    decoder: Decoder,
    awaited: AwaitedMarkets,
    connected_at: Instant,
    last_frame_at: Instant,
    last_sent_at: Instant,
    /// The time of the last data, by the clock that stamps events.
    last_data: Timestamp,
    /// The time since which no channel is wanted.
    idle_since: Option<Instant>,
    /// True if so much arrived at once that the readers should run.
    should_yield: bool,
    /// The drain, once another connection has replaced it.
    drain: Option<ConnectionDrain>,
    /// The last report sent.
    reported: Option<ConnectionStatus>,
    _standing: LinkGuard,
}

impl Connection {
    fn new(attempt: Attempt, socket: ClientSocket) -> Self {
        let Attempt { state, attempt, target, commands: orders, statuses: news, cancel, dialer } = attempt;
        let now = Instant::now();
        let link = state.links.open();
        state.counters.connects.add(1);
        if let Some(observer) = &state.observer {
            observer.on_connected(link.number, state.clock.now());
        }
        tracing::info!(url = dialer.endpoint(), number = link.number, "connected");
        Self {
            socket,
            target,
            commands: orders,
            statuses: news,
            cancel,
            attempt,
            reconciler: SubscriptionReconciler::new(&*state.venue, now),
            confirmations: PendingConfirmations::new(state.config.confirm_timeout),
            decoder: Decoder::new(Arc::clone(&link), state.venue.decoder(), state.config.max_future_skew),
            awaited: AwaitedMarkets::new(state.config.unanswered_after),
            connected_at: now,
            last_frame_at: now,
            last_sent_at: now,
            last_data: state.clock.now(),
            idle_since: None,
            should_yield: false,
            drain: None,
            reported: None,
            _standing: LinkGuard { state: Arc::clone(&state), link: Arc::clone(&link) },
            link,
            state,
        }
    }

    /// Serves the connection until it is over, and closes it if the peer is still there.
    async fn run(mut self) -> EndedConnection {
        let end = match self.authenticate().await {
            Ok(()) => self.serve().await,
            Err(end) => end,
        };
        if !matches!(end, ConnectionEnd::Lost(_)) {
            self.close().await;
        }
        EndedConnection {
            end,
            number: self.link.number,
            version: self.reconciler.version(),
            subscribed: self.reconciler.subscribed().to_vec(),
            last_data: self.last_data,
            latest_venue_time: self.link.latest_venue_time(),
            uptime: self.connected_at.elapsed(),
            delivered: self.decoder.delivered,
        }
    }

    async fn serve(&mut self) -> ConnectionEnd {
        let cancel = self.cancel.clone();
        // The connection counts as open only once the venue has accepted the login.
        self.notify();
        self.target_changed();
        let timer = sleep_until(self.next_deadline());
        tokio::pin!(timer);
        loop {
            let retiring = self.drain.is_some();
            // Reading comes last because it may be ready for ever; the others are seldom so.
            let step = tokio::select! {
                biased;
                () = cancel.cancelled() => return ConnectionEnd::Shutdown,
                Some(order) = self.commands.recv() => self.handle_command(order),
                turn = self.reconciler.permits(), if !retiring => self.subscribe(turn).await,
                Ok(()) = self.target.changed() => {
                    self.target_changed();
                    Ok(())
                }
                () = &mut timer => match self.on_timer().await {
                    Ok(Some(end)) => return end,
                    Ok(None) => Ok(()),
                    Err(loss) => Err(loss),
                },
                frame = self.socket.next() => self.read_burst(frame),
            };
            if let Err(loss) = step {
                return ConnectionEnd::Lost(loss);
            }
            if let Some(end) = self.check_drain() {
                return end;
            }
            self.notify();
            if std::mem::take(&mut self.should_yield) {
                yield_now().await;
            }
            let next = self.next_deadline();
            // A deadline that has moved away is noticed when the timer fires: one extra check instead of
            // thousands of resets.
            if timer.is_elapsed() || next < timer.deadline() {
                timer.as_mut().reset(next);
            }
        }
    }

    /// Sends a close frame within the configured time, and reads what the venue had sent before it received
    /// that.
    async fn close(&mut self) {
        let within = self.state.config.close_timeout;
        let goodbye = async {
            self.socket.close(None).await?;
            while let Some(frame) = self.socket.next().await.transpose()? {
                // The connection is over either way; a control message changes nothing.
                let _ = self.decode(&frame);
                self.decoder.deliver(&self.state);
            }
            Ok::<(), tungstenite::Error>(())
        };
        // Neither does the outcome of the close.
        let _ = timeout(within, goodbye).await;
    }

    /// Sends a report if the state has changed.
    fn notify(&mut self) {
        if self.reported.is_some_and(|status| status.fully_confirmed) {
            return;
        }
        let settled = self.confirmations.is_empty() && self.reconciler.is_done(&self.target.borrow());
        let news =
            ConnectionStatus { attempt: self.attempt, number: self.link.number, fully_confirmed: settled };
        // If the queue is full, the report is sent with the next frame.
        if self.reported != Some(news) && self.statuses.try_send(news).is_ok() {
            self.reported = Some(news);
        }
    }

    fn handle_command(&mut self, order: ConnectionCommand) -> Result<(), ConnectionLoss> {
        let now = Instant::now();
        match order {
            ConnectionCommand::Resubscribe(channels) => {
                self.reconciler.forget(&channels, now);
                self.state.cache.clear_received(&channels, self.link.number);
            }
            ConnectionCommand::Abandon => {
                return Err(ConnectionLoss::new(GapCause::Silent, "the venue has data that does not arrive"));
            }
            ConnectionCommand::Reconfirm => self.reconfirm(),
            ConnectionCommand::Retire(successor) => {
                let config = &self.state.config;
                self.drain =
                    Some(ConnectionDrain::new(successor, config.linger, config.catch_up_timeout, now));
            }
        }
        Ok(())
    }

    /// Returns how the connection ends, if it was replaced and is no longer needed.
    fn check_drain(&mut self) -> Option<ConnectionEnd> {
        match self.drain.as_mut()?.check(&self.link, &self.state.links, Instant::now()) {
            DrainState::Draining => None,
            DrainState::Drained => Some(ConnectionEnd::Retired),
            DrainState::TimedOut => {
                let message = "it is far behind the connection that replaced it";
                Some(ConnectionEnd::Lost(ConnectionLoss::new(GapCause::Silent, message)))
            }
        }
    }

    async fn send(&mut self, message: Message) -> Result<(), ConnectionLoss> {
        let sent = timeout(self.state.config.send_timeout, self.socket.send(message)).await;
        sent.map_err(|_| ConnectionLoss::new(GapCause::Silent, "the connection accepts no more messages"))??;
        self.last_sent_at = Instant::now();
        Ok(())
    }

    fn handle_control(&mut self, control: ControlMessage) -> Result<Option<ControlMessage>, ConnectionLoss> {
        match control {
            ControlMessage::Refused { message, kind, terminal } => {
                Err(ConnectionLoss { kind, terminal, ..ConnectionLoss::new(GapCause::Refused, message) })
            }
            ControlMessage::Evicted { message, wait } => Err(ConnectionLoss {
                retry_after: Some(wait),
                ..ConnectionLoss::new(GapCause::Evicted, message)
            }),
            ControlMessage::TooSlow { message } => Err(ConnectionLoss::new(GapCause::TooSlow, message)),
            ControlMessage::Confirmed(channels) => {
                self.handle_confirmed(&channels);
                Ok(None)
            }
            other => Ok(Some(other)),
        }
    }
}
