//! A session of the stocks socket: its login, subscriptions, events and end.
//!
//! Everything sent is a function of the tape and the clock; a session remembers up to which moment it has
//! sent.

mod event_schedule;
mod events;
mod flood;
mod request;
mod send_queue;
mod subscriptions;

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::{SplitSink, SplitStream};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message};

use super::account_connections::AccountConnection;
use super::exchange::StockExchange;
use super::new_york::NS_PER_MS;
use super::plan::EmulatedPlan;
use super::scenario::SocketTermination;
use crate::calendar::MINUTE;
use crate::connection::ServerSocket;
use crate::hash_random;
use crate::upbit::{FrameFaultInjector, OpenSocketGuard, SocketFaultState};
use crate::world::EmulatorWorld;
use event_schedule::EventSchedule;
use events::{EventFrames, status};
use send_queue::SendQueue;
use subscriptions::ChannelSubscriptions;

/// The interval between two checks for new events.
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// The interval during a flood, where each check finds many.
const FLOOD_POLL_INTERVAL: Duration = Duration::from_millis(5);
/// The longest time for the last messages, and for the client's answer to a close.
const CLOSE_DEADLINE: Duration = Duration::from_secs(1);
/// The interval between two pings of the server, in ms.
const PING_EVERY_MS: i64 = 30_000;
/// The longest time of which events are sent after a jump of a manual clock, in ms.
const MAX_CATCH_UP_MS: i64 = 30 * MINUTE;
/// The delay of the delayed socket, in ms.
const DELAY_MS: i64 = 15 * MINUTE;
/// The time after which an evicted socket without a subscription is closed, in ms.
const EVICTED_AFTER_MS: i64 = 1_000;
/// The time after which a stalled socket is closed, in ms.
const STALL_MS: i64 = 10 * MINUTE;

const TOO_MANY: &str = "Maximum number of websocket connections exceeded. You have reached the connection limit for your account. Please contact support at https://polygon.io/contact to increase your limit.";

/// The way in which a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MassiveSocketEnd {
    /// The client left, or could not be reached.
    Gone,
    /// The session was ended by a fault.
    Dropped,
    /// The connection is cut after a last message, ours or the client's.
    Aborted,
    /// The connection is closed after a last message.
    Closed,
}

/// Serves a client until either side ends the session.
pub(crate) async fn run(socket: ServerSocket, world: Arc<EmulatorWorld>, delayed: bool) {
    let (open, cut) = OpenSocketGuard::new(&world);
    let (mut sink, mut stream) = socket.split();
    let mut session = MassiveSocketSession::new(&world, open.number, delayed);
    let ended = cut.run_until_cancelled(session.run(&mut sink, &mut stream)).await;
    let end = ended.unwrap_or(MassiveSocketEnd::Dropped);
    if end == MassiveSocketEnd::Dropped {
        world.traffic_log.update_sockets(|sockets| sockets.dropped += 1);
    }
    let code = match (end, world.exchange().scenario.termination) {
        (MassiveSocketEnd::Closed, _) => CloseCode::Policy,
        (MassiveSocketEnd::Dropped, SocketTermination::Close(code)) => CloseCode::from(code),
        (MassiveSocketEnd::Aborted, _) => {
            let _ = timeout(CLOSE_DEADLINE, session.send_queue.send(&mut sink)).await;
            return;
        }
        (MassiveSocketEnd::Gone, _) | (MassiveSocketEnd::Dropped, SocketTermination::Abort) => return,
    };
    let _ = timeout(CLOSE_DEADLINE, async {
        session.send_queue.push(Message::Close(Some(CloseFrame { code, reason: "".into() })));
        if session.send_queue.send(&mut sink).await.is_ok() {
            while let Some(Ok(_)) = stream.next().await {}
        }
    })
    .await;
}

struct MassiveSocketSession<'a> {
    world: &'a Arc<EmulatorWorld>,
    exchange: &'a StockExchange,
    /// The session's own key for random numbers.
    draw_key: u64,
    delayed: bool,
    account: Option<(EmulatedPlan, AccountConnection<'a>)>,
    subscriptions: Arc<ChannelSubscriptions>,
    schedule: Option<EventSchedule>,
    /// The time of opening, by the clock that never steps, like all times in ms here.
    opened_ms: i64,
    /// The time of the login.
    authenticated_ms: i64,
    /// The time up to which everything was sent to the client.
    sent_until_ns: i64,
    pinged_ms: i64,
    frame_faults: FrameFaultInjector,
    send_queue: SendQueue,
}

impl<'a> MassiveSocketSession<'a> {
    fn new(world: &'a Arc<EmulatorWorld>, number: u64, delayed: bool) -> Self {
        let (exchange, now_ms) = (world.exchange(), world.monotonic_ms());
        let mut session = Self {
            world,
            exchange,
            draw_key: hash_random::draw(world.scenario.seed ^ 0x3A551, number),
            delayed,
            account: None,
            subscriptions: Arc::default(),
            schedule: None,
            opened_ms: now_ms,
            authenticated_ms: now_ms,
            sent_until_ns: 0,
            pinged_ms: now_ms,
            frame_faults: FrameFaultInjector::default(),
            send_queue: SendQueue::new(exchange.scenario.queue_bytes),
        };
        session.sent_until_ns = session.now_ns();
        session
    }

    async fn run(
        &mut self,
        sink: &mut SplitSink<ServerSocket, Message>,
        stream: &mut SplitStream<ServerSocket>,
    ) -> MassiveSocketEnd {
        self.queue_statuses(&[status("connected", "Connected Successfully")]);
        let is_flood = self.exchange.scenario.flood.is_some();
        let mut look = interval(if is_flood { FLOOD_POLL_INTERVAL } else { POLL_INTERVAL });
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let stalled = self.fault_state() == SocketFaultState::Stalled;
            // All three lose nothing when dropped. A stalled session neither reads nor writes.
            let step = tokio::select! {
                message = stream.next(), if !stalled => match message {
                    Some(Ok(message)) => self.handle_message(&message).await,
                    Some(Err(_)) | None => Err(MassiveSocketEnd::Gone),
                },
                _ = look.tick() => self.poll().await,
                sent = self.send_queue.send(sink), if !stalled && self.send_queue.has_work() => {
                    sent.map_err(|_| MassiveSocketEnd::Gone)
                }
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    fn fault_state(&self) -> SocketFaultState {
        let age_ms = u64::try_from(self.world.monotonic_ms() - self.opened_ms).unwrap_or(0);
        SocketFaultState::at(&self.world.faults.get(), self.draw_key, age_ms)
    }

    /// Returns whether the socket may be evicted now: only after it has subscribed, or after a while.
    fn may_be_evicted(&self, now_ms: i64) -> bool {
        !self.subscriptions.is_empty() || now_ms - self.authenticated_ms >= EVICTED_AFTER_MS
    }

    /// Returns the current time of this socket's data, in ns.
    fn now_ns(&self) -> i64 {
        let behind_ms = if self.delayed { DELAY_MS } else { 0 };
        self.world.now_us() * 1_000 - behind_ms * NS_PER_MS
    }

    /// Queues statuses as a frame of their own.
    fn queue_statuses(&mut self, statuses: &[String]) {
        if !statuses.is_empty() {
            self.send_queue.push(Message::text(format!("[{}]", statuses.join(","))));
        }
    }

    /// Sends new events, unless it is time to end.
    async fn poll(&mut self) -> Result<(), MassiveSocketEnd> {
        let now_ms = self.world.monotonic_ms();
        let age_ms = now_ms - self.opened_ms;
        match self.fault_state() {
            SocketFaultState::Expired => return Err(MassiveSocketEnd::Dropped),
            SocketFaultState::Stalled => {
                self.sent_until_ns = self.now_ns();
                return if age_ms >= STALL_MS { Err(MassiveSocketEnd::Dropped) } else { Ok(()) };
            }
            SocketFaultState::Mute | SocketFaultState::Healthy { .. } => {}
        }
        match &self.account {
            None => {
                let auth_ms = i64::try_from(self.exchange.scenario.auth_timeout_ms).unwrap_or(i64::MAX);
                if age_ms >= auth_ms {
                    self.queue_statuses(&[status("auth_timeout", "No authentication request received.")]);
                    return Err(MassiveSocketEnd::Closed);
                }
            }
            Some((_, seat)) if seat.is_evicted() && self.may_be_evicted(now_ms) => {
                self.world.traffic_log.update_sockets(|sockets| sockets.evicted += 1);
                self.queue_statuses(&[status("max_connections", TOO_MANY)]);
                return Err(MassiveSocketEnd::Closed);
            }
            Some(_) => {}
        }
        if now_ms - self.pinged_ms >= PING_EVERY_MS {
            self.pinged_ms = now_ms;
            self.send_queue.push(Message::Ping(Vec::new().into()));
        }
        self.notify().await
    }

    /// Queues all new events up to now.
    async fn notify(&mut self) -> Result<(), MassiveSocketEnd> {
        let to_ns = self.now_ns();
        let told_ns = std::mem::replace(&mut self.sent_until_ns, to_ns);
        let SocketFaultState::Healthy { silent_until } = self.fault_state() else {
            self.schedule = None;
            return Ok(());
        };
        let spoke_again_ms =
            self.opened_ms.saturating_add_unsigned(silent_until).saturating_add(self.world.offset_ms());
        let from_ns = told_ns
            .max(if silent_until > 0 { spoke_again_ms.saturating_mul(NS_PER_MS) } else { 0 })
            .max(to_ns - MAX_CATCH_UP_MS * NS_PER_MS);
        // Silence is not made up for, and after a clock was set back its minute is sent again.
        if from_ns > told_ns || to_ns < told_ns {
            self.schedule = None;
        }
        if self.subscriptions.is_empty() || from_ns >= to_ns {
            return Ok(());
        }
        let news = self.updates(from_ns, to_ns).await;
        let events = news.events;
        let frames = self.frame_faults.apply(
            self.draw_key,
            &self.world.faults.get(),
            news.finish(),
            self.world.monotonic_ms(),
        );
        self.world.traffic_log.update_sockets(|sockets| {
            sockets.frames += frames.len() as u64;
            sockets.events += events;
        });
        for frame in frames {
            if !self.send_queue.push(Message::text(frame)) {
                return Err(self.too_slow());
            }
        }
        Ok(())
    }

    /// Collects events. Folding can take a while, so it runs on a blocking thread.
    async fn updates(&mut self, from_ns: i64, to_ns: i64) -> EventFrames {
        let (world, wants, mut board) =
            (Arc::clone(self.world), Arc::clone(&self.subscriptions), self.schedule.take());
        let made = tokio::task::spawn_blocking(move || {
            let (exchange, mut frames) = (world.exchange(), EventFrames::default());
            if let Some(flood) = exchange.scenario.flood {
                flood::emit(exchange, flood, &wants, (from_ns, to_ns), &mut frames);
            }
            let foresight = world.faults.timestamp_skew();
            let ahead =
                event_schedule::emit(exchange, &wants, &foresight, &mut board, (from_ns, to_ns), &mut frames);
            world.traffic_log.record_fault("future_trade", ahead);
            (frames, board)
        });
        match made.await {
            Ok((frames, board)) => {
                self.schedule = board;
                frames
            }
            Err(error) => {
                tracing::error!(%error, "events were lost");
                EventFrames::default()
            }
        }
    }

    fn too_slow(&mut self) -> MassiveSocketEnd {
        self.world.traffic_log.update_sockets(|sockets| sockets.slow += 1);
        self.send_queue.clear();
        self.queue_statuses(&[status("slow_consumer", "Slow consumer: your connection cannot keep up.")]);
        MassiveSocketEnd::Closed
    }
}
