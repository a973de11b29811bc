//! Stdout: written by a thread of its own, because it may be a pipe whose reader is slow, accepts nothing, or
//! has gone.
//!
//! Output waits in a queue of [`MAX_QUEUED_BYTES`] bytes. When that is full, the writer waits: a feed behind
//! it then records what its reader missed. Once the command is to [end](crate::stop), nobody waits for more
//! than [`STOP_GRACE`], and unwritten lines are reported. The thread checks now and then whether anybody
//! reads at all: a quiet market would never find out.

use std::io::{self, ErrorKind, Write, stdout};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use super::reader;
use crate::stop::{self, StopCause};

/// The capacity of the queue, in bytes.
const MAX_QUEUED_BYTES: usize = 1 << 20;
/// The size of a batch, in bytes, unless it is flushed before.
const BATCH_BYTES: usize = 32 << 10;
/// The size of one write to the system, in bytes.
const CHUNK_BYTES: usize = 16 << 10;
/// The interval between two checks for a reader, and for the end of the command.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// The longest time for the reader to accept the rest when the command ends.
const STOP_GRACE: Duration = Duration::from_secs(1);

/// Stdout with its writer thread.
pub(super) struct Pipe {
    batch: Vec<u8>,
    shared: Arc<PipeShared>,
    writer: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct PipeShared {
    queue: Mutex<PipeQueue>,
    changed: Condvar,
}

#[derive(Default)]
struct PipeQueue {
    waiting: Vec<u8>,
    /// The number of lines that may not have been written.
    lines: usize,
    /// True if the thread is not writing.
    idle: bool,
    /// True if no more output comes.
    closed: bool,
    failed: Option<ErrorKind>,
}

impl PipeQueue {
    fn take(&mut self, batch: &mut Vec<u8>) {
        self.lines += count_lines(batch);
        self.waiting.append(batch);
    }
}

impl PipeShared {
    // It is consistent after every statement.
    fn lock(&self) -> MutexGuard<'_, PipeQueue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, queue: MutexGuard<'a, PipeQueue>) -> MutexGuard<'a, PipeQueue> {
        self.changed.wait_timeout(queue, POLL_INTERVAL).unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Pipe {
    pub(super) fn open() -> io::Result<Self> {
        let shared = Arc::new(PipeShared {
            queue: Mutex::new(PipeQueue { idle: true, ..PipeQueue::default() }),
            ..PipeShared::default()
        });
        let theirs = Arc::clone(&shared);
        let writer = Builder::new().name("stdout".to_owned()).spawn(move || write_all(&theirs))?;
        Ok(Self { batch: Vec::new(), shared, writer: Some(writer) })
    }

    pub(super) fn line(&mut self, line: &str) -> io::Result<()> {
        self.batch.extend_from_slice(line.as_bytes());
        self.batch.push(b'\n');
        if self.batch.len() >= BATCH_BYTES { self.flush() } else { Ok(()) }
    }

    /// Takes whole lines, each with its end.
    pub(super) fn lines(&mut self, lines: &[u8]) -> io::Result<()> {
        self.batch.extend_from_slice(lines);
        if self.batch.len() >= BATCH_BYTES { self.flush() } else { Ok(()) }
    }

    /// Passes on what there is, as soon as there is room for it.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        let mut queue = self.shared.lock();
        while !queue.waiting.is_empty() && queue.waiting.len() + self.batch.len() > MAX_QUEUED_BYTES {
            failure(&queue)?;
            if stop::requested().is_some() {
                return Err(io::Error::new(
                    ErrorKind::Interrupted,
                    "stopped while the reader of stdout accepted nothing",
                ));
            }
            queue = self.shared.wait(queue);
        }
        failure(&queue)?;
        queue.take(&mut self.batch);
        self.shared.changed.notify_all();
        Ok(())
    }

    /// Waits until all is written, for at most [`STOP_GRACE`] if the command is to end.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        let mut queue = self.shared.lock();
        // One batch more than fits, so that the rest can be reported in one place.
        queue.take(&mut self.batch);
        self.shared.changed.notify_all();
        loop {
            failure(&queue)?;
            if queue.waiting.is_empty() && queue.idle {
                return Ok(());
            }
            if stop::requested().is_some_and(|(_, since)| since >= STOP_GRACE) {
                let lines = queue.lines;
                let message =
                    format!("up to {lines} lines were not written: the reader of stdout accepts nothing");
                return Err(io::Error::new(ErrorKind::TimedOut, message));
            }
            queue = self.shared.wait(queue);
        }
    }

    /// Waits until all is written, and ends the thread.
    pub(super) fn finish(mut self) -> io::Result<()> {
        if let Err(error) = self.sync() {
            self.writer = None; // reported by whoever gets this error
            return Err(error);
        }
        self.close();
        // It is idle, so it ends at once.
        let _ = self.writer.take().map(JoinHandle::join);
        Ok(())
    }

    fn close(&self) {
        let mut queue = self.shared.lock();
        queue.closed = true;
        queue.waiting.clear();
        self.shared.changed.notify_all();
    }
}

impl Drop for Pipe {
    /// Writes what was queued before a failure as well. The thread may hang in a write; it then ends with the
    /// process.
    fn drop(&mut self) {
        let settled = if self.writer.is_some() { self.sync() } else { Ok(()) };
        self.close();
        if let Some(error) = settled.err().filter(|error| error.kind() == ErrorKind::TimedOut) {
            super::note(&error.to_string());
        }
    }
}

fn failure(queue: &PipeQueue) -> io::Result<()> {
    match queue.failed {
        Some(ErrorKind::BrokenPipe) => Err(ErrorKind::BrokenPipe.into()),
        Some(kind) => Err(io::Error::new(kind, format!("cannot write to stdout: {kind}"))),
        None => Ok(()),
    }
}

fn count_lines(bytes: &[u8]) -> usize {
    // In pieces of which a byte can hold the number, which a processor adds up many at a time.
    let ends = |piece: &[u8]| piece.iter().map(|byte| u8::from(*byte == b'\n')).sum::<u8>();
    bytes.chunks(usize::from(u8::MAX)).map(|piece| usize::from(ends(piece))).sum()
}

/// Runs the writer thread.
fn write_all(shared: &PipeShared) {
    while let Some(bytes) = next(shared) {
        for piece in bytes.chunks(CHUNK_BYTES) {
            let written = stdout().write_all(piece).and_then(|()| stdout().flush());
            let mut queue = shared.lock();
            match written {
                Ok(()) => queue.lines = queue.lines.saturating_sub(count_lines(piece)),
                Err(error) => return fail(shared, queue, error.kind()),
            }
            if queue.closed {
                return;
            }
        }
    }
}

/// Waits for the next bytes to write; `None` if there will be none.
fn next(shared: &PipeShared) -> Option<Vec<u8>> {
    let mut queue = shared.lock();
    loop {
        if queue.closed {
            return None;
        }
        if !queue.waiting.is_empty() {
            queue.idle = false;
            let bytes = std::mem::take(&mut queue.waiting);
            shared.changed.notify_all();
            return Some(bytes);
        }
        if !queue.idle {
            queue.idle = true;
            shared.changed.notify_all();
        }
        if reader::is_gone() {
            fail(shared, queue, ErrorKind::BrokenPipe);
            return None;
        }
        queue = shared.wait(queue);
    }
}

fn fail(shared: &PipeShared, mut queue: MutexGuard<'_, PipeQueue>, kind: ErrorKind) {
    queue.failed = Some(kind);
    if kind == ErrorKind::BrokenPipe {
        stop::request(StopCause::ReaderGone);
    }
    shared.changed.notify_all();
}
