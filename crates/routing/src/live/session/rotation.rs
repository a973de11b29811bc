//! Replacing a connection before it breaks: the new one is made, asks for the same and is confirmed before the old one
//! goes, and both are heard while they overlap. The cache knows what both bring.

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::Session;
use super::lane::Lane;

/// Who waits for a rotation that was asked for.
#[derive(Debug, Default)]
pub(super) struct Rotation {
    waiting: Vec<oneshot::Sender<bool>>,
    /// How many lanes are not done yet.
    open: usize,
    failed: bool,
}

impl Rotation {
    fn settle(&mut self) {
        if self.open == 0 {
            let failed = std::mem::take(&mut self.failed);
            for waiting in self.waiting.drain(..) {
                // Who asked may have gone.
                let _ = waiting.send(!failed);
            }
        }
    }
}

impl Session {
    /// Replaces all connections; `reply` hears whether that went well.
    pub(super) fn rotate_all(&mut self, reply: oneshot::Sender<bool>) {
        self.rotation.waiting.push(reply);
        for index in 0..self.lanes.len() {
            if self.lanes[index].current.is_none() || self.lanes[index].rotating {
                continue;
            }
            if self.has_room() {
                self.lanes[index].rotating = true;
                self.lanes[index].rotates_soon = self.lanes[index].next.is_none();
                self.rotation.open += 1;
                self.rotate_if_settled(index);
            } else {
                tracing::info!("the venue leaves no room for a second connection beside the first");
                self.rotation.failed = true;
            }
        }
        self.rotation.settle();
    }

    /// Begins the rotation that somebody waits for, once the connection has what it is to hand on.
    pub(super) fn rotate_if_settled(&mut self, index: usize) {
        if self.lanes[index].rotates_soon && self.lanes[index].can_rotate() {
            self.lanes[index].rotates_soon = false;
            if !self.rotate(index) {
                self.rotated(index, false);
            }
        }
    }

    /// Replaces the connections that have stood for as long as they may.
    pub(super) fn rotate_the_old(&mut self, now: Instant) {
        let Some(every) = self.state.config.rotate_every else { return };
        for index in 0..self.lanes.len() {
            if self.lanes[index].rotates.is_some_and(|at| at <= now) {
                self.lanes[index].rotates = Some(now + every);
                self.rotate(index);
            } else if self.lanes[index].rotates.is_none() && self.lanes[index].can_rotate() {
                self.lanes[index].rotates = Some(now + every);
            }
        }
    }

    /// Begins to replace the connection of a lane; whether that is possible.
    fn rotate(&mut self, index: usize) -> bool {
        if !self.has_room() || !self.lanes[index].can_rotate() {
            return false;
        }
        let run = self.begin(index);
        self.lanes[index].next = Some(run);
        true
    }

    /// Whether the venue allows one more connection.
    fn has_room(&self) -> bool {
        let most = self.state.venue.capabilities().socket.max_connections;
        let standing: usize = self.lanes.iter().map(Lane::connections).sum();
        most.is_none_or(|most| standing < usize::try_from(most).unwrap_or(usize::MAX))
    }

    /// The new connection of a lane brings all that the old one does.
    pub(super) fn hand_over(&mut self, index: usize) {
        self.state.counters.rotations.add(1);
        self.lanes[index].hand_over();
    }

    /// The rotation of a lane is over.
    pub(super) fn rotated(&mut self, index: usize, well: bool) {
        if std::mem::take(&mut self.lanes[index].rotating) {
            self.rotation.open -= 1;
            self.rotation.failed |= !well;
            self.rotation.settle();
        }
    }
}
