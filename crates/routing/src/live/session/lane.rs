//! One of the places among which channels are spread: the connection that serves it now, the one that is to take its
//! place, those that have been replaced, and when to try again.

use std::sync::Arc;
use std::time::Duration;

use market_backbone_core::{Channel, Timestamp};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::backoff::Backoff;
use super::fosters::Standing;
use crate::live::config::ReconnectConfig;
use crate::live::connection::{News, Order};
use crate::live::desired::Wanted;

/// A connection that is being made or served.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) attempt: u64,
    /// 0 until it stands.
    pub(super) number: u64,
    /// Whether all that is wanted of it was once asked for and confirmed.
    pub(super) settled: bool,
    pub(super) orders: mpsc::Sender<Order>,
    /// When it was begun.
    pub(super) begun: Timestamp,
}

impl Run {
    /// Tells it something. That it is gone already is learnt otherwise.
    pub(super) fn tell(&self, order: Order) {
        if self.orders.try_send(order).is_err() {
            tracing::debug!(number = self.number, "a connection takes no orders any more");
        }
    }
}

/// What a connection is to its lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It serves.
    Current,
    /// It is to take the place of the one that serves.
    Next,
    /// Another one has taken its place.
    Retiring,
}

/// A place for channels.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) target: watch::Sender<Wanted>,
    pub(super) current: Option<Run>,
    pub(super) next: Option<Run>,
    pub(super) retiring: Vec<Run>,
    pub(super) backoff: Backoff,
    /// Not before this is it tried again.
    pub(super) due: Option<Instant>,
    /// When its connection is to be replaced.
    pub(super) rotates: Option<Instant>,
    /// Whether somebody waits for that.
    pub(super) rotating: bool,
    /// Whether it is to begin as soon as its connection is settled.
    pub(super) rotates_soon: bool,
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
    pub(super) absent: bool,
}

impl Lane {
    pub(super) fn new(reconnect: ReconnectConfig, name: Option<&str>) -> Self {
        Self {
            target: watch::Sender::default(),
            current: None,
            next: None,
            retiring: Vec::new(),
            backoff: Backoff::new(reconnect),
            due: None,
            rotates: None,
            rotating: false,
            rotates_soon: false,
            evicted: false,
            reconnects: 0,
            name: name.map(Arc::from),
            errors: 0,
            last_error: None,
            down_since: None,
            absent: false,
        }
    }

    /// Its connection came to nothing, or broke.
    pub(super) fn failed(&mut self, why: &str) {
        self.errors += 1;
        self.last_error = Some(why.into());
        self.down_since.get_or_insert_with(Instant::now);
    }

    /// Nothing is wrong with it any more; whether others carried its markets.
    pub(super) fn recovered(&mut self) -> bool {
        self.down_since = None;
        std::mem::take(&mut self.absent)
    }

    /// When it is down for so long that others are to carry its markets.
    pub(super) fn absent_at(&self, grace: Duration) -> Option<Instant> {
        self.down_since.filter(|_| !self.absent && self.is_wanted()).map(|since| since + grace)
    }

    /// Whether it can carry the markets of others.
    pub(super) fn standing(&self) -> Standing {
        match (self.absent, self.down_since) {
            (true, _) => Standing::Absent,
            (false, Some(_)) => Standing::Shaky,
            (false, None) => Standing::Open,
        }
    }

    /// Whether a connection is to be begun, were it `now`.
    pub(super) fn needs_connection(&self, now: Instant) -> bool {
        self.current.is_none() && self.is_wanted() && self.due.is_none_or(|due| due <= now)
    }

    pub(super) fn is_wanted(&self) -> bool {
        !self.target.borrow().channels.is_empty()
    }

    /// What it is to serve. Sorted.
    pub(super) fn channels(&self) -> Arc<[Channel]> {
        Arc::clone(&self.target.borrow().channels)
    }

    fn runs(&self) -> impl Iterator<Item = (Role, &Run)> {
        let current = self.current.iter().map(|run| (Role::Current, run));
        let next = self.next.iter().map(|run| (Role::Next, run));
        current.chain(next).chain(self.retiring.iter().map(|run| (Role::Retiring, run)))
    }

    /// How many connections it has, in whatever state.
    pub(super) fn connections(&self) -> usize {
        self.runs().count()
    }

    /// What `attempt` is to it.
    pub(super) fn role(&self, attempt: u64) -> Option<Role> {
        self.runs().find(|(_, run)| run.attempt == attempt).map(|(role, _)| role)
    }

    /// Takes out the connection of `attempt`, and says what it was.
    pub(super) fn take(&mut self, attempt: u64) -> Option<(Role, Run)> {
        let role = self.role(attempt)?;
        let run = match role {
            Role::Current => self.current.take(),
            Role::Next => self.next.take(),
            Role::Retiring => {
                let at = self.retiring.iter().position(|run| run.attempt == attempt)?;
                Some(self.retiring.swap_remove(at))
            }
        };
        run.map(|run| (role, run))
    }

    /// Takes note of what a connection tells; whether the one that is to take over is ready to.
    pub(super) fn note(&mut self, news: News) -> bool {
        let of = |run: &mut Option<Run>| {
            if let Some(run) = run.as_mut().filter(|run| run.attempt == news.attempt) {
                run.number = news.number;
                run.settled |= news.settled;
            }
        };
        of(&mut self.current);
        of(&mut self.next);
        self.next.as_ref().is_some_and(|next| next.settled)
    }

    /// Lets the next one serve, and the one that did read what is under way.
    pub(super) fn hand_over(&mut self) {
        let Some(next) = self.next.take() else { return };
        let number = next.number;
        if let Some(old) = self.current.replace(next) {
            old.tell(Order::Retire(number));
            self.retiring.push(old);
        }
    }

    /// Whether its connection can be replaced now.
    pub(super) fn can_rotate(&self) -> bool {
        self.next.is_none() && self.current.as_ref().is_some_and(|run| run.settled)
    }
}
