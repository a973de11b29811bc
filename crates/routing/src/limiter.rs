//! Turns: no venue ever receives more than it takes, and who is in a hurry goes first.
//!
//! # What is promised
//!
//! For each group, in *any* stretch of the group's window (however the venue anchors it: sliding, from
//! the first request, by the clock's second), at most `max` requests **arrive**. What matters is arrival,
//! not sending: two requests sent 100 ms apart can arrive together.
//!
//! # Why it holds
//!
//! A request stays in a log until it can no longer share a window with one sent now, and a turn is given
//! only while fewer than `max` are in the log. So among any `max + 1` requests the one sent last was sent
//! when at least one of the others, `n`, had left the log; it is enough that those two are a window apart.
//!
//! `n` leaves at `latest_n + window + margin`, where `latest_n` is the latest moment it can have arrived:
//! - under way: unknown, so it stays;
//! - lost (timed out, abandoned): the moment it was given up;
//! - answered: the moment of its answer, less a *credit*.
//!
//! Without credit that is plainly safe (it arrived before it was answered) but wastes a round trip of each
//! window. The credit is a lower bound of `out + back`, the quickest way to the venue and the quickest
//! way back: `n` arrived at `answer_n − back` at the latest, the next request `m` arrives at
//! `sent_m + out` at the earliest, so with `credit <= out + back`
//!
//! ```text
//! arrival_m − arrival_n >= (sent_m + out) − (answer_n − back) >= sent_m − (answer_n − credit) >= window + margin
//! ```
//!
//! The credit is the one estimate in this chain: where it comes from, and why it is not simply the best
//! round trip seen, is told in `round_trips.rs`. The margin (3 ms) covers a venue that counts in milliseconds
//! and the last uncertainty of that estimate.
//!
//! # Who goes first
//!
//! CRITICAL before HIGH before NORMAL before LOW, first come first served inside a class. While CRITICAL
//! requests are about (one within the last 10 s) the others may use only part of the window, so that a
//! critical request finds room. A request that has waited beyond its class's bound gets every tenth turn,
//! so that LOW is slowed but never starved.
//!
//! No task runs for it: the waiter who is next sets an alarm for the moment its turn may come, and
//! whoever changes that moment wakes it. A waiter that is dropped passes the alarm on.

mod allowance;
mod config;
mod estimate;
mod group;
mod line;
mod metrics;
mod round_trips;
mod sends;
mod state;
mod ticket;

use std::sync::Arc;
use std::time::Duration;

use market_backbone_core::{CallGroup, LimitGroup, Priority, SourceError, SourceErrorKind};
use tokio::time::Instant;

pub use config::LimiterConfig;
pub use estimate::Estimate;
pub use metrics::{GroupMetrics, LimiterMetrics};
pub use ticket::Permit;

use group::Group;
use ticket::Ticket;

/// How long a ban is taken to last when the venue does not say.
const UNSTATED_BAN: Duration = Duration::from_secs(600);

/// Hands out turns; cheap to clone, and all clones share one count.
#[derive(Clone, Debug)]
pub struct Limiter {
    groups: Arc<[Arc<Group>]>,
}

impl Limiter {
    /// A limiter for these groups, with default settings.
    #[must_use]
    pub fn new(groups: &[LimitGroup]) -> Self {
        Self::with_config(groups, LimiterConfig::default())
    }

    /// A limiter for these groups.
    #[must_use]
    pub fn with_config(groups: &[LimitGroup], config: LimiterConfig) -> Self {
        Self { groups: groups.iter().map(|limit| Arc::new(Group::new(*limit, config))).collect() }
    }

    /// Waits for a turn. Dropping the future gives up the place in the line and wastes nothing.
    ///
    /// The request must be sent as soon as this returns, and the permit kept until its answer is there.
    ///
    /// # Errors
    ///
    /// [`Overloaded`](SourceErrorKind::Overloaded) if too many wait already, or the turn did not come in
    /// time; [`Banned`](SourceErrorKind::Banned) while the venue has shut us out;
    /// [`Unsupported`](SourceErrorKind::Unsupported) for a group this limiter was not told of.
    pub async fn acquire(&self, group: CallGroup, priority: Priority) -> Result<Permit, SourceError> {
        let Some(found) = self.find(group) else {
            let message = format!("no limit is known for requests of group {group}");
            return Err(SourceError::new(SourceErrorKind::Unsupported, message));
        };
        Ticket::take(found, priority)?.turn().await
    }

    /// Corrects the count by what the venue says is left after the request of `permit`.
    ///
    /// Less than we believe means that somebody else uses this address's budget: that many requests are
    /// added to the log as of now. More is never believed.
    pub fn observe(&self, permit: &Permit, group: CallGroup, remaining: u32) {
        if permit.group() != group {
            tracing::debug!(asked = %permit.group(), counted = %group, "counted in another group than expected");
            return;
        }
        if let Some(found) = self.find(group) {
            found.observe(permit.sent_at(), remaining);
        }
    }

    /// Takes note that the venue refused a request of `group` for coming too early.
    ///
    /// Nothing of the group is sent for a window (or `retry_after`, if that is longer). Then it gets four
    /// fifths of what it had, at least half of what it is due, and one more for each 10 s without a refusal.
    pub fn throttled(&self, group: CallGroup, retry_after: Option<Duration>) {
        if let Some(found) = self.find(group) {
            found.throttled(retry_after);
        }
    }

    /// Takes note that the venue has shut us out: nothing at all is sent for `duration` (ten minutes where
    /// the venue does not say), and those who wait are told at once.
    pub fn banned(&self, duration: Option<Duration>) {
        let until = Instant::now() + duration.unwrap_or(UNSTATED_BAN);
        for group in &*self.groups {
            group.shut(until);
        }
    }

    /// Whether the group's budget is in use: somebody waits, or a request was sent within the last window.
    #[must_use]
    pub fn busy(&self, group: CallGroup) -> bool {
        self.find(group).is_some_and(|found| found.busy())
    }

    /// How long `requests` of a group would take, were they asked all at once now and nobody else sent any;
    /// `None` for a group this limiter was not told of.
    ///
    /// Goes by what the log holds, what the venue allows at present, and the round trips measured lately.
    #[must_use]
    pub fn eta(&self, group: CallGroup, priority: Priority, requests: u64) -> Option<Estimate> {
        self.find(group).map(|found| found.eta(priority, requests))
    }

    /// What has happened so far.
    #[must_use]
    pub fn metrics(&self) -> LimiterMetrics {
        let banned_for = self.groups.iter().filter_map(|group| group.shut_for()).max();
        LimiterMetrics { groups: self.groups.iter().map(|group| group.metrics()).collect(), banned_for }
    }

    // A venue has a handful of groups: a table would be slower than looking through them.
    fn find(&self, group: CallGroup) -> Option<&Arc<Group>> {
        self.groups.iter().find(|found| found.name() == group)
    }
}
