//! From what a connection has to what is wanted of it, within the venue's limit on messages.
//!
//! The messages are written when their turn comes, not when the change did: whatever changed while waiting for the
//! turn is in them, and a burst of changes costs one message.

use std::collections::VecDeque;
use std::future::pending;
use std::time::Duration;

use futures::future::BoxFuture;
use market_backbone_core::{CallGroup, Channel, Priority, SourceError, Venue};
use tokio::time::Instant;

use crate::live::desired::Wanted;
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
    /// When to look at what is wanted.
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

    /// Whether the connection has been asked for exactly what is `wanted`.
    pub(super) fn is_done(&self, wanted: &Wanted) -> bool {
        self.under_way.is_none() && self.version == wanted.version && *self.has == *wanted.channels
    }

    /// When [`look`](Self::look) is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// What is wanted has changed: it is looked at not later than `at`.
    pub(super) fn look_at(&mut self, at: Instant) {
        if self.turn.is_none() {
            self.due = Some(self.due.map_or(at, |due| due.min(at)));
        }
    }

    /// Forgets that these were asked for, so that they are asked for anew.
    pub(super) fn forget(&mut self, channels: &[Channel], now: Instant) {
        self.has.retain(|channel| !channels.contains(channel));
        self.look_at(now);
    }

    /// Asks for a turn if what is `wanted` is not what the connection has.
    pub(super) fn look(&mut self, wanted: &Wanted) {
        self.due = None;
        if self.under_way.is_none() && *wanted.channels == *self.has {
            self.version = wanted.version;
        } else if self.turn.is_none() {
            self.ask_turn(wanted.priority);
        }
    }

    fn ask_turn(&mut self, priority: Priority) {
        self.turn = Some(Box::pin(acquire(self.limiters.clone(), priority)));
    }

    /// A turn for a message that is no subscription.
    pub(super) fn turn_to_speak(&self) -> impl Future<Output = Turn> + Send + 'static {
        acquire(self.limiters.clone(), Priority::Critical)
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
    pub(super) fn message(&mut self, venue: &dyn Venue, wanted: &Wanted) -> Option<String> {
        let (messages, _) = self.under_way.get_or_insert_with(|| {
            let messages = if *wanted.channels == *self.has {
                Vec::new()
            } else {
                venue.subscribe(&self.has, &wanted.channels)
            };
            (messages.into(), wanted.clone())
        });
        messages.pop_front()
    }

    /// What the connection is being brought to. Sorted.
    pub(super) fn target(&self) -> &[Channel] {
        self.under_way.as_ref().map_or(&self.has, |(_, wanted)| &wanted.channels)
    }

    /// What follows from a turn that was used: another one, or the connection now has what was wanted. Returns the
    /// channels it did not have before and those it has no more, if it is so.
    pub(super) fn advance(
        &mut self,
        wanted: &Wanted,
        again: Instant,
    ) -> Option<(Vec<Channel>, Vec<Channel>)> {
        let (messages, _) = self.under_way.as_ref()?;
        if !messages.is_empty() {
            self.ask_turn(wanted.priority);
            return None;
        }
        let (_, sent) = self.under_way.take()?;
        let had = std::mem::replace(&mut self.has, sent.channels.to_vec());
        self.version = sent.version;
        if wanted.version != self.version {
            self.look_at(again);
        }
        Some((missing(&self.has, &had), missing(&had, &self.has)))
    }
}

/// Those of `these` that are not in `those`; both sorted.
fn missing(these: &[Channel], those: &[Channel]) -> Vec<Channel> {
    these.iter().filter(|channel| those.binary_search(channel).is_err()).cloned().collect()
}

async fn acquire(limiters: Vec<(CallGroup, Limiter)>, priority: Priority) -> Turn {
    let mut permits = Vec::with_capacity(limiters.len());
    for (group, limiter) in limiters {
        permits.push(limiter.acquire(group, priority).await?);
    }
    Ok(permits)
}
