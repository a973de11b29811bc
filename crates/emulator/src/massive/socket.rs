//! A session of the stocks socket: who is it, what does it want, what is there to tell, and how it ends.
//!
//! Everything told is a function of the tape and the clock; a session remembers up to which moment it has told.

mod board;
mod events;
mod flood;
mod outbox;
mod request;
mod wants;

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::{SplitSink, SplitStream};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message};

use super::exchange::Exchange;
use super::newyork::NS_PER_MS;
use super::plan::Plan;
use super::seats::Seat;
use super::stage::Ending;
use crate::calendar::MINUTE;
use crate::chance;
use crate::connection::Socket;
use crate::upbit::{Mischief, Mood, Open};
use crate::world::World;
use board::Board;
use events::{Frames, status};
use outbox::Outbox;
use wants::Wants;

/// How often a session looks for news.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// And in a flood, where a look brings many.
const FLOOD_LOOK_EVERY: Duration = Duration::from_millis(5);
/// The last words have so long to get through, and the client so long to answer a close.
const PARTING: Duration = Duration::from_secs(1);
/// The server asks whether the client is still there.
const PING_EVERY_MS: i64 = 30_000;
/// A leap of a manual clock is told from its last so many ms only.
const LONGEST_LEAP_MS: i64 = 30 * MINUTE;
/// How far behind the delayed socket is.
const DELAY_MS: i64 = 15 * MINUTE;
/// A socket without a seat and without a subscription goes after so long.
const EVICTED_AFTER_MS: i64 = 1_000;
/// A stalled socket is let go after so long.
const STALL_MS: i64 = 10 * MINUTE;

const TOO_MANY: &str = "Maximum number of websocket connections exceeded. You have reached the connection limit for your account. Please contact support at https://polygon.io/contact to increase your limit.";

/// How a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The client left, or could not be reached.
    Gone,
    /// Ended by a fault.
    Dropped,
    /// Cut after a last word, ours or the client's.
    Aborted,
    /// Closed after a last word.
    Closed,
}

/// Talks with a client until either side has enough.
pub(crate) async fn converse(socket: Socket, world: Arc<World>, delayed: bool) {
    let (open, cut) = Open::new(&world);
    let (mut sink, mut stream) = socket.split();
    let mut session = Session::new(&world, open.number, delayed);
    let ended = cut.run_until_cancelled(session.run(&mut sink, &mut stream)).await;
    let end = ended.unwrap_or(End::Dropped);
    if end == End::Dropped {
        world.witness.sockets(|sockets| sockets.dropped += 1);
    }
    let code = match (end, world.exchange().stage.ending) {
        (End::Closed, _) => CloseCode::Policy,
        (End::Dropped, Ending::Close(code)) => CloseCode::from(code),
        (End::Aborted, _) => {
            let _ = timeout(PARTING, session.outbox.send(&mut sink)).await;
            return;
        }
        (End::Gone, _) | (End::Dropped, Ending::Abort) => return,
    };
    let _ = timeout(PARTING, async {
        session.outbox.push(Message::Close(Some(CloseFrame { code, reason: "".into() })));
        if session.outbox.send(&mut sink).await.is_ok() {
            while let Some(Ok(_)) = stream.next().await {}
        }
    })
    .await;
}

struct Session<'a> {
    world: &'a Arc<World>,
    exchange: &'a Exchange,
    /// Its own key for draws.
    lot: u64,
    delayed: bool,
    who: Option<(Plan, Seat<'a>)>,
    wants: Arc<Wants>,
    board: Option<Board>,
    /// By the clock that never steps, like all times in ms here.
    opened_ms: i64,
    /// When it said who it is.
    entered_ms: i64,
    /// The client has been told of everything up to here.
    told_ns: i64,
    pinged_ms: i64,
    mischief: Mischief,
    outbox: Outbox,
}

impl<'a> Session<'a> {
    fn new(world: &'a Arc<World>, number: u64, delayed: bool) -> Self {
        let (exchange, now_ms) = (world.exchange(), world.steady_ms());
        let mut session = Self {
            world,
            exchange,
            lot: chance::draw(world.scenario.seed ^ 0x3A551, number),
            delayed,
            who: None,
            wants: Arc::default(),
            board: None,
            opened_ms: now_ms,
            entered_ms: now_ms,
            told_ns: 0,
            pinged_ms: now_ms,
            mischief: Mischief::default(),
            outbox: Outbox::new(exchange.stage.queue_bytes),
        };
        session.told_ns = session.now_ns();
        session
    }

    async fn run(&mut self, sink: &mut SplitSink<Socket, Message>, stream: &mut SplitStream<Socket>) -> End {
        self.say(&[status("connected", "Connected Successfully")]);
        let is_flood = self.exchange.stage.flood.is_some();
        let mut look = interval(if is_flood { FLOOD_LOOK_EVERY } else { LOOK_EVERY });
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let stalled = self.mood() == Mood::Stalled;
            // All three lose nothing when dropped. A stalled session neither reads nor writes.
            let step = tokio::select! {
                message = stream.next(), if !stalled => match message {
                    Some(Ok(message)) => self.hear(&message).await,
                    Some(Err(_)) | None => Err(End::Gone),
                },
                _ = look.tick() => self.look().await,
                sent = self.outbox.send(sink), if !stalled && self.outbox.has_work() => {
                    sent.map_err(|_| End::Gone)
                }
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    fn mood(&self) -> Mood {
        let age_ms = u64::try_from(self.world.steady_ms() - self.opened_ms).unwrap_or(0);
        Mood::at(&self.world.faults.get(), self.lot, age_ms)
    }

    /// Even a socket that must go is let in first: it is told so once it has subscribed, or after a while.
    fn is_settled(&self, now_ms: i64) -> bool {
        !self.wants.is_empty() || now_ms - self.entered_ms >= EVICTED_AFTER_MS
    }

    /// The moment that this socket tells of: its own now, in ns.
    fn now_ns(&self) -> i64 {
        let behind_ms = if self.delayed { DELAY_MS } else { 0 };
        self.world.now_us() * 1_000 - behind_ms * NS_PER_MS
    }

    /// Puts statuses into a frame of their own.
    fn say(&mut self, statuses: &[String]) {
        if !statuses.is_empty() {
            self.outbox.push(Message::text(format!("[{}]", statuses.join(","))));
        }
    }

    /// Tells the client what is new, unless it is time to go.
    async fn look(&mut self) -> Result<(), End> {
        let now_ms = self.world.steady_ms();
        let age_ms = now_ms - self.opened_ms;
        match self.mood() {
            Mood::Over => return Err(End::Dropped),
            Mood::Stalled => {
                self.told_ns = self.now_ns();
                return if age_ms >= STALL_MS { Err(End::Dropped) } else { Ok(()) };
            }
            Mood::Mute | Mood::Well { .. } => {}
        }
        match &self.who {
            None => {
                let auth_ms = i64::try_from(self.exchange.stage.auth_timeout_ms).unwrap_or(i64::MAX);
                if age_ms >= auth_ms {
                    self.say(&[status("auth_timeout", "No authentication request received.")]);
                    return Err(End::Closed);
                }
            }
            Some((_, seat)) if seat.is_evicted() && self.is_settled(now_ms) => {
                self.world.witness.sockets(|sockets| sockets.evicted += 1);
                self.say(&[status("max_connections", TOO_MANY)]);
                return Err(End::Closed);
            }
            Some(_) => {}
        }
        if now_ms - self.pinged_ms >= PING_EVERY_MS {
            self.pinged_ms = now_ms;
            self.outbox.push(Message::Ping(Vec::new().into()));
        }
        self.tell().await
    }

    /// Puts all news up to now into the outbox.
    async fn tell(&mut self) -> Result<(), End> {
        let to_ns = self.now_ns();
        let told_ns = std::mem::replace(&mut self.told_ns, to_ns);
        let Mood::Well { silent_until } = self.mood() else {
            self.board = None;
            return Ok(());
        };
        let spoke_again_ms =
            self.opened_ms.saturating_add_unsigned(silent_until).saturating_add(self.world.offset_ms());
        let from_ns = told_ns
            .max(if silent_until > 0 { spoke_again_ms.saturating_mul(NS_PER_MS) } else { 0 })
            .max(to_ns - LONGEST_LEAP_MS * NS_PER_MS);
        // Silence is not made up for, and a clock that was set back goes through its minute again.
        if from_ns > told_ns || to_ns < told_ns {
            self.board = None;
        }
        if self.wants.is_empty() || from_ns >= to_ns {
            return Ok(());
        }
        let news = self.news(from_ns, to_ns).await;
        let events = news.events;
        let frames =
            self.mischief.play(self.lot, &self.world.faults.get(), news.finish(), self.world.steady_ms());
        self.world.witness.sockets(|sockets| {
            sockets.frames += frames.len() as u64;
            sockets.events += events;
        });
        for frame in frames {
            if !self.outbox.push(Message::text(frame)) {
                return Err(self.too_slow());
            }
        }
        Ok(())
    }

    /// Folding can take a while, so it happens beside the runtime's own threads.
    async fn news(&mut self, from_ns: i64, to_ns: i64) -> Frames {
        let (world, wants, mut board) = (Arc::clone(self.world), Arc::clone(&self.wants), self.board.take());
        let made = tokio::task::spawn_blocking(move || {
            let (exchange, mut frames) = (world.exchange(), Frames::default());
            if let Some(flood) = exchange.stage.flood {
                flood::play(exchange, flood, &wants, (from_ns, to_ns), &mut frames);
            }
            let foresight = world.faults.foresight();
            let ahead = board::play(exchange, &wants, &foresight, &mut board, (from_ns, to_ns), &mut frames);
            world.witness.played("future_trade", ahead);
            (frames, board)
        });
        match made.await {
            Ok((frames, board)) => {
                self.board = board;
                frames
            }
            Err(error) => {
                tracing::error!(%error, "events were lost");
                Frames::default()
            }
        }
    }

    fn too_slow(&mut self) -> End {
        self.world.witness.sockets(|sockets| sockets.slow += 1);
        self.outbox.clear();
        self.say(&[status("slow_consumer", "Slow consumer: your connection cannot keep up.")]);
        End::Closed
    }
}
