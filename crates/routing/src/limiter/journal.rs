//! The journal: a file in which the processes of a machine tell each other what they send.
//!
//! Processes that use one address's budget at the same time know of each other, and a process that starts within a window
//! of another's end knows what that one had sent. Each permit is a line, appended before its request leaves, and each
//! answer is another. Nothing is flushed to the disk: the system keeps what a killed process wrote, and a machine that
//! loses power takes longer than a window to come back. A line cut short is no line. [`record`] shows the format and
//! [`file`] its versions.
//!
//! Permits are given inside the [process lock](process_lock), after reading what the others have appended, so that no two
//! processes give the same place away. Whoever finds it taken, by another process or by another group of this one, does
//! not wait but tries again a moment later. What needs no decision (answers, for instance) goes to the [outbox] first and
//! from there to the file as soon as that is free. So no lock of the limiter is held while the file is waited for. A
//! journal that stays taken for a second makes nobody wait any longer: the limiter goes on with what it has in memory.

mod config;
mod contention;
mod file;
mod guard;
mod outbox;
mod peer_log;
mod process_lock;
mod record;

use std::fmt;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;
use std::time::Duration;

use market_backbone_core::{RateLimitRule, Timestamp};

pub use config::JournalConfig;
pub(super) use guard::JournalGuard;
pub(super) use peer_log::PeerEvent;
pub(super) use record::RecordKind;

use contention::Contention;
use file::JournalFile;
use outbox::{Outbox, OutgoingRecord};
use process_lock::{ProcessLock, ProcessLockGuard};
use record::JournalRecord;

/// The number of immediate attempts to write what happened to a request.
const ANSWER_ATTEMPTS: u32 = 5;
/// The number of attempts where there is no later chance: at the start, at the end, and for a ban.
const LOCK_ATTEMPTS: u32 = 100;
/// The time between two such attempts; no lock is held meanwhile.
const LOCK_RETRY_DELAY: Duration = Duration::from_micros(100);

/// An open journal.
#[derive(Debug)]
pub(super) struct Journal {
    config: JournalConfig,
    /// The number of this run, which tells its lines from those of others.
    writer: u32,
    process_lock: ProcessLock,
    file: Mutex<JournalFile>,
    /// The contention for both locks.
    contention: Contention,
    outbox: Outbox,
}

impl Journal {
    /// Opens the file for the groups of these rules and reads what can still matter.
    ///
    /// # Errors
    ///
    /// The file cannot be created or read, or a newer version of this program writes it.
    pub(super) fn open(config: JournalConfig, rules: &[RateLimitRule]) -> io::Result<Self> {
        if let Some(folder) = config.path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut lock = config.path.clone().into_os_string();
        lock.push(".gate");
        let writer = fastrand::u32(1..);
        let journal = Self {
            process_lock: ProcessLock::open(lock.as_ref())?,
            file: Mutex::new(JournalFile::open(&config.path, writer, rules)?),
            writer,
            contention: Contention::default(),
            outbox: Outbox::default(),
            config,
        };
        journal.replay()?;
        Ok(journal)
    }

    /// Reads all that was written so far. Nobody else knows of this journal yet.
    fn replay(&self) -> io::Result<()> {
        let lock = self.lock_with_retries();
        let exclusive = lock.as_ref().is_some_and(ProcessLockGuard::is_exclusive);
        self.lock_file().replay(self.config.now(), exclusive)
    }

    /// Takes the lock between processes; a holder releases it within microseconds, unless it was stopped.
    fn lock_with_retries(&self) -> Option<ProcessLockGuard<'_>> {
        let attempt = |_| {
            let lock = self.process_lock.try_lock();
            if lock.is_none() {
                thread::sleep(LOCK_RETRY_DELAY);
            }
            lock
        };
        (0..LOCK_ATTEMPTS).find_map(attempt)
    }

    /// Starts to decide about permits; `None` if another process or thread does. Does not wait.
    pub(super) fn try_lock(&self) -> Option<JournalGuard<'_>> {
        let (mut file, lock) = self.try_enter()?;
        self.write_outbox(&mut file);
        let result = file.read(self.config.now(), lock.is_exclusive());
        self.warn(&mut file, result);
        Some(JournalGuard::new(self, lock, file))
    }

    /// Returns whether the journal has been found locked for so long that nobody waits for it any more.
    pub(super) fn is_stalled(&self) -> bool {
        self.contention.is_stalled()
    }

    fn try_enter(&self) -> Option<(MutexGuard<'_, JournalFile>, ProcessLockGuard<'_>)> {
        let file = match self.file.try_lock() {
            Ok(file) => Some(file),
            Err(TryLockError::Poisoned(file)) => Some(file.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        };
        // First the file, then the lock of the processes: that is one for the whole process.
        let entered = file.and_then(|file| Some((file, self.process_lock.try_lock()?)));
        self.contention.note(entered.is_none());
        entered
    }

    /// Records what happened to a request, or that the venue accepts none: at once, or as soon as the file is
    /// free.
    ///
    /// A ban or a pause must be known to the next process even if this one has nothing more to say: it is written
    /// within 10 ms in any case.
    pub(super) fn append(&self, kind: RecordKind, group: &'static str, number: u64) {
        let is_urgent = matches!(kind, RecordKind::Banned | RecordKind::Paused);
        let attempts = match kind {
            RecordKind::Banned | RecordKind::Paused => LOCK_ATTEMPTS,
            // While somebody stays at the journal, only the first to notice tries again.
            _ if self.outbox.is_empty() => ANSWER_ATTEMPTS,
            _ => 0,
        };
        self.defer(OutgoingRecord { kind, stamp: self.config.now(), group, number, weight: 1 });
        self.flush();
        for _ in 0..attempts {
            if self.outbox.is_empty() {
                return;
            }
            thread::sleep(LOCK_RETRY_DELAY);
            self.flush();
        }
        if is_urgent && !self.outbox.is_empty() {
            self.flush_without_lock();
        }
    }

    /// Records a permit that was given without looking at the file, as soon as that is free.
    pub(super) fn defer_grant(&self, group: &'static str, number: u64, weight: u32) {
        let (kind, stamp) = (RecordKind::Sent, self.config.now());
        self.defer(OutgoingRecord { kind, stamp, group, number, weight });
    }

    fn defer(&self, record: OutgoingRecord) {
        if self.outbox.push(record) {
            let file = self.file();
            tracing::warn!(%file, "the file stays locked: other processes will not know of all that is sent");
        }
    }

    /// Writes the outbox, if the journal is free; otherwise its user looks again after it has left.
    fn flush(&self) {
        while !self.outbox.is_empty() {
            let Some((mut file, _lock)) = self.try_enter() else { return };
            self.write_outbox(&mut file);
        }
    }

    /// Writes the outbox without the lock. A process that compacts the file at this moment may lose it.
    fn flush_without_lock(&self) {
        if let Ok(mut file) = self.file.try_lock() {
            self.write_outbox(&mut file);
        }
    }

    fn write_outbox(&self, file: &mut JournalFile) {
        for record in self.outbox.drain() {
            self.write(file, &record);
        }
    }

    fn write(&self, file: &mut JournalFile, record: &OutgoingRecord) {
        let OutgoingRecord { kind, stamp, group, number, weight } = *record;
        let record = JournalRecord { kind, stamp, writer: self.writer, group, number, weight };
        let result = file.append(&record);
        self.warn(file, result);
    }

    /// Warns once that the file cannot be used.
    fn warn(&self, file: &mut JournalFile, result: io::Result<()>) {
        if let Err(error) = result
            && file.is_first_failure()
        {
            let file = self.file();
            tracing::warn!(%error, %file, "sent requests cannot be recorded; other processes will not know of them");
        }
    }

    /// Returns the path of the file, to be shown.
    pub(super) fn file(&self) -> impl fmt::Display + '_ {
        self.config.path.display()
    }

    /// Returns the time of day after `time` from now, in whole seconds.
    pub(super) fn in_whole_seconds(&self, time: Duration) -> Timestamp {
        Timestamp::from_secs(self.config.clock.now().plus(time).as_secs())
    }

    fn lock_file(&self) -> MutexGuard<'_, JournalFile> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes the rest of the outbox, whoever uses the file.
impl Drop for Journal {
    fn drop(&mut self) {
        if !self.outbox.is_empty() {
            let _lock = self.lock_with_retries();
            self.flush_without_lock();
        }
    }
}

#[cfg(test)]
mod tests;
