//! A group's log, its line, and the turns given from one to the other.

use std::time::Duration;

use market_backbone_core::{LimitGroup, Priority, SourceError};
use rustc_hash::FxHashMap;
use tokio::time::Instant;

use super::LimiterConfig;
use super::allowance::Allowance;
use super::estimate::Outlook;
use super::line::{Line, Next};
use super::notice::LONG;
use super::sends::{Room, Sends, Share};

/// How often to look whether what another process has under way was answered.
const FOREIGN_POLL: Duration = Duration::from_millis(20);

/// Who is next, and when to look again if that is known; they keep the alarm for all.
type Alarm = (Next, Option<Instant>);

/// What one group knows.
#[derive(Debug)]
pub(super) struct State {
    config: LimiterConfig,
    pub(super) sends: Sends,
    pub(super) line: Line,
    pub(super) allowance: Allowance,
    // Turns given, or refused, that their waiters have not picked up yet.
    pub(super) served: FxHashMap<u64, Result<Instant, SourceError>>,
    pub(super) next: Option<Alarm>,
    pub(super) critical_seen: Option<Instant>,
    pub(super) shut_until: Option<Instant>,
    pub(super) last_id: u64,
    pub(super) sent: u64,
    pub(super) throttled: u64,
    pub(super) foreign: u64,
    pub(super) longest_wait: Duration,
}

impl State {
    pub(super) fn new(limit: LimitGroup, config: LimiterConfig) -> Self {
        Self {
            config,
            sends: Sends::new(limit, &config),
            line: Line::default(),
            allowance: Allowance::new(limit.max),
            served: FxHashMap::default(),
            next: None,
            critical_seen: None,
            shut_until: None,
            last_id: 0,
            sent: 0,
            throttled: 0,
            foreign: 0,
            longest_wait: Duration::ZERO,
        }
    }

    /// How much longer nothing at all is sent.
    pub(super) fn shut_for(&self, now: Instant) -> Option<Duration> {
        self.shut_until.and_then(|end| end.checked_duration_since(now)).filter(|left| !left.is_zero())
    }

    /// How much longer the venue does not want to be asked, where that is too long to be waited for.
    pub(super) fn long_pause(&self, now: Instant) -> Option<Duration> {
        let end = self.allowance.paused_until(now)?;
        Some(end - now).filter(|left| *left >= LONG)
    }

    /// Refuses all who wait.
    pub(super) fn refuse_all(&mut self, why: &SourceError) {
        for waiter in self.line.drain() {
            self.served.insert(waiter.id, Err(why.clone()));
            waiter.alarm.notify_one();
        }
        self.next = None;
    }

    /// Gives what turns there are, telling `gave` of each, and sets the alarm for the next. To be called after every
    /// change.
    pub(super) fn give_turns(&mut self, now: Instant, mut gave: impl FnMut(u64)) {
        self.sends.prune(now);
        let next = loop {
            match self.give_one(now) {
                Ok(id) => gave(id),
                Err(next) => break next,
            }
        };
        self.set_alarm(next);
    }

    /// Nobody can be given a turn before `at`.
    pub(super) fn look_again(&mut self, now: Instant, at: Instant) {
        let next = self.line.next(now, &self.config).into_iter().flatten().next();
        self.set_alarm(next.map(|next| (next, Some(at))));
    }

    fn set_alarm(&mut self, next: Option<Alarm>) {
        let changed = self.next != next;
        self.next = next;
        if let Some((next, _)) = next.filter(|_| changed)
            && let Some(alarm) = self.line.alarm(next)
        {
            alarm.notify_one();
        }
    }

    /// Gives a turn to whoever has room, or says who will have it first.
    fn give_one(&mut self, now: Instant) -> Result<u64, Option<Alarm>> {
        let mut blocked: Option<Alarm> = None;
        for next in self.line.next(now, &self.config).into_iter().flatten() {
            let at = match self.room(next.priority, now) {
                Room::Now => {
                    self.give(next, now);
                    return Ok(next.id);
                }
                Room::At(at) => Some(at),
                Room::AfterAnAnswer => None,
            };
            let sooner =
                blocked.is_none_or(|(_, known)| at.is_some_and(|at| known.is_none_or(|known| at < known)));
            if sooner {
                blocked = Some((next, at));
            }
        }
        Err(blocked)
    }

    fn give(&mut self, next: Next, now: Instant) {
        let Some(waiter) = self.line.serve(next, now, &self.config) else { return };
        let critical = next.priority == Priority::Critical;
        self.sends.push(waiter.id, now, if critical { Share::Critical } else { Share::Others });
        self.sent += 1;
        self.longest_wait = self.longest_wait.max(now - waiter.since);
        self.served.insert(waiter.id, Ok(now));
        waiter.alarm.notify_one();
    }

    /// What an estimate goes by, and whether the round trip in it was measured.
    pub(super) fn outlook(&mut self, priority: Priority, now: Instant) -> (Outlook, bool) {
        let allowed = self.allowance.at(now);
        let kept = match self.reserve_ends(now) {
            Some(_) if priority != Priority::Critical => self.config.reserve(allowed),
            _ => 0,
        };
        let paused = self.allowance.paused_until(now).map(|end| end - now);
        let start = paused.into_iter().chain(self.shut_for(now)).max().unwrap_or_default();
        let measured = self.sends.trips().typical(now);
        let trip = measured.unwrap_or(self.config.assumed_trip);
        let outlook = self.sends.outlook(now, trip, start, (allowed - kept) as usize);
        (outlook, measured.is_some())
    }

    fn reserve_ends(&self, now: Instant) -> Option<Instant> {
        self.critical_seen.map(|seen| seen + self.config.reserve_for).filter(|end| *end > now)
    }

    /// When there is room for one of `priority`.
    fn room(&mut self, priority: Priority, now: Instant) -> Room {
        if let Some(end) = self.allowance.paused_until(now) {
            return Room::At(end);
        }
        let allowed = self.allowance.at(now);
        let whole = self.sends.room(now, allowed, |_| true);
        let reserve_ends = self.reserve_ends(now);
        let room = match reserve_ends {
            Some(_) if priority != Priority::Critical => {
                let rest = allowed - self.config.reserve(allowed);
                later(whole, self.sends.room(now, rest, |share| share != Share::Critical))
            }
            _ => whole,
        };
        // When the reserve ends or the allowance grows there may be room sooner: look again then.
        let change = [reserve_ends, self.allowance.recovers_at()].into_iter().flatten().min();
        let poll = self.sends.is_foreign_under_way().then(|| now + FOREIGN_POLL);
        let change = change.into_iter().chain(poll).min();
        match (room, change) {
            (Room::At(at), Some(change)) => Room::At(at.min(change)),
            (Room::AfterAnAnswer, Some(change)) => Room::At(change),
            (room, _) => room,
        }
    }
}

fn later(a: Room, b: Room) -> Room {
    match (a, b) {
        (Room::Now, other) | (other, Room::Now) => other,
        (Room::At(a), Room::At(b)) => Room::At(a.max(b)),
        (Room::AfterAnAnswer, _) | (_, Room::AfterAnAnswer) => Room::AfterAnAnswer,
    }
}
