//! The state of one group: its rules, its log, its queue, and the way of permits from the queue to the log.
//!
//! Nothing in here waits or touches a file: the lock of a group's state is held for microseconds.

use std::sync::Arc;
use std::time::Duration;

use market_backbone_core::{Priority, RateLimitRule, SourceError};
use rustc_hash::FxHashMap;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::LimiterConfig;
use super::block_errors::LONG_PAUSE;
use super::estimate::SendProjection;
use super::rule_set::RuleSet;
use super::send_log::{NextSlot, SendLog};
use super::sent_request::WindowShare;
use super::wait_queue::{NextWaiter, WaitQueue};

/// The interval between two checks whether a request of another process in flight was answered.
const EXTERNAL_POLL: Duration = Duration::from_millis(20);

/// The request that is next, and when to look again if that is known; its waiter keeps the alarm for all.
type NextWakeup = (NextWaiter, Option<Instant>);

/// The outcome of a queued request, until its waiter picks it up.
#[derive(Debug)]
pub(super) enum GrantOutcome {
    /// The request gets a permit as soon as that is recorded for other processes.
    Recording,
    /// The request has its permit since this moment.
    Granted(Instant),
    /// The request is refused.
    Refused(SourceError),
}

/// A permit that was decided, and is to be recorded and then given.
#[derive(Debug)]
pub(super) struct Grant {
    pub(super) id: u64,
    pub(super) weight: u32,
    alarm: Arc<Notify>,
}

/// The state of one group.
#[derive(Debug)]
pub(super) struct LimiterState {
    config: LimiterConfig,
    pub(super) log: SendLog,
    pub(super) queue: WaitQueue,
    pub(super) rules: RuleSet,
    pub(super) outcomes: FxHashMap<u64, GrantOutcome>,
    pub(super) next: Option<NextWakeup>,
    pub(super) last_critical: Option<Instant>,
    pub(super) banned_until: Option<Instant>,
    pub(super) last_id: u64,
    pub(super) sent: u64,
    pub(super) sent_weight: u64,
    pub(super) throttled: u64,
    pub(super) external: u64,
    pub(super) longest_wait: Duration,
}

impl LimiterState {
    pub(super) fn new(rules: &[RateLimitRule], config: LimiterConfig) -> Self {
        Self {
            config,
            log: SendLog::new(rules, &config),
            queue: WaitQueue::default(),
            rules: RuleSet::new(rules, config.margin),
            outcomes: FxHashMap::default(),
            next: None,
            last_critical: None,
            banned_until: None,
            last_id: 0,
            sent: 0,
            sent_weight: 0,
            throttled: 0,
            external: 0,
            longest_wait: Duration::ZERO,
        }
    }

    /// Returns how much longer nothing at all is sent, if that is so.
    pub(super) fn banned_for(&self, now: Instant) -> Option<Duration> {
        self.banned_until.and_then(|end| end.checked_duration_since(now)).filter(|left| !left.is_zero())
    }

    /// Returns the remaining pause of the venue, where it is too long to wait for.
    pub(super) fn long_pause(&self, now: Instant) -> Option<Duration> {
        let end = self.rules.paused_until(now)?;
        Some(end - now).filter(|left| *left >= LONG_PAUSE)
    }

    /// Refuses all requests that wait.
    pub(super) fn refuse_all(&mut self, why: &SourceError) {
        for waiter in self.queue.drain() {
            self.outcomes.insert(waiter.id, GrantOutcome::Refused(why.clone()));
            waiter.alarm.notify_one();
        }
        self.next = None;
    }

    /// Decides which requests get a permit now, and sets the alarm for the next. Must be called after every
    /// change.
    ///
    /// A decided permit counts from here on; its waiter gets it by [`publish`](Self::publish).
    pub(super) fn decide(&mut self, now: Instant) -> Vec<Grant> {
        self.log.prune(now);
        let mut grants = Vec::new();
        let next = loop {
            match self.decide_one(now) {
                Ok(grant) => grants.extend(grant),
                Err(next) => break next,
            }
        };
        self.set_alarm(next);
        grants
    }

    /// Hands over the decided permits, now that they are recorded, except those cancelled meanwhile.
    pub(super) fn publish(&mut self, grants: Vec<Grant>, now: Instant) {
        for grant in grants {
            if let Some(outcome @ GrantOutcome::Recording) = self.outcomes.get_mut(&grant.id) {
                *outcome = GrantOutcome::Granted(now);
                self.log.sent_at(grant.id, now);
                grant.alarm.notify_one();
            }
        }
    }

    /// Looks again at `at`; until then no permit can be given.
    pub(super) fn retry_at(&mut self, now: Instant, at: Instant) {
        let next = self.queue.next(now, &self.config).into_iter().flatten().next();
        self.set_alarm(next.map(|next| (next, Some(at))));
    }

    fn set_alarm(&mut self, next: Option<NextWakeup>) {
        let changed = self.next != next;
        self.next = next;
        if let Some((next, _)) = next.filter(|_| changed)
            && let Some(alarm) = self.queue.alarm(next)
        {
            alarm.notify_one();
        }
    }

    /// Decides for the request that is next and has room, or returns which will have it first.
    fn decide_one(&mut self, now: Instant) -> Result<Option<Grant>, Option<NextWakeup>> {
        let mut blocked: Option<NextWakeup> = None;
        for next in self.queue.next(now, &self.config).into_iter().flatten() {
            let at = match self.next_slot(next, now) {
                NextSlot::Now => return Ok(self.grant(next, now)),
                NextSlot::At(at) => Some(at),
                NextSlot::AfterResponse => None,
            };
            let sooner =
                blocked.is_none_or(|(_, known)| at.is_some_and(|at| known.is_none_or(|known| at < known)));
            if sooner {
                blocked = Some((next, at));
            }
        }
        Err(blocked)
    }

    fn grant(&mut self, next: NextWaiter, now: Instant) -> Option<Grant> {
        let waiter = self.queue.pop(next, now, &self.config)?;
        let critical = next.priority == Priority::Critical;
        let share = if critical { WindowShare::Critical } else { WindowShare::Others };
        self.log.push(waiter.id, now, share, waiter.weight);
        self.sent += 1;
        self.sent_weight += u64::from(waiter.weight);
        self.longest_wait = self.longest_wait.max(now - waiter.since);
        self.outcomes.insert(waiter.id, GrantOutcome::Recording);
        Some(Grant { id: waiter.id, weight: waiter.weight, alarm: waiter.alarm })
    }

    /// Takes back a permit that nobody picked up: its request is not sent.
    pub(super) fn take_back(&mut self, id: u64) {
        self.sent -= 1;
        let weight = self.log.remove(id);
        self.sent_weight = self.sent_weight.saturating_sub(u64::from(weight));
    }

    /// Returns the data for an estimate, and whether the round trip in it was measured.
    pub(super) fn projection(&mut self, priority: Priority, now: Instant) -> (SendProjection, bool) {
        let reserved = self.reserve_ends(now).is_some() && priority != Priority::Critical;
        let paused = self.rules.paused_until(now).map(|end| end - now);
        let start = paused.into_iter().chain(self.banned_for(now)).max().unwrap_or_default();
        let trips = self.log.round_trips();
        let measured = trips.median(now);
        let round_trip = measured.unwrap_or(self.config.assumed_round_trip);
        let rtt_credit = trips.expected_rtt_credit(now).unwrap_or(round_trip / 2);
        let responses_until_credit = trips.needed_at(now);
        let mut windows = Vec::new();
        for window in self.rules.iter_mut() {
            let allowed = window.allowed(now, reserved, &self.config);
            windows.push(self.log.projection(now, window, allowed, (round_trip, rtt_credit)));
        }
        (
            SendProjection { start, windows, round_trip, rtt_credit, responses_until_credit },
            measured.is_some(),
        )
    }

    fn reserve_ends(&self, now: Instant) -> Option<Instant> {
        self.last_critical.map(|seen| seen + self.config.reserve_for).filter(|end| *end > now)
    }

    /// Returns when there is room for `next`.
    fn next_slot(&mut self, next: NextWaiter, now: Instant) -> NextSlot {
        if let Some(end) = self.rules.paused_until(now) {
            return NextSlot::At(end);
        }
        let reserve_ends = self.reserve_ends(now);
        let reserved = reserve_ends.is_some() && next.priority != Priority::Critical;
        let room = self.rules.next_slot(&self.log, (now, next.weight), reserved, &self.config);
        // When the reserve ends or an allowance grows there may be room sooner: look again then.
        let change = [reserve_ends, self.rules.recovers_at()].into_iter().flatten().min();
        let poll = self.log.is_external_in_flight().then(|| now + EXTERNAL_POLL);
        match (room, change.into_iter().chain(poll).min()) {
            (NextSlot::At(at), Some(change)) => NextSlot::At(at.min(change)),
            (NextSlot::AfterResponse, Some(change)) => NextSlot::At(change),
            (room, _) => room,
        }
    }

    /// Counts what the venue reports of a window after the reply to a request sent at `sent`: if less is left
    /// than was counted, somebody else used the difference. Returns that difference.
    pub(super) fn observe(
        &mut self,
        window: Option<Duration>,
        sent: Instant,
        remaining: u32,
        now: Instant,
    ) -> u32 {
        let Some(window) = self.rules.reported(window) else { return 0 };
        let used = u64::from(window.rule.max.saturating_sub(remaining));
        let external = used.saturating_sub(self.log.possibly_counted(window, sent));
        let external = u32::try_from(external).unwrap_or(u32::MAX);
        if external > 0 {
            self.log.push_external(now, external);
            self.external += u64::from(external);
        }
        external
    }
}
