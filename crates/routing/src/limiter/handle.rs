//! The limiter as its callers see it: a handle that grants permits and records what the venue reports.

use std::sync::Arc;
use std::time::Duration;

use market_backbone_core::{
    BudgetReport, Priority, RateLimitGroup, RateLimitRule, RequestCost, SourceError, SourceErrorKind,
};
use tokio::time::Instant;

use super::block_errors;
use super::group::LimitedGroup;
use super::journal::{Journal, RecordKind};
use super::permit::QueuedRequest;
use super::rule_set::by_group;
use super::scope_registry;
use super::scope_state::ScopeState;
use super::{CompletionEstimate, JournalConfig, LimiterConfig, LimiterMetrics, Permit};

/// The assumed length of a ban when the venue does not say.
const DEFAULT_BAN: Duration = Duration::from_secs(600);

/// A rate limiter that grants permits to send. It is cheap to clone, and all clones share one count.
#[derive(Clone, Debug)]
pub struct Limiter {
    pub(super) scope: Arc<LimiterScope>,
}

/// Everything that one venue counts for one address.
#[derive(Debug)]
pub(super) struct LimiterScope {
    pub(super) groups: Vec<Arc<LimitedGroup>>,
    state: Arc<ScopeState>,
}

impl Limiter {
    /// Returns a limiter for these rules, with default settings. All rules of one group hold for each of its requests.
    #[must_use]
    pub fn new(rules: &[RateLimitRule]) -> Self {
        Self::with_config(rules, LimiterConfig::default())
    }

    /// Returns a limiter for these rules.
    #[must_use]
    pub fn with_config(rules: &[RateLimitRule], config: LimiterConfig) -> Self {
        let state = Arc::default();
        let group = |rules| Arc::new(LimitedGroup::new(rules, config, &state));
        let groups = by_group(rules).into_iter().map(group).collect();
        Self { scope: Arc::new(LimiterScope { groups, state }) }
    }

    /// Returns the limiter of `scope`, a name for what the venue counts together (venue and host).
    ///
    /// All callers in a process that name the same scope and rules share one count, and the settings of the
    /// first.
    ///
    /// With a `journal` the sends are recorded in a file, and what other processes record there counts too:
    /// those that run at the same time, and those that ran before. If the file cannot be used, a warning is
    /// logged and the limiter works without it.
    #[must_use]
    pub fn of_scope(
        scope: &str,
        rules: &[RateLimitRule],
        config: LimiterConfig,
        journal: Option<JournalConfig>,
    ) -> Self {
        let limiter = scope_registry::find_or(scope, rules, || Self::with_config(rules, config));
        if let Some(journal) = journal {
            limiter.attach_journal(journal);
        }
        limiter
    }

    /// Starts to record for other processes and to count what they record; has an effect once.
    fn attach_journal(&self, config: JournalConfig) {
        if self.scope.state.journal.get().is_some() {
            return;
        }
        let file = config.path.display().to_string();
        let rules: Vec<_> = self.scope.groups.iter().flat_map(|group| group.rules()).copied().collect();
        let journal = match Journal::open(config, &rules) {
            Ok(opened) => opened,
            Err(error) => {
                tracing::warn!(%error, %file, "sent requests cannot be recorded; other processes will not know of them");
                return;
            }
        };
        if self.scope.state.journal.set(journal).is_err() {
            return; // somebody else was quicker, and has read the same
        }
        self.scope.groups.iter().for_each(|group| group.read_peer_events());
    }

    /// Waits for a permit. Dropping the future gives up the place in the queue and wastes nothing.
    ///
    /// `cost` is a group, whose request then weighs 1, or a group [with a weight](RateLimitGroup::with_weight). The request
    /// must be sent as soon as this returns, and the permit kept until its answer is there.
    ///
    /// # Errors
    ///
    /// [`Overloaded`](SourceErrorKind::Overloaded) if too many wait already, or the permit did not come in time;
    /// [`Banned`](SourceErrorKind::Banned) while the venue has shut this address out;
    /// [`Throttled`](SourceErrorKind::Throttled) while it has asked to wait for a minute or more;
    /// [`BadRequest`](SourceErrorKind::BadRequest) for a weight that no window ever holds;
    /// [`Unsupported`](SourceErrorKind::Unsupported) for a group without a rule.
    pub async fn acquire(
        &self,
        cost: impl Into<RequestCost>,
        priority: Priority,
    ) -> Result<Permit, SourceError> {
        self.enqueue(cost.into(), priority, None)?.acquire().await
    }

    /// Waits for a permit, but no longer than `within`: refuses at once if it is clear that the permit would come later.
    ///
    /// Nothing is reserved for a request that was accepted: a more urgent one may still come and make it too late.
    ///
    /// # Errors
    ///
    /// Those of [`acquire`](Self::acquire), and [`DeadlineExceeded`](SourceErrorKind::DeadlineExceeded) with the wait that
    /// there would have been.
    pub async fn acquire_within(
        &self,
        cost: impl Into<RequestCost>,
        priority: Priority,
        within: Duration,
    ) -> Result<Permit, SourceError> {
        self.enqueue(cost.into(), priority, Some(within))?.acquire().await
    }

    fn enqueue(
        &self,
        cost: RequestCost,
        priority: Priority,
        within: Option<Duration>,
    ) -> Result<QueuedRequest, SourceError> {
        let group = self.find(cost.group).ok_or_else(|| {
            let message = format!("no limit is known for requests of group {}", cost.group);
            SourceError::new(SourceErrorKind::Unsupported, message)
        })?;
        QueuedRequest::enqueue(group, priority, cost.weight, within)
    }

    /// Corrects the count by the remaining budget of the group's first rule that the venue reports after the
    /// request of `permit`.
    ///
    /// If less is left than this limiter has counted, another client uses this address's rate limit: the
    /// difference counts as sent now. A larger remainder is ignored.
    pub fn observe(&self, permit: &Permit, group: RateLimitGroup, remaining: u32) {
        self.observe_report(permit, BudgetReport { group, window: None, remaining });
    }

    /// Corrects the count by the remaining budget of one of the group's rules that the venue reports, as
    /// [`observe`](Self::observe) does.
    pub fn observe_report(&self, permit: &Permit, report: BudgetReport) {
        if permit.group() != report.group {
            tracing::debug!(asked = %permit.group(), counted = %report.group, "counted in another group than expected");
            return;
        }
        if let Some(found) = self.find(report.group) {
            found.observe(permit.sent_at(), report);
        }
    }

    /// Records that the venue throttled a request of `group`.
    ///
    /// Nothing of the group is sent for `retry_after`, and for a window at least. Where that is a minute or
    /// more, nobody waits for it: requests are refused meanwhile, in other processes too. Then each rule gets
    /// four fifths of what it had, at least half of its limit, and one hundredth of its limit (at least 1)
    /// more for each 10 s without throttling.
    pub fn throttled(&self, group: RateLimitGroup, retry_after: Option<Duration>) {
        if let Some(found) = self.find(group) {
            found.throttled(retry_after);
        }
    }

    /// Records that the venue has banned this address: nothing at all is sent for `duration` (ten minutes
    /// where the venue does not say), and queued requests are refused at once.
    pub fn banned(&self, duration: Option<Duration>) {
        let duration = duration.unwrap_or(DEFAULT_BAN);
        if let Some(journal) = self.scope.state.journal.get() {
            let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
            journal.append(RecordKind::Banned, "-", millis);
        }
        let until = Instant::now() + duration;
        self.scope.groups.iter().for_each(|group| group.ban_until(until));
    }

    /// Returns the remaining time of the venue's ban, if there is one.
    #[must_use]
    pub fn banned_for(&self) -> Option<Duration> {
        self.scope.groups.iter().filter_map(|group| group.banned_for()).max()
    }

    /// Returns until when nothing may be sent to `group` and where that is recorded, if it is for long: a ban, or a pause
    /// of a minute or more that the venue asked for.
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

    /// Estimates how long `requests` would take that cost `cost` each, if all of them were made now and
    /// nobody else made any.
    ///
    /// Returns `None` for a group without a rule.
    ///
    /// The estimate uses the log, the current allowances, and the round trips measured lately.
    #[must_use]
    pub fn eta(
        &self,
        cost: impl Into<RequestCost>,
        priority: Priority,
        requests: u64,
    ) -> Option<CompletionEstimate> {
        let RequestCost { group, weight } = cost.into();
        self.find(group).map(|found| found.eta(priority, requests, weight))
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
