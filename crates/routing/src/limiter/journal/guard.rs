//! The guard of granting: one process at a time, which knows what all others have sent.

use std::sync::MutexGuard;

use super::Journal;
use super::file::JournalFile;
use super::outbox::OutgoingRecord;
use super::peer_log::PeerEvent;
use super::process_lock::ProcessLockGuard;
use super::record::RecordKind;

/// The right to grant permits, as long as it lives.
#[derive(Debug)]
pub(in crate::limiter) struct JournalGuard<'a> {
    journal: &'a Journal,
    // Dropped in this order. `None` only while it is dropped.
    inside: Option<(ProcessLockGuard<'a>, MutexGuard<'a, JournalFile>)>,
}

impl<'a> JournalGuard<'a> {
    pub(super) fn new(
        journal: &'a Journal,
        lock: ProcessLockGuard<'a>,
        file: MutexGuard<'a, JournalFile>,
    ) -> Self {
        Self { journal, inside: Some((lock, file)) }
    }

    /// Returns the events of other processes in `group` since the last call.
    pub(in crate::limiter) fn take_events(&mut self, group: &str) -> Vec<PeerEvent> {
        let now = self.journal.config.now();
        self.inside.as_mut().map_or_else(Vec::new, |(_, file)| file.peers.take(group, now))
    }

    /// Records that a permit was given.
    pub(in crate::limiter) fn record_grant(&mut self, group: &'static str, number: u64, weight: u32) {
        let (kind, stamp) = (RecordKind::Sent, self.journal.config.now());
        if let Some((_, file)) = &mut self.inside {
            self.journal.write(file, &OutgoingRecord { kind, stamp, group, number, weight });
        }
    }
}

/// Writes the outbox: other threads that found the journal in use have left records there.
impl Drop for JournalGuard<'_> {
    fn drop(&mut self) {
        self.inside = None;
        self.journal.flush();
    }
}
