//! From what a connection has to what is wanted, within the venue's limit on messages.
//!
//! The messages are written when their turn comes, not when the change did: whatever changed while waiting for the
//! turn is in them, and a burst of changes costs one message.

use std::collections::VecDeque;
use std::future::pending;
use std::time::Duration;

use futures::future::BoxFuture;
use market_backbone_core::{CallGroup, Channel, Priority, SourceError, Venue};
use tokio::time::Instant;

use super::desired::{Desired, Wanted};
use crate::{Limiter, Permit};

/// How long after a turn was refused it is tried again.
const AGAIN: Duration = Duration::from_secs(1);

type Turn = Result<Vec<Permit>, SourceError>;

/// The subscriptions of one connection.
pub(super) struct Reconcile {
    /// One for each of the venue's limits, because those of one group but different windows all hold.
    limiters: Vec<(CallGroup, Limiter)>,
    /// What was sent last. Sorted.
    has: Vec<Channel>,
    /// The version of the desired set that was.
    version: u64,
    /// When to look at the desired set.
    due: Option<Instant>,
    turn: Option<BoxFuture<'static, Turn>>,
    /// The messages still to be sent, and what the connection has after them.
    under_way: Option<(VecDeque<String>, Wanted)>,
}

impl Reconcile {
    /// Those of a fresh connection, which has nothing; the first look is due `now`.
    pub(super) fn new(venue: &dyn Venue, now: Instant) -> Self {
        let limits = venue.capabilities().socket.messages;
        Self {
            limiters: limits.iter().map(|limit| (limit.group, Limiter::new(&[*limit]))).collect(),
            has: Vec::new(),
            version: 0,
            due: Some(now),
            turn: None,
            under_way: None,
        }
    }

    /// What the connection has been asked for. Sorted.
    pub(super) fn has(&self) -> &[Channel] {
        &self.has
    }

    /// The version of the desired set that is, or is being, sent.
    pub(super) fn version(&self) -> u64 {
        self.under_way.as_ref().map_or(self.version, |(_, wanted)| wanted.version)
    }

    /// When [`look`](Self::look) is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// The desired set has changed: it is looked at not later than `at`.
    pub(super) fn look_at(&mut self, at: Instant) {
        if self.turn.is_none() {
            self.due = Some(self.due.map_or(at, |due| due.min(at)));
        }
    }

    /// Asks for a turn if the desired set is not what the connection has.
    pub(super) fn look(&mut self, desired: &Desired) {
        self.due = None;
        let wanted = desired.snapshot();
        if self.under_way.is_none() && wanted.channels == self.has {
            self.version = wanted.version;
        } else if self.turn.is_none() {
            self.ask_turn();
        }
    }

    fn ask_turn(&mut self) {
        let limiters = self.limiters.clone();
        self.turn = Some(Box::pin(async move {
            let mut permits = Vec::with_capacity(limiters.len());
            for (group, limiter) in limiters {
                permits.push(limiter.acquire(group, Priority::High).await?);
            }
            Ok(permits)
        }));
    }

    /// Waits for the turn; for ever, if none was asked for. May be dropped and called again.
    pub(super) async fn turn(&mut self) -> Turn {
        match &mut self.turn {
            Some(turn) => {
                let result = turn.await;
                self.turn = None;
                result
            }
            None => pending().await,
        }
    }

    /// The turn was refused: tries again later.
    pub(super) fn put_off(&mut self, now: Instant) {
        self.due = Some(now + AGAIN);
    }

    /// The message to send in this turn; `None` if nothing needs to be sent any more.
    pub(super) fn message(&mut self, venue: &dyn Venue, desired: &Desired) -> Option<String> {
        let (messages, _) = self.under_way.get_or_insert_with(|| {
            let wanted = desired.snapshot();
            let messages = if wanted.channels == self.has {
                Vec::new()
            } else {
                venue.subscribe(&self.has, &wanted.channels)
            };
            (messages.into(), wanted)
        });
        messages.pop_front()
    }

    /// What the connection is being brought to. Sorted.
    pub(super) fn target(&self) -> &[Channel] {
        self.under_way.as_ref().map_or(&self.has, |(_, wanted)| &wanted.channels)
    }

    /// What follows from a turn that was used: another one, or the connection now has what was wanted. Returns the
    /// channels it did not have before, if it is so.
    pub(super) fn advance(&mut self, desired: &Desired, again: Instant) -> Option<Vec<Channel>> {
        let (messages, _) = self.under_way.as_ref()?;
        if !messages.is_empty() {
            self.ask_turn();
            return None;
        }
        let (_, wanted) = self.under_way.take()?;
        let had = std::mem::replace(&mut self.has, wanted.channels);
        self.version = wanted.version;
        if desired.snapshot().version != self.version {
            self.look_at(again);
        }
        Some(self.has.iter().filter(|channel| had.binary_search(channel).is_err()).cloned().collect())
    }
}
