//! One of the places among which channels are spread: the connection that serves it now, the one that is to take its
//! place, those that have been replaced, and when to try again.

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

/// A connection that is being made or served.
#[derive(Debug)]
pub(super) struct ConnectionHandle {
    pub(super) attempt: u64,
    /// 0 until it stands.
    pub(super) number: u64,
    /// Whether all that is wanted of it was once asked for and confirmed.
    pub(super) fully_confirmed: bool,
    pub(super) commands: mpsc::Sender<ConnectionCommand>,
    /// When it was begun.
    pub(super) started_at: Timestamp,
}

impl ConnectionHandle {
    /// Tells it something. That it is gone already is learnt otherwise.
    pub(super) fn notify(&self, order: ConnectionCommand) {
        if self.commands.try_send(order).is_err() {
            tracing::debug!(number = self.number, "a connection takes no orders any more");
        }
    }
}

/// What a connection is to its lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConnectionRole {
    /// The connection that serves the slot.
    Current,
    /// It is to take the place of the one that serves.
    Next,
    /// Another one has taken its place.
    Retiring,
}

/// A place for channels.
#[derive(Debug)]
pub(super) struct ConnectionSlot {
    pub(super) target: watch::Sender<DesiredSet>,
    pub(super) current: Option<ConnectionHandle>,
    pub(super) next: Option<ConnectionHandle>,
    pub(super) retiring: Vec<ConnectionHandle>,
    pub(super) backoff: ReconnectBackoff,
    /// Not before this is it tried again.
    pub(super) retry_at: Option<Instant>,
    /// When its connection is to be replaced.
    pub(super) rotate_at: Option<Instant>,
    /// Whether somebody waits for that.
    pub(super) rotation_requested: bool,
    /// Whether it is to begin as soon as its connection is settled.
    pub(super) rotation_pending: bool,
    /// Whether another one's connection has taken the place of ours.
    pub(super) evicted: bool,
    pub(super) reconnects: u64,
    /// What the configuration calls it.
    pub(super) name: Option<Arc<str>>,
    /// How often a connection came to nothing or broke, and how it did last.
    pub(super) errors: u64,
    pub(super) last_error: Option<Arc<str>>,
    /// Since when it brings nothing though it should.
    pub(super) down_since: Option<Instant>,
    /// Whether that is so long ago that others carry its markets.
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

    /// Its connection came to nothing, or broke.
    pub(super) fn record_failure(&mut self, why: &str) {
        self.errors += 1;
        self.last_error = Some(why.into());
        self.down_since.get_or_insert_with(Instant::now);
    }

    /// Nothing is wrong with it any more; whether others carried its markets.
    pub(super) fn record_recovery(&mut self) -> bool {
        self.down_since = None;
        std::mem::take(&mut self.failed_over)
    }

    /// When it is down for so long that others are to carry its markets.
    pub(super) fn failover_at(&self, grace: Duration) -> Option<Instant> {
        self.down_since.filter(|_| !self.failed_over && self.is_wanted()).map(|since| since + grace)
    }

    /// Whether it can carry the markets of others.
    pub(super) fn health(&self) -> SlotHealth {
        match (self.failed_over, self.down_since) {
            (true, _) => SlotHealth::Down,
            (false, Some(_)) => SlotHealth::Degraded,
            (false, None) => SlotHealth::Available,
        }
    }

    /// Whether a connection is to be begun, were it `now`.
    pub(super) fn needs_connection(&self, now: Instant) -> bool {
        self.current.is_none() && self.is_wanted() && self.retry_at.is_none_or(|due| due <= now)
    }

    pub(super) fn is_wanted(&self) -> bool {
        !self.target.borrow().channels.is_empty()
    }

    /// What it is to serve. Sorted.
    pub(super) fn channels(&self) -> Arc<[Channel]> {
        Arc::clone(&self.target.borrow().channels)
    }

    fn handles(&self) -> impl Iterator<Item = (ConnectionRole, &ConnectionHandle)> {
        let current = self.current.iter().map(|run| (ConnectionRole::Current, run));
        let next = self.next.iter().map(|run| (ConnectionRole::Next, run));
        current.chain(next).chain(self.retiring.iter().map(|run| (ConnectionRole::Retiring, run)))
    }

    /// How many connections it has, in whatever state.
    pub(super) fn connections(&self) -> usize {
        self.handles().count()
    }

    /// What `attempt` is to it.
    pub(super) fn role(&self, attempt: u64) -> Option<ConnectionRole> {
        self.handles().find(|(_, run)| run.attempt == attempt).map(|(role, _)| role)
    }

    /// Takes out the connection of `attempt`, and says what it was.
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

    /// Takes note of what a connection tells; whether the one that is to take over is ready to.
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

    /// Lets the next one serve, and the one that did read what is under way.
    pub(super) fn hand_over(&mut self) {
        let Some(next) = self.next.take() else { return };
        let number = next.number;
        if let Some(old) = self.current.replace(next) {
            old.notify(ConnectionCommand::Retire(number));
            self.retiring.push(old);
        }
    }

    /// Whether its connection can be replaced now.
    pub(super) fn can_rotate(&self) -> bool {
        self.next.is_none() && self.current.as_ref().is_some_and(|run| run.fully_confirmed)
    }
}
