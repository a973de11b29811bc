//! A slot for channels: the connection that serves it, the one that is to replace it, those that were
//! replaced, and the time of the next attempt.

use std::sync::Arc;
use std::time::Duration;

use market_backbone_core::{Channel, Timestamp};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::failover::SlotHealth;
use super::reconnect_backoff::ReconnectBackoff;
use crate::live::config::ReconnectConfig;
use crate::live::connection::{ConnectionCommand, ConnectionStatus};
use crate::live::desired_channels::DesiredSet;

/// A connection that is being opened or served.
#[derive(Debug)]
pub(super) struct ConnectionHandle {
    pub(super) attempt: u64,
    /// The connection's number; 0 until it is open.
    pub(super) number: u64,
    /// True if all its target channels were once subscribed and confirmed.
    pub(super) fully_confirmed: bool,
    pub(super) commands: mpsc::Sender<ConnectionCommand>,
    /// The time at which the attempt started.
    pub(super) started_at: Timestamp,
}

impl ConnectionHandle {
    /// Sends a command. A connection that is gone already is noticed elsewhere.
    pub(super) fn notify(&self, order: ConnectionCommand) {
        if self.commands.try_send(order).is_err() {
            tracing::debug!(number = self.number, "a connection accepts no commands any more");
        }
    }
}

/// The role of a connection in its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConnectionRole {
    /// The connection that serves the slot.
    Current,
    /// The connection that is to replace the current one.
    Next,
    /// A connection that has been replaced.
    Retiring,
}

/// A slot for channels.
#[derive(Debug)]
pub(super) struct ConnectionSlot {
    pub(super) target: watch::Sender<DesiredSet>,
    pub(super) current: Option<ConnectionHandle>,
    pub(super) next: Option<ConnectionHandle>,
    pub(super) retiring: Vec<ConnectionHandle>,
    pub(super) backoff: ReconnectBackoff,
    /// The earliest time of the next attempt.
    pub(super) retry_at: Option<Instant>,
    /// The time at which its connection is to be replaced.
    pub(super) rotate_at: Option<Instant>,
    /// True if a caller waits for the rotation.
    pub(super) rotation_requested: bool,
    /// True if the rotation is to begin as soon as the connection is confirmed.
    pub(super) rotation_pending: bool,
    /// True if another connection has evicted ours.
    pub(super) evicted: bool,
    pub(super) reconnects: u64,
    /// The name given by the configuration.
    pub(super) name: Option<Arc<str>>,
    /// The number of failed attempts and broken connections.
    pub(super) errors: u64,
    pub(super) last_error: Option<Arc<str>>,
    /// The time since which it delivers nothing although it should.
    pub(super) down_since: Option<Instant>,
    /// True if it has been down for so long that others carry its markets.
    pub(super) failed_over: bool,
}

impl ConnectionSlot {
    pub(super) fn new(reconnect: ReconnectConfig, name: Option<&str>) -> Self {
        Self {
            target: watch::Sender::default(),
            current: None,
            next: None,
            retiring: Vec::new(),
            backoff: ReconnectBackoff::new(reconnect),
            retry_at: None,
            rotate_at: None,
            rotation_requested: false,
            rotation_pending: false,
            evicted: false,
            reconnects: 0,
            name: name.map(Arc::from),
            errors: 0,
            last_error: None,
            down_since: None,
            failed_over: false,
        }
    }

    /// Records a failed or broken connection.
    pub(super) fn record_failure(&mut self, why: &str) {
        self.errors += 1;
        self.last_error = Some(why.into());
        self.down_since.get_or_insert_with(Instant::now);
    }

    /// Records that nothing is wrong any more. Returns whether others carried its markets.
    pub(super) fn record_recovery(&mut self) -> bool {
        self.down_since = None;
        std::mem::take(&mut self.failed_over)
    }

    /// Returns when its markets are to fail over to others.
    pub(super) fn failover_at(&self, grace: Duration) -> Option<Instant> {
        self.down_since.filter(|_| !self.failed_over && self.is_wanted()).map(|since| since + grace)
    }

    /// Returns whether it can carry the markets of others.
    pub(super) fn health(&self) -> SlotHealth {
        match (self.failed_over, self.down_since) {
            (true, _) => SlotHealth::Down,
            (false, Some(_)) => SlotHealth::Degraded,
            (false, None) => SlotHealth::Available,
        }
    }

    /// Returns whether a connection is to be started at `now`.
    pub(super) fn needs_connection(&self, now: Instant) -> bool {
        self.current.is_none() && self.is_wanted() && self.retry_at.is_none_or(|due| due <= now)
    }

    pub(super) fn is_wanted(&self) -> bool {
        !self.target.borrow().channels.is_empty()
    }

    /// Returns the channels that it is to serve, sorted.
    pub(super) fn channels(&self) -> Arc<[Channel]> {
        Arc::clone(&self.target.borrow().channels)
    }

    fn handles(&self) -> impl Iterator<Item = (ConnectionRole, &ConnectionHandle)> {
        let current = self.current.iter().map(|run| (ConnectionRole::Current, run));
        let next = self.next.iter().map(|run| (ConnectionRole::Next, run));
        current.chain(next).chain(self.retiring.iter().map(|run| (ConnectionRole::Retiring, run)))
    }

    /// Returns how many connections it has, in any state.
    pub(super) fn connections(&self) -> usize {
        self.handles().count()
    }

    /// Returns the role of `attempt`.
    pub(super) fn role(&self, attempt: u64) -> Option<ConnectionRole> {
        self.handles().find(|(_, run)| run.attempt == attempt).map(|(role, _)| role)
    }

    /// Removes the connection of `attempt` and returns it with its role.
    pub(super) fn take(&mut self, attempt: u64) -> Option<(ConnectionRole, ConnectionHandle)> {
        let role = self.role(attempt)?;
        let run = match role {
            ConnectionRole::Current => self.current.take(),
            ConnectionRole::Next => self.next.take(),
            ConnectionRole::Retiring => {
                let at = self.retiring.iter().position(|run| run.attempt == attempt)?;
                Some(self.retiring.swap_remove(at))
            }
        };
        run.map(|run| (role, run))
    }

    /// Records a report of a connection. Returns whether the next connection is ready to take over.
    pub(super) fn record_status(&mut self, news: ConnectionStatus) -> bool {
        let of = |run: &mut Option<ConnectionHandle>| {
            if let Some(run) = run.as_mut().filter(|run| run.attempt == news.attempt) {
                run.number = news.number;
                run.fully_confirmed |= news.fully_confirmed;
            }
        };
        of(&mut self.current);
        of(&mut self.next);
        self.next.as_ref().is_some_and(|next| next.fully_confirmed)
    }

    /// Makes the next connection the current one; the old one reads what is in flight.
    pub(super) fn hand_over(&mut self) {
        let Some(next) = self.next.take() else { return };
        let number = next.number;
        if let Some(old) = self.current.replace(next) {
            old.notify(ConnectionCommand::Retire(number));
            self.retiring.push(old);
        }
    }

    /// Returns whether its connection can be replaced now.
    pub(super) fn can_rotate(&self) -> bool {
        self.next.is_none() && self.current.as_ref().is_some_and(|run| run.fully_confirmed)
    }
}
