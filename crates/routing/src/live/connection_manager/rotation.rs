//! Replaces a connection before it breaks.
//!
//! The new connection is opened, subscribes to the same channels and is confirmed before the old one closes.
//! Both are read while they overlap, and the cache removes duplicates.

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::ConnectionManager;
use super::connection_slot::ConnectionSlot;

/// The callers that wait for a requested rotation.
#[derive(Debug, Default)]
pub(super) struct Rotation {
    waiters: Vec<oneshot::Sender<bool>>,
    /// The number of slots that are not done yet.
    remaining: usize,
    failed: bool,
}

impl Rotation {
    fn reply_if_done(&mut self) {
        if self.remaining == 0 {
            let failed = std::mem::take(&mut self.failed);
            for waiting in self.waiters.drain(..) {
                // The caller may be gone.
                let _ = waiting.send(!failed);
            }
        }
    }
}

impl ConnectionManager {
    /// Replaces all connections; `reply` gets whether all were replaced.
    pub(super) fn rotate_all(&mut self, reply: oneshot::Sender<bool>) {
        self.rotation.waiters.push(reply);
        for index in 0..self.slots.len() {
            if self.slots[index].current.is_none() || self.slots[index].rotation_requested {
                continue;
            }
            if self.has_connection_capacity() {
                self.slots[index].rotation_requested = true;
                self.slots[index].rotation_pending = self.slots[index].next.is_none();
                self.rotation.remaining += 1;
                self.rotate_if_confirmed(index);
            } else {
                tracing::info!("the venue does not allow a second connection beside the first");
                self.rotation.failed = true;
            }
        }
        self.rotation.reply_if_done();
    }

    /// Starts a requested rotation once the connection is confirmed.
    pub(super) fn rotate_if_confirmed(&mut self, index: usize) {
        if self.slots[index].rotation_pending && self.slots[index].can_rotate() {
            self.slots[index].rotation_pending = false;
            if !self.rotate(index) {
                self.rotation_finished(index, false);
            }
        }
    }

    /// Replaces the connections that have reached the rotation age.
    pub(super) fn rotate_expired(&mut self, now: Instant) {
        let Some(every) = self.state.config.rotation_interval else { return };
        for index in 0..self.slots.len() {
            if self.slots[index].rotate_at.is_some_and(|at| at <= now) {
                self.slots[index].rotate_at = Some(now + every);
                self.rotate(index);
            } else if self.slots[index].rotate_at.is_none() && self.slots[index].can_rotate() {
                self.slots[index].rotate_at = Some(now + every);
            }
        }
    }

    /// Starts to replace the connection of a slot. Returns whether that is possible.
    fn rotate(&mut self, index: usize) -> bool {
        if !self.has_connection_capacity() || !self.slots[index].can_rotate() {
            return false;
        }
        let run = self.start_connection(index);
        self.slots[index].next = Some(run);
        true
    }

    /// Returns whether the venue allows one more connection.
    fn has_connection_capacity(&self) -> bool {
        let most = self.state.venue.capabilities().socket.max_connections;
        let standing: usize = self.slots.iter().map(ConnectionSlot::connections).sum();
        most.is_none_or(|most| standing < usize::try_from(most).unwrap_or(usize::MAX))
    }

    /// Hands a slot over to its new connection, which delivers all that the old one does.
    pub(super) fn hand_over(&mut self, index: usize) {
        self.state.counters.rotations.add(1);
        self.slots[index].hand_over();
    }

    /// Finishes the rotation of a slot.
    pub(super) fn rotation_finished(&mut self, index: usize, well: bool) {
        if std::mem::take(&mut self.slots[index].rotation_requested) {
            self.rotation.remaining -= 1;
            self.rotation.failed |= !well;
            self.rotation.reply_if_done();
        }
    }
}
