//! Grants permits: decided under the group's lock, recorded outside of it, then handed over.
//!
//! Where other processes share the budget, three things come in this order, inside the lock that lets one process decide
//! at a time: read what the others have sent, decide, and record what was decided. Only the decision needs the group's
//! state. So the group's mutex is taken twice, to decide and to hand over, and is free while the file is read and
//! written. A permit that is decided counts at once but cannot be picked up before it is recorded; a caller who cancels in
//! between takes it back.

use std::time::Duration;

use tokio::time::Instant;

use super::LimitedGroup;
use crate::limiter::block_errors;
use crate::limiter::journal::{Journal, JournalGuard, PeerEvent, RecordKind};
use crate::limiter::state::LimiterState;

/// The wait before another attempt while the journal is in use.
const LOCK_POLL: Duration = Duration::from_millis(1);

impl LimitedGroup {
    /// Grants the permits for which there is room; if the journal is in use, a moment later.
    pub(in crate::limiter) fn grant_permits(&self) {
        match self.scope.journal.get() {
            None => self.grant_unrecorded(),
            // Where nobody waits there is nothing to decide. Whoever joins the queue after this look comes here as well.
            Some(journal) if self.lock().queue.len() > 0 => self.grant_recorded(journal),
            Some(_) => {}
        }
    }

    fn grant_unrecorded(&self) {
        let now = Instant::now();
        let mut state = self.lock();
        let grants = state.decide(now);
        state.publish(grants, now);
    }

    fn grant_recorded(&self, journal: &Journal) {
        let Some(mut guard) = journal.try_lock() else {
            if journal.is_stalled() {
                return self.grant_stalled(journal);
            }
            let now = Instant::now();
            return self.lock().retry_at(now, now + LOCK_POLL);
        };
        let events = guard.take_events(self.name.0);
        let grants = {
            let now = Instant::now();
            let mut state = self.lock();
            self.ingest(&mut state, events, now);
            state.decide(now)
        };
        for grant in &grants {
            guard.record_grant(self.name.0, grant.id, grant.weight);
        }
        self.lock().publish(grants, Instant::now());
    }

    /// Grants permits from what is known in memory; they are recorded when the file can be written again.
    fn grant_stalled(&self, journal: &Journal) {
        let grants = self.lock().decide(Instant::now());
        for grant in &grants {
            journal.defer_grant(self.name.0, grant.id, grant.weight);
        }
        self.lock().publish(grants, Instant::now());
    }

    /// Counts what other processes have recorded since the last call, unless the journal is in use.
    pub(in crate::limiter) fn read_peer_events(&self) {
        if let Some(mut guard) = self.scope.journal.get().and_then(Journal::try_lock) {
            self.ingest_from(&mut guard);
        }
    }

    fn ingest_from(&self, guard: &mut JournalGuard<'_>) {
        let events = guard.take_events(self.name.0);
        self.ingest(&mut self.lock(), events, Instant::now());
    }

    /// Counts the events of other processes. A ban and a pause hold for all processes.
    fn ingest(&self, state: &mut LimiterState, events: Vec<PeerEvent>, now: Instant) {
        for event in events {
            let left = Duration::from_millis(event.number).saturating_sub(event.age);
            match event.kind {
                RecordKind::Banned if !left.is_zero() => self.apply_ban(state, now + left, now),
                RecordKind::Paused if !left.is_zero() => self.pause_until(state, now + left, now),
                _ => {}
            }
            state.log.ingest(event, now);
        }
    }

    /// Pauses the group until `until`. Nobody waits for a long pause: those who do are refused.
    pub(super) fn pause_until(&self, state: &mut LimiterState, until: Instant, now: Instant) {
        let before = state.long_pause(now);
        state.rules.pause(until);
        if let Some(left) = state.long_pause(now) {
            let refusal = block_errors::paused(&self.scope, self.name, left);
            if before.is_none() {
                tracing::warn!("{refusal}");
            }
            state.refuse_all(&refusal);
        }
    }

    /// Refuses everything until `until`.
    pub(super) fn apply_ban(&self, state: &mut LimiterState, until: Instant, now: Instant) {
        self.scope.record_ban(until, now);
        state.banned_until = state.banned_until.max(Some(until));
        let left = state.banned_for(now).unwrap_or_default();
        state.refuse_all(&block_errors::banned(&self.scope, left));
    }
}
