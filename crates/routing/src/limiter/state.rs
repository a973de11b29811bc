//! A group's log, its line, and the turns given from one to the other.

use std::time::Duration;

use market_backbone_core::{Priority, RateLimitRule, SourceError};
use rustc_hash::FxHashMap;
use tokio::time::Instant;

use super::LimiterConfig;
use super::adaptive_limit::AdaptiveLimit;
use super::block_errors::LONG_PAUSE;
use super::estimate::SendProjection;
use super::send_log::{NextSlot, SendLog, WindowShare};
use super::wait_queue::{NextWaiter, WaitQueue};

/// How often to look whether what another process has under way was answered.
const EXTERNAL_POLL: Duration = Duration::from_millis(20);

/// Who is next, and when to look again if that is known; they keep the alarm for all.
type NextWakeup = (NextWaiter, Option<Instant>);

/// What one group knows.
#[derive(Debug)]
pub(super) struct LimiterState {
    config: LimiterConfig,
    pub(super) log: SendLog,
    pub(super) queue: WaitQueue,
    pub(super) limit: AdaptiveLimit,
    // Turns given, or refused, that their waiters have not picked up yet.
    pub(super) outcomes: FxHashMap<u64, Result<Instant, SourceError>>,
    pub(super) next: Option<NextWakeup>,
    pub(super) last_critical: Option<Instant>,
    pub(super) banned_until: Option<Instant>,
    pub(super) last_id: u64,
    pub(super) sent: u64,
    pub(super) throttled: u64,
    pub(super) external: u64,
    pub(super) longest_wait: Duration,
}

impl LimiterState {
    pub(super) fn new(limit: RateLimitRule, config: LimiterConfig) -> Self {
        Self {
            config,
            log: SendLog::new(limit, &config),
            queue: WaitQueue::default(),
            limit: AdaptiveLimit::new(limit.max),
            outcomes: FxHashMap::default(),
            next: None,
            last_critical: None,
            banned_until: None,
            last_id: 0,
            sent: 0,
            throttled: 0,
            external: 0,
            longest_wait: Duration::ZERO,
        }
    }

    /// How much longer nothing at all is sent.
    pub(super) fn banned_for(&self, now: Instant) -> Option<Duration> {
        self.banned_until.and_then(|end| end.checked_duration_since(now)).filter(|left| !left.is_zero())
    }

    /// How much longer the venue does not want to be asked, where that is too long to be waited for.
    pub(super) fn long_pause(&self, now: Instant) -> Option<Duration> {
        let end = self.limit.paused_until(now)?;
        Some(end - now).filter(|left| *left >= LONG_PAUSE)
    }

    /// Refuses all who wait.
    pub(super) fn refuse_all(&mut self, why: &SourceError) {
        for waiter in self.queue.drain() {
            self.outcomes.insert(waiter.id, Err(why.clone()));
            waiter.alarm.notify_one();
        }
        self.next = None;
    }

    /// Gives what turns there are, telling `gave` of each, and sets the alarm for the next. To be called after every
    /// change.
    pub(super) fn grant_permits(&mut self, now: Instant, mut gave: impl FnMut(u64)) {
        self.log.prune(now);
        let next = loop {
            match self.grant_one(now) {
                Ok(id) => gave(id),
                Err(next) => break next,
            }
        };
        self.set_alarm(next);
    }

    /// Nobody can be given a turn before `at`.
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

    /// Gives a turn to whoever has room, or says who will have it first.
    fn grant_one(&mut self, now: Instant) -> Result<u64, Option<NextWakeup>> {
        let mut blocked: Option<NextWakeup> = None;
        for next in self.queue.next(now, &self.config).into_iter().flatten() {
            let at = match self.next_slot(next.priority, now) {
                NextSlot::Now => {
                    self.grant(next, now);
                    return Ok(next.id);
                }
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

    fn grant(&mut self, next: NextWaiter, now: Instant) {
        let Some(waiter) = self.queue.pop(next, now, &self.config) else { return };
        let critical = next.priority == Priority::Critical;
        self.log.push(waiter.id, now, if critical { WindowShare::Critical } else { WindowShare::Others });
        self.sent += 1;
        self.longest_wait = self.longest_wait.max(now - waiter.since);
        self.outcomes.insert(waiter.id, Ok(now));
        waiter.alarm.notify_one();
    }

    /// What an estimate goes by, and whether the round trip in it was measured.
    pub(super) fn projection(&mut self, priority: Priority, now: Instant) -> (SendProjection, bool) {
        let allowed = self.limit.at(now);
        let kept = match self.reserve_ends(now) {
            Some(_) if priority != Priority::Critical => self.config.reserve(allowed),
            _ => 0,
        };
        let paused = self.limit.paused_until(now).map(|end| end - now);
        let start = paused.into_iter().chain(self.banned_for(now)).max().unwrap_or_default();
        let measured = self.log.round_trips().median(now);
        let trip = measured.unwrap_or(self.config.assumed_round_trip);
        let outlook = self.log.projection(now, trip, start, (allowed - kept) as usize);
        (outlook, measured.is_some())
    }

    fn reserve_ends(&self, now: Instant) -> Option<Instant> {
        self.last_critical.map(|seen| seen + self.config.reserve_for).filter(|end| *end > now)
    }

    /// Returns when there is room for a request of `priority`.
    fn next_slot(&mut self, priority: Priority, now: Instant) -> NextSlot {
        if let Some(end) = self.limit.paused_until(now) {
            return NextSlot::At(end);
        }
        let allowed = self.limit.at(now);
        let whole = self.log.next_slot(now, allowed, |_| true);
        let reserve_ends = self.reserve_ends(now);
        let room = match reserve_ends {
            Some(_) if priority != Priority::Critical => {
                let rest = allowed - self.config.reserve(allowed);
                later(whole, self.log.next_slot(now, rest, |share| share != WindowShare::Critical))
            }
            _ => whole,
        };
        // When the reserve ends or the allowance grows there may be room sooner: look again then.
        let change = [reserve_ends, self.limit.recovers_at()].into_iter().flatten().min();
        let poll = self.log.is_external_in_flight().then(|| now + EXTERNAL_POLL);
        let change = change.into_iter().chain(poll).min();
        match (room, change) {
            (NextSlot::At(at), Some(change)) => NextSlot::At(at.min(change)),
            (NextSlot::AfterResponse, Some(change)) => NextSlot::At(change),
            (room, _) => room,
        }
    }
}

fn later(a: NextSlot, b: NextSlot) -> NextSlot {
    match (a, b) {
        (NextSlot::Now, other) | (other, NextSlot::Now) => other,
        (NextSlot::At(a), NextSlot::At(b)) => NextSlot::At(a.max(b)),
        (NextSlot::AfterResponse, _) | (_, NextSlot::AfterResponse) => NextSlot::AfterResponse,
    }
}
