//! Records what a venue sends, in a thread of its own.
//!
//! Records wait in a buffer of a fixed size. When it is full, further ones are dropped and counted; their number is
//! written where they are missing. Nobody waits for the disk except the thread.

use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use market_backbone_core::{Timestamp, WireObserver};

use crate::record::{
    RECORD_HEAD, append_connected, append_disconnected, append_frame, append_missed, append_reply,
};
use crate::record_buffer::RecordBuffer;
use crate::writer::{TapeWriter, WriterLimits};
use crate::{TapeError, TapeSession};

/// The limits of a recorder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecorderLimits {
    /// The bytes that may wait to be written; what does not fit is dropped and counted.
    pub queue_bytes: usize,
    /// The bytes from which a block is written.
    pub block_bytes: usize,
    /// The longest time that a record waits for others of its block.
    pub flush_interval: Duration,
    /// The limits of the files.
    pub writer: WriterLimits,
}

impl Default for RecorderLimits {
    fn default() -> Self {
        Self {
            queue_bytes: 32 << 20,
            block_bytes: 1 << 20,
            flush_interval: Duration::from_secs(1),
            writer: WriterLimits::default(),
        }
    }
}

/// The figures of a recording.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordingStats {
    /// The number of frames recorded.
    pub frames: u64,
    /// The number of answers recorded.
    pub replies: u64,
    /// The number of connections opened.
    pub connections: u64,
    /// The number of records dropped because the queue was full, or because writing had failed.
    pub missed: u64,
    /// The number of files begun.
    pub files: u32,
    /// The bytes written.
    pub bytes: u64,
}

/// The state that the observers and the writing thread share.
#[derive(Debug, Default)]
struct Queue {
    /// The session, once it is known; nothing is recorded before.
    session: Option<TapeSession>,
    waiting: RecordBuffer,
    stats: RecordingStats,
    /// The number of dropped records that no record says yet.
    unsaid: u64,
    is_closed: bool,
    failure: Option<TapeError>,
}

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    /// Notified when a block is full, or the recording ends.
    due: Condvar,
    limits: RecorderLimits,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(
        &self,
        time: Timestamp,
        length: usize,
        count: impl FnOnce(&mut RecordingStats),
        append: impl FnOnce(&mut Vec<u8>),
    ) {
        let mut queue = self.lock();
        if queue.session.is_none() {
            return;
        }
        let is_full = queue.waiting.bytes.len() + RECORD_HEAD + length > self.limits.queue_bytes;
        if is_full || queue.is_closed || queue.failure.is_some() {
            queue.stats.missed += 1;
            queue.unsaid += 1;
            return;
        }
        let unsaid = std::mem::take(&mut queue.unsaid);
        if unsaid > 0 {
            queue.waiting.push(time, |bytes| append_missed(bytes, time, unsaid));
        }
        queue.waiting.push(time, append);
        count(&mut queue.stats);
        if queue.waiting.bytes.len() >= self.limits.block_bytes {
            self.due.notify_one();
        }
    }

    /// Writes blocks until the recording ends or writing fails.
    fn write_all(&self, mut writer: TapeWriter) {
        let mut block = RecordBuffer::default();
        loop {
            let mut queue = self.lock();
            while !queue.is_closed && queue.waiting.bytes.len() < self.limits.block_bytes {
                let (woken, wait) = self
                    .due
                    .wait_timeout(queue, self.limits.flush_interval)
                    .unwrap_or_else(PoisonError::into_inner);
                queue = woken;
                if wait.timed_out() {
                    break;
                }
            }
            std::mem::swap(&mut queue.waiting, &mut block);
            let is_closed = queue.is_closed;
            if let (false, Some(session)) = (writer.knows_session(), &queue.session) {
                writer.set_session(session.clone());
            }
            drop(queue);
            let written = writer.write(&block).and_then(|()| if is_closed { writer.close() } else { Ok(()) });
            let mut queue = self.lock();
            (queue.stats.files, queue.stats.bytes) = (writer.files, writer.bytes);
            if let Err(error) = written {
                tracing::warn!(%error, "the recording cannot go on");
                queue.stats.missed += u64::from(block.records) + u64::from(queue.waiting.records);
                queue.failure = Some(error);
                return;
            }
            if is_closed {
                return;
            }
            block.clear();
        }
    }
}

/// A recording in progress. It observes what a venue sends as a [`WireObserver`].
///
/// Dropping it ends the recording: what waits is written first.
#[derive(Debug)]
pub struct TapeRecorder {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// The side of a recording that the layers hold.
#[derive(Debug)]
struct Tap(Arc<Shared>);

impl TapeRecorder {
    /// Prepares a recording in `dir`, beside those that are there already. Nothing is recorded before
    /// [`begin`](Self::begin).
    ///
    /// # Errors
    ///
    /// If the folder cannot be created, or no thread can be started.
    pub fn prepare(dir: &Path, limits: RecorderLimits) -> Result<Self, TapeError> {
        let writer = TapeWriter::new(dir, limits.writer)?;
        let shared = Arc::new(Shared { queue: Mutex::default(), due: Condvar::new(), limits });
        let writing = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("tape-recorder".to_owned())
            .spawn(move || writing.write_all(writer))
            .map_err(TapeError::io("start a thread for", dir))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Records all that arrives from now on, which is data of `session`. Only the first call has an effect.
    pub fn begin(&self, session: TapeSession) {
        self.shared.lock().session.get_or_insert(session);
    }

    /// Returns the observer to hand to the layer that talks to the venue.
    #[must_use]
    pub fn observer(&self) -> Arc<dyn WireObserver> {
        Arc::new(Tap(Arc::clone(&self.shared)))
    }

    /// Returns the figures so far.
    #[must_use]
    pub fn stats(&self) -> RecordingStats {
        self.shared.lock().stats
    }

    /// Returns whether writing has failed; [`finish`](Self::finish) says why.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.shared.lock().failure.is_some()
    }

    /// Ends the recording: writes what waits, and returns the figures.
    ///
    /// # Errors
    ///
    /// If anything could not be written.
    pub fn finish(mut self) -> Result<RecordingStats, TapeError> {
        self.end();
        let mut queue = self.shared.lock();
        queue.failure.take().map_or(Ok(queue.stats), Err)
    }

    fn end(&mut self) {
        self.shared.lock().is_closed = true;
        self.shared.due.notify_one();
        if let Some(thread) = self.thread.take() {
            // It ends once it has written one block; a panic in it has been reported already.
            let _ = thread.join();
        }
    }
}

impl Drop for TapeRecorder {
    fn drop(&mut self) {
        self.end();
    }
}

impl WireObserver for Tap {
    fn on_connected(&self, connection: u64, at: Timestamp) {
        self.0.record(at, 8, |stats| stats.connections += 1, |bytes| append_connected(bytes, at, connection));
    }

    fn on_frame(&self, connection: u64, received: Timestamp, frame: &[u8]) {
        let append = |bytes: &mut Vec<u8>| append_frame(bytes, received, connection, frame);
        self.0.record(received, 8 + frame.len(), |stats| stats.frames += 1, append);
    }

    fn on_disconnected(&self, connection: u64, at: Timestamp) {
        self.0.record(at, 8, |_| (), |bytes| append_disconnected(bytes, at, connection));
    }

    fn on_reply(
        &self,
        received: Timestamp,
        target: &str,
        (status, headers): (u16, &[(String, String)]),
        body: &[u8],
    ) {
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
        let length = target.len() + headers.len() + body.len() + 10;
        let append = |bytes: &mut Vec<u8>| append_reply(bytes, received, (target, status, &headers, body));
        self.0.record(received, length, |stats| stats.replies += 1, append);
    }
}
