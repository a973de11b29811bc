//! Brings a connection's subscriptions to the target, within the venue's limits on messages.
//!
//! Messages are written when their permit is granted, not when the target changes. They include all changes
//! made while waiting for the permit, so a burst of changes costs one message.

use std::collections::VecDeque;
use std::future::pending;
use std::time::Duration;

use futures::future::BoxFuture;
use market_backbone_core::{Channel, Priority, RateLimitGroup, SourceError, Venue};
use tokio::time::Instant;

use crate::live::desired_channels::DesiredSet;
use crate::{Limiter, Permit};

/// The wait after a refused permit before the next attempt.
const RETRY_DELAY: Duration = Duration::from_secs(1);

type PermitsResult = Result<Vec<Permit>, SourceError>;

/// The subscriptions of one connection.
pub(super) struct SubscriptionReconciler {
    /// The limiter of this connection, and the groups that a message counts against.
    limiter: (Limiter, Vec<RateLimitGroup>),
    /// What was sent last. Sorted.
    subscribed: Vec<Channel>,
    /// The version of the desired set with those channels.
    version: u64,
    /// The time of the next comparison with the target.
    next_check: Option<Instant>,
    pending_permits: Option<BoxFuture<'static, PermitsResult>>,
    /// The messages still to be sent, and the resulting set of channels.
    in_progress: Option<(VecDeque<String>, DesiredSet)>,
}

impl SubscriptionReconciler {
    /// Creates the reconciler of a fresh connection without channels; the first check is due `now`.
    pub(super) fn new(venue: &dyn Venue, now: Instant) -> Self {
        let rules = venue.capabilities().socket.messages;
        let mut groups: Vec<_> = rules.iter().map(|rule| rule.group).collect();
        groups.sort_unstable();
        groups.dedup();
        Self {
            limiter: (Limiter::new(rules), groups),
            subscribed: Vec::new(),
            version: 0,
            next_check: Some(now),
            pending_permits: None,
            in_progress: None,
        }
    }

    /// Returns the channels that the connection is subscribed to, sorted.
    pub(super) fn subscribed(&self) -> &[Channel] {
        &self.subscribed
    }

    /// Returns the version of the desired set that is, or is being, sent.
    pub(super) fn version(&self) -> u64 {
        self.in_progress.as_ref().map_or(self.version, |(_, wanted)| wanted.version)
    }

    /// Returns whether the connection is subscribed to exactly what is `wanted`.
    pub(super) fn is_done(&self, wanted: &DesiredSet) -> bool {
        self.in_progress.is_none() && self.version == wanted.version && *self.subscribed == *wanted.channels
    }

    /// Returns when [`check`](Self::check) is due.
    pub(super) fn next_check(&self) -> Option<Instant> {
        self.next_check
    }

    /// Schedules a check for a changed target, no later than `at`.
    pub(super) fn schedule_check(&mut self, at: Instant) {
        if self.pending_permits.is_none() {
            self.next_check = Some(self.next_check.map_or(at, |due| due.min(at)));
        }
    }

    /// Forgets that `channels` were subscribed to, so that they are subscribed to again.
    pub(super) fn forget(&mut self, channels: &[Channel], now: Instant) {
        self.subscribed.retain(|channel| !channels.contains(channel));
        self.schedule_check(now);
    }

    /// Requests a permit if `wanted` is not what the connection is subscribed to.
    pub(super) fn check(&mut self, wanted: &DesiredSet) {
        self.next_check = None;
        if self.in_progress.is_none() && *wanted.channels == *self.subscribed {
            self.version = wanted.version;
        } else if self.pending_permits.is_none() {
            self.request_permits(wanted.priority);
        }
    }

    fn request_permits(&mut self, priority: Priority) {
        self.pending_permits = Some(Box::pin(acquire(self.limiter.clone(), priority)));
    }

    /// Acquires a permit for a message that is no subscription.
    pub(super) fn acquire_login_permits(&self) -> impl Future<Output = PermitsResult> + Send + 'static {
        acquire(self.limiter.clone(), Priority::Critical)
    }

    /// Waits for the permit; for ever, if none was requested. May be dropped and called again.
    pub(super) async fn permits(&mut self) -> PermitsResult {
        match &mut self.pending_permits {
            Some(turn) => {
                let result = turn.await;
                self.pending_permits = None;
                result
            }
            None => pending().await,
        }
    }

    /// Schedules another attempt after a refused permit.
    pub(super) fn postpone(&mut self, now: Instant) {
        self.next_check = Some(now + RETRY_DELAY);
    }

    /// Returns the message to send with this permit; `None` if nothing needs to be sent any more.
    pub(super) fn next_message(&mut self, venue: &dyn Venue, wanted: &DesiredSet) -> Option<String> {
        let (messages, _) = self.in_progress.get_or_insert_with(|| {
            let messages = if *wanted.channels == *self.subscribed {
                Vec::new()
            } else {
                venue.subscribe(&self.subscribed, &wanted.channels)
            };
            (messages.into(), wanted.clone())
        });
        messages.pop_front()
    }

    /// Returns the channels that the connection is being brought to, sorted.
    pub(super) fn target(&self) -> &[Channel] {
        self.in_progress.as_ref().map_or(&self.subscribed, |(_, wanted)| &wanted.channels)
    }

    /// Moves on after a permit was used: to another message, or to the finished target.
    ///
    /// When finished, returns the channels that were added and those that were removed.
    pub(super) fn advance(
        &mut self,
        wanted: &DesiredSet,
        again: Instant,
    ) -> Option<(Vec<Channel>, Vec<Channel>)> {
        let (messages, _) = self.in_progress.as_ref()?;
        if !messages.is_empty() {
            self.request_permits(wanted.priority);
            return None;
        }
        let (_, sent) = self.in_progress.take()?;
        let had = std::mem::replace(&mut self.subscribed, sent.channels.to_vec());
        self.version = sent.version;
        if wanted.version != self.version {
            self.schedule_check(again);
        }
        Some((difference(&self.subscribed, &had), difference(&had, &self.subscribed)))
    }
}

/// Returns those of `these` that are not in `those`; both are sorted.
fn difference(these: &[Channel], those: &[Channel]) -> Vec<Channel> {
    these.iter().filter(|channel| those.binary_search(channel).is_err()).cloned().collect()
}

async fn acquire((limiter, groups): (Limiter, Vec<RateLimitGroup>), priority: Priority) -> PermitsResult {
    let mut permits = Vec::with_capacity(groups.len());
    for group in groups {
        permits.push(limiter.acquire(group, priority).await?);
    }
    Ok(permits)
}
