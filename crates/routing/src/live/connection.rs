//! One connection, from the call to its end.
//!
//! The loop does one thing at a time: send when there is a turn, look at the clock when something is due, else read.
//! Whatever else happens to what is wanted of it meanwhile waits in its target.

pub(super) mod address;
mod confirms;
pub(super) mod decoder;
pub(super) mod dial;
pub(super) mod ending;
mod greet;
mod opening;
mod reconcile;
mod retire;
mod subscribe;
mod timing;

use std::sync::Arc;

use futures::{FutureExt, SinkExt, StreamExt};
use market_backbone_core::{Channel, Control, GapCause, Timestamp};
use tokio::sync::{mpsc, watch};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_util::sync::CancellationToken;

use self::confirms::Confirms;
use self::decoder::Decoder;
use self::dial::{Dialer, Socket};
use self::ending::{End, Ended, Loss};
use self::reconcile::Reconcile;
use self::retire::{Retirement, Verdict};
use super::desired::Wanted;
use super::link::Link;
use super::state::State;
use super::unanswered::Awaited;

/// This many frames are read in a row before the clock is looked at again.
const BURST: usize = 128;
/// Or this many events, where a frame holds hundreds; then the readers get a turn, who may share the thread.
const BURST_EVENTS: usize = 2_000;

/// What a connection is told.
#[derive(Debug)]
pub(super) enum Order {
    /// These are silent though they should not be: ask for them anew.
    AskAgain(Vec<Channel>),
    /// It is silent though it should not be: give it up.
    GiveUp,
    /// A gap was announced that it may have ended before: say once more what is confirmed.
    ConfirmAgain,
    /// The connection of this number has taken its place: read what is under way, then close.
    Retire(u64),
}

/// What a connection tells while it lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct News {
    /// Which attempt it was.
    pub(super) attempt: u64,
    /// Its number.
    pub(super) number: u64,
    /// Whether all that is wanted of it has been asked for and confirmed.
    pub(super) settled: bool,
}

/// What it takes to make a connection.
pub(super) struct Attempt {
    pub(super) state: Arc<State>,
    pub(super) dialer: Arc<Dialer>,
    pub(super) attempt: u64,
    pub(super) target: watch::Receiver<Wanted>,
    pub(super) orders: mpsc::Receiver<Order>,
    pub(super) news: mpsc::Sender<News>,
    pub(super) cancel: CancellationToken,
}

impl Attempt {
    /// Connects, and serves the connection to its end.
    pub(super) async fn run(self) -> Ended {
        let priority = self.target.borrow().priority;
        let cancel = self.cancel.clone();
        let over = |end| Ended::before_it_stood(end, self.state.clock.now());
        match cancel.run_until_cancelled(self.dialer.connect(priority)).await {
            None => over(End::Shutdown),
            Some(Err(end)) => over(end),
            Some(Ok(socket)) => Connection::new(self, socket).run().await,
        }
    }
}

/// Takes a connection out of those that stand, however it ends.
struct Standing {
    state: Arc<State>,
    link: Arc<Link>,
}

impl Drop for Standing {
    fn drop(&mut self) {
        self.state.links.close(self.link.number);
    }
}

/// A connection that stands.
struct Connection {
    state: Arc<State>,
    socket: Socket,
    target: watch::Receiver<Wanted>,
    orders: mpsc::Receiver<Order>,
    news: mpsc::Sender<News>,
    cancel: CancellationToken,
    attempt: u64,
    link: Arc<Link>,
    reconcile: Reconcile,
    confirms: Confirms,
    decoder: Decoder,
    awaited: Awaited,
    since: Instant,
    last_in: Instant,
    last_out: Instant,
    /// When data last came, by the clock that events are stamped with.
    last_data: Timestamp,
    /// Since when nothing is wanted.
    unwanted: Option<Instant>,
    /// Whether so much came at once that the readers are to have a turn.
    crowded: bool,
    /// When it ends, another having taken its place.
    retires: Option<Retirement>,
    /// What was told of it last.
    told: Option<News>,
    _standing: Standing,
}

impl Connection {
    fn new(attempt: Attempt, socket: Socket) -> Self {
        let Attempt { state, attempt, target, orders, news, cancel, dialer } = attempt;
        let now = Instant::now();
        let link = state.links.open();
        state.counters.connects.add(1);
        tracing::info!(url = dialer.place(), number = link.number, "connected");
        Self {
            socket,
            target,
            orders,
            news,
            cancel,
            attempt,
            reconcile: Reconcile::new(&*state.venue, now),
            confirms: Confirms::new(state.config.confirm_within),
            decoder: Decoder::new(Arc::clone(&link), state.config.ahead),
            awaited: Awaited::new(state.config.unanswered_after),
            since: now,
            last_in: now,
            last_out: now,
            last_data: state.clock.now(),
            unwanted: None,
            crowded: false,
            retires: None,
            told: None,
            _standing: Standing { state: Arc::clone(&state), link: Arc::clone(&link) },
            link,
            state,
        }
    }

    /// Serves the connection until it is over, and closes it if there is still somebody to say goodbye to.
    async fn run(mut self) -> Ended {
        let end = match self.greet().await {
            Ok(()) => self.serve().await,
            Err(end) => end,
        };
        if !matches!(end, End::Lost(_)) {
            self.close().await;
        }
        Ended {
            end,
            number: self.link.number,
            version: self.reconcile.version(),
            has: self.reconcile.has().to_vec(),
            last_data: self.last_data,
            reached: self.link.reached(),
            lived: self.since.elapsed(),
            delivered: self.decoder.delivered,
        }
    }

    async fn serve(&mut self) -> End {
        let cancel = self.cancel.clone();
        // Not before it is let in does it count as one that stands.
        self.tell();
        self.wishes_changed();
        let timer = sleep_until(self.next_deadline());
        tokio::pin!(timer);
        loop {
            let retiring = self.retires.is_some();
            // Reading comes last because it may be ready for ever; the others are seldom so.
            let step = tokio::select! {
                biased;
                () = cancel.cancelled() => return End::Shutdown,
                Some(order) = self.orders.recv() => self.obey(order),
                turn = self.reconcile.turn(), if !retiring => self.subscribe(turn).await,
                Ok(()) = self.target.changed() => {
                    self.wishes_changed();
                    Ok(())
                }
                () = &mut timer => match self.on_time().await {
                    Ok(Some(end)) => return end,
                    Ok(None) => Ok(()),
                    Err(loss) => Err(loss),
                },
                frame = self.socket.next() => self.read_burst(frame),
            };
            if let Err(loss) = step {
                return End::Lost(loss);
            }
            if let Some(end) = self.end_of_retirement() {
                return end;
            }
            self.tell();
            if std::mem::take(&mut self.crowded) {
                yield_now().await;
            }
            let next = self.next_deadline();
            // A deadline that has moved away is noticed when the timer fires: one look more, thousands of resets less.
            if timer.is_elapsed() || next < timer.deadline() {
                timer.as_mut().reset(next);
            }
        }
    }

    /// Says goodbye, for at most as long as is set, and reads what the venue had sent before it heard that.
    async fn close(&mut self) {
        let within = self.state.config.close_timeout;
        let goodbye = async {
            self.socket.close(None).await?;
            while let Some(frame) = self.socket.next().await.transpose()? {
                // The connection is over either way; what it says of itself changes nothing.
                let _ = self.read(&frame);
            }
            Ok::<(), tungstenite::Error>(())
        };
        // Neither does how it took the goodbye.
        let _ = timeout(within, goodbye).await;
    }

    /// Tells how it is, if that is news.
    fn tell(&mut self) {
        if self.told.is_some_and(|told| told.settled) {
            return;
        }
        let settled = self.confirms.is_empty() && self.reconcile.is_done(&self.target.borrow());
        let news = News { attempt: self.attempt, number: self.link.number, settled };
        // Should there be no room now, it is told with the next frame.
        if self.told != Some(news) && self.news.try_send(news).is_ok() {
            self.told = Some(news);
        }
    }

    fn obey(&mut self, order: Order) -> Result<(), Loss> {
        let now = Instant::now();
        match order {
            Order::AskAgain(channels) => {
                self.reconcile.forget(&channels, now);
                self.state.cache.ask_again(&channels, self.link.number);
            }
            Order::GiveUp => {
                return Err(Loss::new(GapCause::Silent, "the venue has data that does not arrive"));
            }
            Order::ConfirmAgain => self.confirm_again(),
            Order::Retire(successor) => {
                let config = &self.state.config;
                self.retires = Some(Retirement::new(successor, config.linger, config.catch_up_within, now));
            }
        }
        Ok(())
    }

    /// How it ends, if it was replaced and is not needed any more.
    fn end_of_retirement(&mut self) -> Option<End> {
        match self.retires.as_mut()?.judge(&self.link, &self.state.links, Instant::now()) {
            Verdict::Stay => None,
            Verdict::Go => Some(End::Retired),
            Verdict::Behind => {
                let message = "it is far behind the connection that took its place";
                Some(End::Lost(Loss::new(GapCause::Silent, message)))
            }
        }
    }

    async fn send(&mut self, message: Message) -> Result<(), Loss> {
        let sent = timeout(self.state.config.send_timeout, self.socket.send(message)).await;
        sent.map_err(|_| Loss::new(GapCause::Silent, "the connection takes no more messages"))??;
        self.last_out = Instant::now();
        Ok(())
    }

    /// Reads `first` and what else has arrived already, up to a bound.
    fn read_burst(&mut self, first: Option<Result<Message, tungstenite::Error>>) -> Result<(), Loss> {
        let result = self.read_some(first);
        let (cache, number) = (&self.state.cache, self.link.number);
        self.confirms.settle(|channel| cache.heard_in(channel) >= number, self.reconcile.has());
        result
    }

    fn read_some(&mut self, first: Option<Result<Message, tungstenite::Error>>) -> Result<(), Loss> {
        let (mut next, mut events) = (first, 0);
        for _ in 0..BURST {
            self.read_one(next)?;
            events += self.decoder.brought();
            if events >= BURST_EVENTS {
                self.crowded = true;
                return Ok(());
            }
            match self.socket.next().now_or_never() {
                Some(ready) => next = ready,
                None => return Ok(()),
            }
        }
        // The bound was met with one frame in hand.
        self.read_one(next).map(drop)
    }

    /// Reads a frame; returns what it says about the connection, if that needs to be known.
    fn read_one(
        &mut self,
        frame: Option<Result<Message, tungstenite::Error>>,
    ) -> Result<Option<Control>, Loss> {
        let Some(frame) = frame else {
            return Err(Loss::new(GapCause::Disconnected, "the connection ended"));
        };
        let control = self.read(&frame?)?;
        control.map_or(Ok(None), |control| self.heed(control))
    }

    fn read(&mut self, frame: &Message) -> Result<Option<Control>, Loss> {
        self.last_in = Instant::now();
        self.link.heard(self.last_in);
        let bytes = match frame {
            Message::Text(text) => text.as_bytes(),
            Message::Binary(bytes) => bytes,
            Message::Close(reason) => {
                let reason = reason.as_ref().map_or_else(|| "no reason".to_owned(), ToString::to_string);
                return Err(Loss::new(GapCause::Disconnected, format!("closed by the venue: {reason}")));
            }
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => return Ok(None),
        };
        let received = self.state.clock.now();
        let control = self.decoder.read(&self.state, bytes, received);
        if self.decoder.brought() > 0 {
            self.last_data = received;
        }
        Ok(control)
    }

    fn heed(&mut self, control: Control) -> Result<Option<Control>, Loss> {
        match control {
            Control::Refused { message, terminal } => {
                Err(Loss { terminal, ..Loss::new(GapCause::Refused, message) })
            }
            Control::Evicted { message, wait } => {
                Err(Loss { stay_away: Some(wait), ..Loss::new(GapCause::Evicted, message) })
            }
            Control::TooSlow { message } => Err(Loss::new(GapCause::TooSlow, message)),
            Control::Confirmed(channels) => {
                self.confirmed(&channels);
                Ok(None)
            }
            other => Ok(Some(other)),
        }
    }
}
