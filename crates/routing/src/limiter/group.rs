//! One group of requests, shared by all who send them: what happens to it, one thing at a time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use market_backbone_core::{Priority, RateLimitGroup, RateLimitRule, SourceError, SourceErrorKind};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::journal::Journal;
use super::journal_record::RecordKind;
use super::peer_log::PeerEvent;
use super::scope_state::ScopeState;
use super::send_log::SendOutcome;
use super::state::LimiterState;
use super::wait_queue::Waiter;
use super::{CompletionEstimate, GroupMetrics, LimiterConfig, block_errors};

/// How soon to look again when another process is giving a turn.
const LOCK_POLL: Duration = Duration::from_millis(1);

/// How things stand for somebody who joined the line.
#[derive(Debug)]
pub(super) enum WaiterState {
    /// Their turn was given at this moment, or never will be.
    Resolved(Result<Instant, SourceError>),
    /// The permit is not granted yet. `alarm` is set for the waiter that is next: look again then.
    Waiting { alarm: Option<Instant> },
}

/// One group of requests that the venue counts together.
#[derive(Debug)]
pub(super) struct LimitedGroup {
    limit: RateLimitRule,
    config: LimiterConfig,
    scope: Arc<ScopeState>,
    state: Mutex<LimiterState>,
}

impl LimitedGroup {
    pub(super) fn new(limit: RateLimitRule, config: LimiterConfig, shared: &Arc<ScopeState>) -> Self {
        Self { limit, config, scope: Arc::clone(shared), state: Mutex::new(LimiterState::new(limit, config)) }
    }

    pub(super) fn limit(&self) -> RateLimitRule {
        self.limit
    }

    pub(super) fn name(&self) -> RateLimitGroup {
        self.limit.group
    }

    pub(super) fn max_wait(&self, priority: Priority) -> Duration {
        match priority {
            Priority::Low => self.config.max_wait_low,
            Priority::Critical | Priority::High | Priority::Normal => self.config.max_wait,
        }
    }

    /// Joins the line; the answer is found by [`standing`](Self::standing).
    pub(super) fn join(&self, priority: Priority, alarm: Arc<Notify>) -> Result<u64, SourceError> {
        let now = Instant::now();
        let mut state = self.lock();
        if let Some(left) = state.banned_for(now) {
            return Err(block_errors::banned(&self.scope, left));
        }
        if let Some(left) = state.long_pause(now) {
            return Err(block_errors::paused(&self.scope, self.name(), left));
        }
        let waiting = state.queue.len();
        if waiting >= self.config.queue {
            let message = format!("{waiting} requests wait for a turn in group {} already", self.name());
            return Err(SourceError::new(SourceErrorKind::Overloaded, message));
        }
        if priority == Priority::Critical {
            state.last_critical = Some(now);
        }
        state.last_id += 1;
        let id = state.last_id;
        state.queue.push(priority, Waiter { id, since: now, alarm });
        self.grant_permits(&mut state, now);
        Ok(id)
    }

    /// Picks up what became of `id`.
    pub(super) fn take_state(&self, id: u64) -> WaiterState {
        let mut state = self.lock();
        match state.outcomes.remove(&id) {
            Some(outcome) => WaiterState::Resolved(outcome),
            None => WaiterState::Waiting {
                alarm: state.next.filter(|(next, _)| next.id == id).and_then(|(_, alarm)| alarm),
            },
        }
    }

    fn journal_event(&self, what: RecordKind, id: u64) {
        if let Some(journal) = self.scope.journal.get() {
            journal.append(what, self.limit.group.0, id);
        }
    }

    /// Counts what other processes have said since this was done last, unless one of them is at it.
    pub(super) fn read_peer_events(&self) {
        let (now, mut state) = (Instant::now(), self.lock());
        if let Some(mut desk) = self.scope.journal.get().and_then(Journal::try_lock) {
            self.ingest(&mut state, desk.take_events(self.limit.group.0), now);
        }
    }

    /// Takes in what other processes say; a ban is one for all.
    fn ingest(&self, state: &mut LimiterState, news: Vec<PeerEvent>, now: Instant) {
        for news in news {
            let left = Duration::from_millis(news.number).saturating_sub(news.age);
            match news.kind {
                RecordKind::Banned if !left.is_zero() => self.apply_ban(state, now + left, now),
                RecordKind::Paused if !left.is_zero() => self.pause_until(state, now + left, now),
                _ => {}
            }
            state.log.ingest(news, now);
        }
    }

    /// The venue wants to be left alone; where that is for long, nobody waits for it.
    fn pause_until(&self, state: &mut LimiterState, until: Instant, now: Instant) {
        let before = state.long_pause(now);
        state.limit.pause(until);
        if let Some(left) = state.long_pause(now) {
            let refusal = block_errors::paused(&self.scope, self.name(), left);
            if before.is_none() {
                tracing::warn!("{refusal}");
            }
            state.refuse_all(&refusal);
        }
    }

    /// Gives what turns there are, if no other process is giving one at this moment.
    fn grant_permits(&self, state: &mut LimiterState, now: Instant) {
        let Some(journal) = self.scope.journal.get().filter(|_| state.queue.len() > 0) else {
            return state.grant_permits(now, |_| {});
        };
        let Some(mut desk) = journal.try_lock() else { return state.retry_at(now, now + LOCK_POLL) };
        let group = self.limit.group.0;
        self.ingest(state, desk.take_events(group), now);
        state.grant_permits(now, |id| desk.record_grant(group, id));
    }

    /// How long the next of `priority` would wait for its turn, if nobody more urgent came.
    pub(super) fn expected_wait(&self, priority: Priority) -> Duration {
        let now = Instant::now();
        let mut state = self.lock();
        let (outlook, _) = state.projection(priority, now);
        outlook.granted_after(state.queue.ahead(priority, 1, now, &self.config) + 1)
    }

    /// How long `waiting` in the line will still wait; zero if it waits no more.
    pub(super) fn remaining_wait(&self, waiting: u64, priority: Priority) -> Duration {
        let now = Instant::now();
        let mut state = self.lock();
        let (outlook, _) = state.projection(priority, now);
        state.queue.position(waiting, priority).map_or(Duration::ZERO, |place| outlook.granted_after(place))
    }

    /// Leaves the line, or hands back a turn nobody picked up. Of no effect once it was picked up.
    pub(super) fn cancel(&self, id: u64) {
        let mut state = self.lock();
        let unused = matches!(state.outcomes.remove(&id), Some(Ok(_)));
        if unused {
            state.log.remove(id);
            state.sent -= 1;
            self.journal_event(RecordKind::Unused, id);
        }
        if state.queue.remove(id) || unused {
            self.grant_permits(&mut state, Instant::now());
        }
    }

    /// Gives what turns there are.
    pub(super) fn grant_ready(&self) {
        self.grant_permits(&mut self.lock(), Instant::now());
    }

    pub(super) fn answered(&self, id: u64) {
        let now = Instant::now();
        self.resolve(id, SendOutcome::Answered(now), now);
        self.journal_event(RecordKind::Answered, id);
    }

    pub(super) fn lost(&self, id: u64) {
        let now = Instant::now();
        self.resolve(id, SendOutcome::Lost(now), now);
        self.journal_event(RecordKind::Lost, id);
    }

    fn resolve(&self, id: u64, fate: SendOutcome, now: Instant) {
        let mut state = self.lock();
        state.log.resolve(id, fate);
        self.grant_permits(&mut state, now);
    }

    /// The venue says that `remaining` were left after a request sent at `sent`.
    pub(super) fn observe(&self, sent: Instant, remaining: u32) {
        let now = Instant::now();
        self.read_peer_events();
        let mut state = self.lock();
        let used = usize::try_from(self.limit.max.saturating_sub(remaining)).unwrap_or(0);
        let external = used.saturating_sub(state.log.possibly_counted(sent));
        for _ in 0..external {
            state.log.push_external(now);
            state.external += 1;
        }
        if external > 0 {
            tracing::debug!(group = %self.name(), external, "somebody else uses this address's budget");
        }
    }

    pub(super) fn throttled(&self, retry_after: Option<Duration>) {
        let now = Instant::now();
        let hold = self.limit.window + self.config.margin;
        let asked = retry_after.filter(|asked| *asked > hold);
        if let Some(asked) = asked {
            self.journal_event(RecordKind::Paused, u64::try_from(asked.as_millis()).unwrap_or(u64::MAX));
        }
        let mut state = self.lock();
        state.throttled += 1;
        if let Some(asked) = asked {
            self.pause_until(&mut state, now + asked, now);
        }
        state.limit.on_throttled(now, now + asked.unwrap_or(hold));
        self.grant_permits(&mut state, now);
        tracing::warn!(group = %self.name(), allowed = state.limit.at(now), "the venue says we are too quick");
    }

    pub(super) fn ban_until(&self, until: Instant) {
        self.apply_ban(&mut self.lock(), until, Instant::now());
    }

    fn apply_ban(&self, state: &mut LimiterState, until: Instant, now: Instant) {
        self.scope.record_ban(until, now);
        state.banned_until = state.banned_until.max(Some(until));
        let left = state.banned_for(now).unwrap_or_default();
        state.refuse_all(&block_errors::banned(&self.scope, left));
    }

    /// How much longer the venue does not want to be asked, where that is long.
    pub(super) fn paused_for(&self) -> Option<Duration> {
        self.lock().long_pause(Instant::now())
    }

    pub(super) fn banned_for(&self) -> Option<Duration> {
        self.lock().banned_for(Instant::now())
    }

    pub(super) fn busy(&self) -> bool {
        let state = self.lock();
        state.queue.len() > 0 || state.log.any_since(Instant::now(), self.limit.window)
    }

    /// Plays through what `requests` more would take.
    pub(super) fn eta(&self, priority: Priority, requests: u64) -> CompletionEstimate {
        let now = Instant::now();
        let mut state = self.lock();
        let (outlook, measured) = state.projection(priority, now);
        let ahead = state.queue.ahead(priority, requests, now, &self.config);
        let takes = if requests == 0 { Duration::ZERO } else { outlook.completed_after(requests + ahead) };
        CompletionEstimate { takes, round_trip: outlook.round_trip, measured }
    }

    pub(super) fn metrics(&self) -> GroupMetrics {
        let mut state = self.lock();
        GroupMetrics {
            group: self.name(),
            sends: state.sent,
            waiting: state.queue.len(),
            longest_wait: state.longest_wait,
            throttled: state.throttled,
            external: state.external,
            allowed: state.limit.at(Instant::now()),
        }
    }

    // The state is sound after every statement, so a panic elsewhere is no reason to stop.
    fn lock(&self) -> MutexGuard<'_, LimiterState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
