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
//! - lost (timed out, abandoned): half a second (`stray`) after it was given up;
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
//! It is the same as to say: a window and `J` after its sending, where `J` is by how much this round trip was
//! longer than the quickest there can be.
//!
//! # What is assumed
//!
//! - The credit: that the route of the next second is one of those of the last minutes. Where the estimate comes
//!   from, and what happens when an answer proves it wrong, is told in `round_trips.rs`. A route that becomes
//!   quicker within one window, by more than the estimate is guarded against, can bring one request too
//!   early. Who wants no such assumption sets [`trust_round_trips`](LimiterConfig::trust_round_trips) to `false`
//!   and pays `RTT / (window + RTT)`.
//! - The stray: that what was given up arrives within half a second or never.
//! - The margin (3 ms) covers a venue that counts in milliseconds and the last uncertainty of the estimate.
//! - That nobody else uses the address's budget but processes that note what they send in the same file
//!   ([`Limiter::of_scope`]), as far as the venue does not tell ([`observe`](Limiter::observe)). What another process has
//!   under way is there after five seconds, or never: it may have been killed.
//!
//! Clocks do not enter: everything runs on the monotonic clock of the process, and what another or an earlier process
//! sent is never taken for older than the more cautious of two clocks says (`record.rs`).
//!
//! # Who goes first
//!
//! CRITICAL before HIGH before NORMAL before LOW, first come first served inside a class. While CRITICAL
//! requests are about (one within the last 10 s) the others may use only part of the window, so that a
//! critical request finds room. A request that has waited beyond its class's bound gets every tenth turn,
//! so that LOW is slowed but never starved.
//!
//! All that is within a process. Several that share a file each give a place to their own first, whoever looks first.
//!
//! The first CRITICAL request after a while finds no reserve: it waits until the next place is free, which is
//! less than a window and a round trip, however many others wait.
//!
//! No task runs for it: the waiter who is next sets an alarm for the moment its turn may come, and
//! whoever changes that moment wakes it. A waiter that is dropped passes the alarm on.

mod adaptive_limit;
mod block_errors;
mod config;
mod estimate;
mod group;
mod journal;
mod journal_record;
mod metrics;
mod peer_log;
mod permit;
mod process_lock;
mod round_trips;
mod scope_registry;
mod scope_state;
mod send_log;
mod since_boot;
mod state;
mod wait_queue;

use std::sync::Arc;
use std::time::Duration;

use market_backbone_core::{Priority, RateLimitGroup, RateLimitRule, SourceError, SourceErrorKind};
use tokio::time::Instant;

pub use config::LimiterConfig;
pub use estimate::CompletionEstimate;
pub use journal::JournalConfig;
pub use metrics::{GroupMetrics, LimiterMetrics};
pub use permit::Permit;
pub use since_boot::since_boot;

use group::LimitedGroup;
use journal::Journal;
use journal_record::RecordKind;
use permit::QueuedRequest;
use scope_state::ScopeState;

/// How long a ban is taken to last when the venue does not say.
const DEFAULT_BAN: Duration = Duration::from_secs(600);

/// Hands out turns; cheap to clone, and all clones share one count.
#[derive(Clone, Debug)]
pub struct Limiter {
    scope: Arc<LimiterScope>,
}

/// Everything that one venue counts for one address.
#[derive(Debug)]
struct LimiterScope {
    groups: Vec<Arc<LimitedGroup>>,
    state: Arc<ScopeState>,
}

impl Limiter {
    /// A limiter for these groups, with default settings.
    #[must_use]
    pub fn new(groups: &[RateLimitRule]) -> Self {
        Self::with_config(groups, LimiterConfig::default())
    }

    /// A limiter for these groups.
    #[must_use]
    pub fn with_config(groups: &[RateLimitRule], config: LimiterConfig) -> Self {
        let shared = Arc::default();
        let groups =
            groups.iter().map(|limit| Arc::new(LimitedGroup::new(*limit, config, &shared))).collect();
        Self { scope: Arc::new(LimiterScope { groups, state: shared }) }
    }

    /// The limiter of `scope`, a name for what the venue counts together (venue and host): all of a process who name
    /// the same scope and limits share one count, and the settings of the first.
    ///
    /// With a `journal` the sends are noted in a file, and what other processes note there counts too: those that run
    /// at the same time, and those that ran before. A file that cannot be used is warned of and done without.
    #[must_use]
    pub fn of_scope(
        scope: &str,
        groups: &[RateLimitRule],
        config: LimiterConfig,
        journal: Option<JournalConfig>,
    ) -> Self {
        let limiter = scope_registry::find_or(scope, groups, || Self::with_config(groups, config));
        if let Some(journal) = journal {
            limiter.attach_journal(journal);
        }
        limiter
    }

    /// Takes note of what other processes send, and notes for them; of effect once.
    fn attach_journal(&self, config: JournalConfig) {
        if self.scope.state.journal.get().is_some() {
            return;
        }
        let file = config.path.display().to_string();
        let window = self.scope.groups.iter().map(|group| group.limit().window).max().unwrap_or_default();
        let names = self.scope.groups.iter().map(|group| group.name().0);
        let journal = match Journal::open(config, names, window) {
            Ok(opened) => opened,
            Err(error) => {
                tracing::warn!(%error, %file, "what is sent cannot be noted; other processes will not know of it");
                return;
            }
        };
        if self.scope.state.journal.set(journal).is_err() {
            return; // somebody else was quicker, and has read the same
        }
        self.scope.groups.iter().for_each(|group| group.read_peer_events());
    }

    /// Waits for a turn. Dropping the future gives up the place in the line and wastes nothing.
    ///
    /// The request must be sent as soon as this returns, and the permit kept until its answer is there.
    ///
    /// # Errors
    ///
    /// [`Overloaded`](SourceErrorKind::Overloaded) if too many wait already, or the turn did not come in
    /// time; [`Banned`](SourceErrorKind::Banned) while the venue has shut us out;
    /// [`Throttled`](SourceErrorKind::Throttled) while it has asked to wait for a minute or more;
    /// [`Unsupported`](SourceErrorKind::Unsupported) for a group this limiter was not told of.
    pub async fn acquire(&self, group: RateLimitGroup, priority: Priority) -> Result<Permit, SourceError> {
        QueuedRequest::enqueue(self.find_or_error(group)?, priority, None)?.acquire().await
    }

    /// Waits for a turn, but no longer than `within`: refuses at once if it is clear that the turn would come later.
    ///
    /// Nothing is kept free for who has accepted: somebody more urgent may still come and make it too late.
    ///
    /// # Errors
    ///
    /// As [`acquire`](Self::acquire), and [`TooLate`](SourceErrorKind::DeadlineExceeded) with the wait there would have been.
    pub async fn acquire_within(
        &self,
        group: RateLimitGroup,
        priority: Priority,
        within: Duration,
    ) -> Result<Permit, SourceError> {
        QueuedRequest::enqueue(self.find_or_error(group)?, priority, Some(within))?.acquire().await
    }

    fn find_or_error(&self, group: RateLimitGroup) -> Result<&Arc<LimitedGroup>, SourceError> {
        self.find(group).ok_or_else(|| {
            let message = format!("no limit is known for requests of group {group}");
            SourceError::new(SourceErrorKind::Unsupported, message)
        })
    }

    /// Corrects the count by what the venue says is left after the request of `permit`.
    ///
    /// Less than we believe means that somebody else uses this address's budget: that many requests are
    /// added to the log as of now. More is never believed.
    pub fn observe(&self, permit: &Permit, group: RateLimitGroup, remaining: u32) {
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
    /// Nothing of the group is sent for a window (or `retry_after`, if that is longer). Where that is a minute or more,
    /// nobody waits for it: whoever asks meanwhile is refused, in other processes too. Then it gets four
    /// fifths of what it had, at least half of what it is due, and one more for each 10 s without a refusal.
    pub fn throttled(&self, group: RateLimitGroup, retry_after: Option<Duration>) {
        if let Some(found) = self.find(group) {
            found.throttled(retry_after);
        }
    }

    /// Takes note that the venue has shut us out: nothing at all is sent for `duration` (ten minutes where
    /// the venue does not say), and those who wait are told at once.
    pub fn banned(&self, duration: Option<Duration>) {
        let duration = duration.unwrap_or(DEFAULT_BAN);
        if let Some(journal) = self.scope.state.journal.get() {
            let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
            journal.append(RecordKind::Banned, "-", millis);
        }
        self.apply_ban(duration);
    }

    fn apply_ban(&self, duration: Duration) {
        let until = Instant::now() + duration;
        for group in &self.scope.groups {
            group.ban_until(until);
        }
    }

    /// The remaining time of the venue's ban, if there is one.
    #[must_use]
    pub fn banned_for(&self) -> Option<Duration> {
        self.scope.groups.iter().filter_map(|group| group.banned_for()).max()
    }

    /// Until when nothing may be sent to `group` and where that is noted, if it is for long: a ban, or a pause of a minute
    /// or more that the venue asked for.
    pub(crate) fn describe_block(&self, group: RateLimitGroup) -> Option<String> {
        let paused = || self.find(group).and_then(|found| found.paused_for());
        let left = self.banned_for().or_else(paused)?;
        Some(block_errors::describe_end(&self.scope.state, left))
    }

    /// Returns whether the group's budget is in use: a request waits, or one was sent within the last window.
    #[must_use]
    pub fn busy(&self, group: RateLimitGroup) -> bool {
        self.find(group).is_some_and(|found| found.busy())
    }

    /// Estimates how long `requests` of a group would take if they were all sent now and nobody else sent
    /// any.
    ///
    /// Returns `None` for a group that this limiter does not know.
    ///
    /// Goes by what the log holds, what the venue allows at present, and the round trips measured lately.
    #[must_use]
    pub fn eta(
        &self,
        group: RateLimitGroup,
        priority: Priority,
        requests: u64,
    ) -> Option<CompletionEstimate> {
        self.find(group).map(|found| found.eta(priority, requests))
    }

    /// Returns the counters so far.
    #[must_use]
    pub fn metrics(&self) -> LimiterMetrics {
        LimiterMetrics {
            groups: self.scope.groups.iter().map(|group| group.metrics()).collect(),
            banned_for: self.banned_for(),
            bans: self.scope.state.bans(),
        }
    }

    // A venue has a handful of groups: a table would be slower than looking through them.
    fn find(&self, group: RateLimitGroup) -> Option<&Arc<LimitedGroup>> {
        self.scope.groups.iter().find(|found| found.name() == group)
    }
}
