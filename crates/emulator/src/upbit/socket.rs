//! A WebSocket session: requests in, frames out, and the many ways in which it ends.
//!
//! Everything sent is a function of the tape and the clock: a session only remembers up to which moment it
//! has sent.

mod channel_updates;
mod frame_fault_injector;
mod frame_writer;
mod request;
mod socket_fault_state;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message};
use tokio_util::sync::CancellationToken;

use crate::calendar::{MINUTE, SECOND};
use crate::connection::ServerSocket;
use crate::hash_random;
use crate::world::EmulatorWorld;
use request::{FrameFormat, SocketError, SocketRequest, SocketSubscription};

pub(crate) use frame_fault_injector::FrameFaultInjector;
pub(crate) use socket_fault_state::SocketFaultState;

/// The interval between two checks for new frames.
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// The interval between two `{"status":"UP"}` messages of the server, in ms.
const STATUS_EVERY_MS: i64 = 10 * SECOND;
/// The time after which a client that does not accept a frame is cut.
const SEND_DEADLINE: Duration = Duration::from_secs(5);
/// The longest time for a client's answer to a close.
const CLOSE_DEADLINE: Duration = Duration::from_secs(1);
/// The time after which a stalled socket is closed, in ms.
const STALL_MS: i64 = 10 * MINUTE;
/// The longest time of which frames are sent after a jump of a manual clock, in ms.
const MAX_CATCH_UP_MS: i64 = MINUTE;
/// The number of messages a client may send in a second and in a minute.
const MESSAGES: (usize, usize) = (5, 100);

/// The way in which a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
enum UpbitSocketEnd {
    /// The client left, or could not be reached.
    Gone,
    /// The session cut the connection without a close frame.
    Dropped,
    /// The session closed the connection after an error.
    Refused(SocketError),
}

/// Serves a client until either side ends the session.
pub(crate) async fn run(mut socket: ServerSocket, world: Arc<EmulatorWorld>) {
    let (open, cut) = OpenSocketGuard::new(&world);
    let talk = UpbitSocketSession::new(&world, open.number).run(&mut socket);
    match cut.run_until_cancelled(talk).await.unwrap_or(UpbitSocketEnd::Dropped) {
        UpbitSocketEnd::Gone => {}
        UpbitSocketEnd::Dropped => world.traffic_log.update_sockets(|sockets| sockets.dropped += 1),
        UpbitSocketEnd::Refused(error) => {
            let region = world.scenario.region;
            let _ = timeout(CLOSE_DEADLINE, refuse(&mut socket, &error.frame(region))).await;
        }
    }
}

/// Sends an error, then closes with code 1000 and waits for the client's close.
async fn refuse(socket: &mut ServerSocket, error: &str) {
    let goodbye = CloseFrame { code: CloseCode::Normal, reason: "".into() };
    if socket.send(Message::binary(error.to_owned())).await.is_ok()
        && socket.close(Some(goodbye)).await.is_ok()
    {
        while let Some(Ok(_)) = socket.next().await {}
    }
}

/// A guard that counts a socket as open for as long as it lives, however its task ends.
pub(crate) struct OpenSocketGuard<'a> {
    world: &'a EmulatorWorld,
    pub(crate) number: u64,
}

impl<'a> OpenSocketGuard<'a> {
    /// Registers a socket; returns its guard and the token that tells it to close.
    pub(crate) fn new(world: &'a EmulatorWorld) -> (Self, CancellationToken) {
        world.traffic_log.update_sockets(|sockets| {
            sockets.opened += 1;
            sockets.open += 1;
        });
        let (number, cut) = world.sockets.register();
        (Self { world, number }, cut)
    }
}

impl Drop for OpenSocketGuard<'_> {
    fn drop(&mut self) {
        self.world.sockets.deregister(self.number);
        self.world.traffic_log.update_sockets(|sockets| sockets.open -= 1);
    }
}

struct UpbitSocketSession<'a> {
    world: &'a Arc<EmulatorWorld>,
    /// The session's own key for random numbers.
    draw_key: u64,
    subscriptions: Arc<[SocketSubscription]>,
    format: FrameFormat,
    /// The time of opening, by the clock that never steps, like all times here except `sent_until_ms`.
    opened_ms: i64,
    /// The time up to which everything was sent to the client, by the venue's clock.
    sent_until_ms: i64,
    /// The time of the last byte in either direction.
    traffic_ms: i64,
    /// The time of the next status, once the client has asked for them.
    status_ms: Option<i64>,
    messages: VecDeque<i64>,
    /// A message read just after a stall began; handled when it ends.
    deferred_message: Option<Message>,
    frame_faults: FrameFaultInjector,
}

impl<'a> UpbitSocketSession<'a> {
    fn new(world: &'a Arc<EmulatorWorld>, number: u64) -> Self {
        let now_ms = world.monotonic_ms();
        Self {
            world,
            draw_key: hash_random::draw(world.scenario.seed ^ 0x50CE, number),
            subscriptions: Arc::new([]),
            format: FrameFormat::default(),
            opened_ms: now_ms,
            sent_until_ms: world.now_ms(),
            traffic_ms: now_ms,
            status_ms: None,
            messages: VecDeque::new(),
            deferred_message: None,
            frame_faults: FrameFaultInjector::default(),
        }
    }

    async fn run(mut self, socket: &mut ServerSocket) -> UpbitSocketEnd {
        let mut look = interval(POLL_INTERVAL);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // `next` of a socket and `tick` lose nothing when dropped. A stalled session does not read:
            // reading would answer pings.
            let listens = self.fault_state() != SocketFaultState::Stalled;
            let step = match self.deferred_message.take_if(|_| listens) {
                Some(message) => self.handle_message(socket, message).await,
                None => tokio::select! {
                    message = socket.next(), if listens => match message {
                        Some(Ok(message)) => self.handle_message(socket, message).await,
                        Some(Err(_)) | None => Err(UpbitSocketEnd::Gone),
                    },
                    _ = look.tick() => self.poll(socket).await,
                },
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

    /// Handles a message.
    async fn handle_message(
        &mut self,
        socket: &mut ServerSocket,
        message: Message,
    ) -> Result<(), UpbitSocketEnd> {
        if self.fault_state() == SocketFaultState::Stalled {
            self.deferred_message = Some(message);
            return Ok(());
        }
        let now_ms = self.world.monotonic_ms();
        self.traffic_ms = now_ms;
        let text = match &message {
            Message::Text(text) => text.as_str(),
            Message::Binary(bytes) => std::str::from_utf8(bytes).unwrap_or_default(),
            Message::Close(_) => return Err(UpbitSocketEnd::Gone),
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {
                // tungstenite has queued the pong; it leaves with the next flush.
                return send(socket.flush()).await;
            }
        };
        self.world.traffic_log.update_sockets(|sockets| sockets.messages += 1);
        self.count_message(now_ms).map_err(UpbitSocketEnd::Refused)?;
        match request::parse(self.world, text).map_err(UpbitSocketEnd::Refused)? {
            SocketRequest::Status => {
                self.status_ms.get_or_insert(next_status(now_ms));
                Ok(())
            }
            SocketRequest::List { ticket, format } => {
                self.format = format.unwrap_or(self.format);
                let list =
                    request::list(self.world.scenario.region, &ticket, &self.subscriptions, self.format);
                self.send(socket, vec![list]).await
            }
            SocketRequest::Subscribe { subscriptions, format } => {
                // Older trades belong to the previous subscriptions.
                let venue_ms = self.world.now_ms();
                self.notify(socket, venue_ms).await?;
                (self.subscriptions, self.format) = (subscriptions.into(), format);
                if self.fault_state() == SocketFaultState::Mute {
                    return Ok(());
                }
                let frames = self.snapshots(venue_ms).await;
                self.send(socket, frames).await
            }
        }
    }

    async fn snapshots(&self, now_ms: i64) -> Vec<String> {
        let (world, wanted, format) = (Arc::clone(self.world), Arc::clone(&self.subscriptions), self.format);
        run_blocking(move || channel_updates::snapshots(&world, &wanted, format, now_ms)).await
    }

    async fn updates(&self, from_ms: i64, to_ms: i64) -> Vec<String> {
        if self.subscriptions.is_empty() {
            return Vec::new();
        }
        let (world, wanted, format) = (Arc::clone(self.world), Arc::clone(&self.subscriptions), self.format);
        run_blocking(move || channel_updates::updates(&world, &wanted, format, (from_ms, to_ms))).await
    }

    fn count_message(&mut self, now_ms: i64) -> Result<(), SocketError> {
        while self.messages.front().is_some_and(|at| now_ms - at >= MINUTE) {
            self.messages.pop_front();
        }
        self.messages.push_back(now_ms);
        let in_second = self.messages.iter().filter(|at| now_ms - **at < SECOND).count();
        let is_too_many = in_second > MESSAGES.0 || self.messages.len() > MESSAGES.1;
        if is_too_many { Err(SocketError::TooManyRequests) } else { Ok(()) }
    }

    /// Sends new frames, unless it is time to end.
    async fn poll(&mut self, socket: &mut ServerSocket) -> Result<(), UpbitSocketEnd> {
        let (now_ms, mood) = (self.world.monotonic_ms(), self.fault_state());
        let quiet_ms = now_ms - self.traffic_ms;
        let idle_ms = i64::try_from(self.world.scenario.socket_idle_ms).unwrap_or(i64::MAX);
        if mood == SocketFaultState::Stalled {
            self.sent_until_ms = self.world.now_ms();
            return if quiet_ms >= STALL_MS { Err(UpbitSocketEnd::Dropped) } else { Ok(()) };
        }
        if mood == SocketFaultState::Expired || quiet_ms >= idle_ms {
            return Err(UpbitSocketEnd::Dropped);
        }
        if let Some(due_ms) = self.status_ms
            && due_ms <= now_ms
        {
            self.status_ms = Some(next_status(now_ms));
            self.send(socket, vec![r#"{"status":"UP"}"#.to_owned()]).await?;
        }
        let venue_ms = self.world.now_ms();
        self.notify(socket, venue_ms).await
    }

    /// Sends all frames up to `now_ms` by the venue's clock; where that was set back, from there on again.
    async fn notify(&mut self, socket: &mut ServerSocket, now_ms: i64) -> Result<(), UpbitSocketEnd> {
        let told_ms = std::mem::replace(&mut self.sent_until_ms, now_ms);
        let SocketFaultState::Healthy { silent_until } = self.fault_state() else { return Ok(()) };
        let spoke_again_ms =
            self.opened_ms.saturating_add_unsigned(silent_until).saturating_add(self.world.offset_ms());
        let from_ms = told_ms.max(spoke_again_ms).max(now_ms - MAX_CATCH_UP_MS);
        let news = self.updates(from_ms, now_ms).await;
        let faults = self.world.faults.get();
        let frames = self.frame_faults.apply(self.draw_key, &faults, news, self.world.monotonic_ms());
        self.send(socket, frames).await
    }

    async fn send(&mut self, socket: &mut ServerSocket, frames: Vec<String>) -> Result<(), UpbitSocketEnd> {
        if frames.is_empty() {
            return Ok(());
        }
        self.traffic_ms = self.world.monotonic_ms();
        self.world.traffic_log.update_sockets(|sockets| sockets.frames += frames.len() as u64);
        send(async {
            for frame in frames {
                socket.feed(Message::binary(frame)).await?;
            }
            socket.flush().await
        })
        .await
    }
}

/// Runs `fold` on a blocking thread, because the day of many markets can take a while.
async fn run_blocking(fold: impl FnOnce() -> Vec<String> + Send + 'static) -> Vec<String> {
    tokio::task::spawn_blocking(fold).await.unwrap_or_else(|error| {
        tracing::error!(%error, "frames were lost");
        Vec::new()
    })
}

async fn send<E>(sending: impl Future<Output = Result<(), E>>) -> Result<(), UpbitSocketEnd> {
    match timeout(SEND_DEADLINE, sending).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(UpbitSocketEnd::Gone),
        Err(_) => Err(UpbitSocketEnd::Dropped),
    }
}

const fn next_status(now_ms: i64) -> i64 {
    (now_ms.div_euclid(STATUS_EVERY_MS) + 1) * STATUS_EVERY_MS
}
