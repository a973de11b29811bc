//! Plays a recording in the venue's place: its connections, frames and answers, each at its time.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::{SinkExt, StreamExt};
use market_backbone_routing::{ByteStream, Transport};
use tokio::io::{DuplexStream, duplex};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;

/// The bytes on the way to the reader of a connection.
const PIPE: usize = 1 << 20;
/// The frames that wait for their connection; those of a connection that nobody opens are left out.
const FRAMES: usize = 4_096;
/// The answers that wait for their request; the oldest are left out.
const REPLIES: usize = 4_096;
/// The longest that a request waits for its recorded answer. It is shorter than the timeout of a request.
const REPLY_TIMEOUT: Duration = Duration::from_secs(8);

/// An answer that was recorded.
#[derive(Debug)]
pub(crate) struct RecordedReply {
    pub(crate) target: String,
    pub(crate) status: u16,
    pub(crate) headers: String,
    pub(crate) body: Vec<u8>,
}

#[derive(Debug, Default)]
struct PlayState {
    /// Connections that were recorded and that nobody has opened yet.
    offers: VecDeque<mpsc::Receiver<Vec<u8>>>,
    replies: VecDeque<RecordedReply>,
    /// The frames of each open connection.
    frames: HashMap<u64, mpsc::Sender<Vec<u8>>>,
    /// The tasks that serve the connections.
    servers: JoinSet<()>,
    /// The number of requests without a recorded answer, and the first of them.
    unanswered: u64,
    first_unanswered: Option<String>,
}

/// A recording that takes the place of a venue.
///
/// A connection is opened when the recording has one, and ends when that ended. A request is answered as it was then;
/// one that was not recorded is an error. What is sent to the venue is ignored.
#[derive(Debug, Default)]
pub struct TapePlayer {
    state: Mutex<PlayState>,
    changed: Notify,
}

impl TapePlayer {
    fn lock(&self) -> MutexGuard<'_, PlayState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn open(&self, connection: u64) {
        let (sender, frames) = mpsc::channel(FRAMES);
        let mut state = self.lock();
        state.offers.push_back(frames);
        state.frames.insert(connection, sender);
        drop(state);
        self.changed.notify_waiters();
    }

    /// Plays a frame; returns whether it was taken. A recording that is played from its middle has frames of connections
    /// that were opened before.
    pub(crate) fn frame(&self, connection: u64, bytes: Vec<u8>) -> bool {
        if !self.lock().frames.contains_key(&connection) {
            self.open(connection);
        }
        self.lock().frames.get(&connection).is_some_and(|frames| frames.try_send(bytes).is_ok())
    }

    pub(crate) fn close(&self, connection: u64) {
        self.lock().frames.remove(&connection);
    }

    pub(crate) fn reply(&self, reply: RecordedReply) {
        let mut state = self.lock();
        if state.replies.len() >= REPLIES {
            state.replies.pop_front();
        }
        state.replies.push_back(reply);
        drop(state);
        self.changed.notify_waiters();
    }

    /// Returns the number of requests that the recording has no answer to.
    pub(crate) fn unanswered(&self) -> u64 {
        self.lock().unanswered
    }

    /// Returns the first request that the recording has no answer to.
    #[must_use]
    pub fn first_unanswered(&self) -> Option<String> {
        self.lock().first_unanswered.clone()
    }

    /// Waits until `take` finds something.
    async fn taken<T>(&self, take: impl Fn(&mut PlayState) -> Option<T>) -> T {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(taken) = take(&mut self.lock()) {
                return taken;
            }
            changed.await;
        }
    }
}

/// The handle of a player that the router gets.
#[derive(Clone, Debug)]
pub struct TapeTransport(pub Arc<TapePlayer>);

#[async_trait]
impl Transport for TapeTransport {
    async fn send(&self, request: http::Request<()>) -> io::Result<http::Response<Vec<u8>>> {
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str()).to_owned();
        let take = |state: &mut PlayState| {
            let place = state.replies.iter().position(|reply| reply.target == target)?;
            state.replies.remove(place)
        };
        let deadline = Instant::now() + REPLY_TIMEOUT;
        let Ok(reply) = timeout_at(deadline, self.0.taken(take)).await else {
            let message = format!("GET {target} was not recorded, and a replay has no network");
            tracing::debug!(target, "a request that was not recorded");
            let mut state = self.0.lock();
            state.unanswered += 1;
            state.first_unanswered.get_or_insert(target);
            return Err(io::Error::new(io::ErrorKind::NotFound, message));
        };
        let mut response = http::Response::builder().status(reply.status);
        // With its date: it says up to when the answer proves anything. The clock, which shows the venue's time already,
        // agrees with it and is not corrected.
        for (name, value) in reply.headers.lines().filter_map(|line| line.split_once(": ")) {
            response = response.header(name, value);
        }
        response.body(reply.body).map_err(io::Error::other)
    }

    async fn connect(&self) -> io::Result<Box<dyn ByteStream>> {
        let frames = self.0.taken(|state| state.offers.pop_front()).await;
        let (near, far) = duplex(PIPE);
        let mut state = self.0.lock();
        while state.servers.try_join_next().is_some() {}
        state.servers.spawn(serve(far, frames));
        Ok(Box::new(near))
    }
}

/// Sends the frames of one connection; ends with them, as abruptly as the recorded one may have ended.
async fn serve(stream: DuplexStream, mut frames: mpsc::Receiver<Vec<u8>>) {
    let Ok(mut socket) = accept_async(stream).await else { return };
    loop {
        tokio::select! {
            biased;
            frame = frames.recv() => {
                let Some(bytes) = frame else { return };
                if socket.send(Message::Binary(bytes.into())).await.is_err() {
                    return;
                }
            }
            // What is sent to the venue changes nothing; pings are answered on the way.
            incoming = socket.next() => if !matches!(incoming, Some(Ok(_))) { return },
        }
    }
}
