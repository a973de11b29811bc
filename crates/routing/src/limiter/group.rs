//! One group of requests, shared by all who send them: what happens to it, one thing at a time.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use market_backbone_core::{CallGroup, LimitGroup, Priority, SourceError, SourceErrorKind};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::journal::{Journal, Past};
use super::line::Waiter;
use super::record::What;
use super::sends::Fate;
use super::state::State;
use super::{Estimate, GroupMetrics, LimiterConfig};

/// How things stand for somebody who joined the line.
#[derive(Debug)]
pub(super) enum Standing {
    /// Their turn was given at this moment, or never will be.
    Served(Result<Instant, SourceError>),
    /// Not yet. `alarm` is set for the one who is next: look again then.
    Waiting { alarm: Option<Instant> },
}

/// One group of requests that the venue counts together.
#[derive(Debug)]
pub(super) struct Group {
    limit: LimitGroup,
    config: LimiterConfig,
    /// Shared with the other groups of the scope; empty where nothing is noted.
    journal: Arc<OnceLock<Journal>>,
    state: Mutex<State>,
}

impl Group {
    pub(super) fn new(limit: LimitGroup, config: LimiterConfig, journal: &Arc<OnceLock<Journal>>) -> Self {
        Self { limit, config, journal: Arc::clone(journal), state: Mutex::new(State::new(limit, config)) }
    }

    pub(super) fn limit(&self) -> LimitGroup {
        self.limit
    }

    pub(super) fn name(&self) -> CallGroup {
        self.limit.group
    }

    pub(super) fn patience(&self, priority: Priority) -> Duration {
        match priority {
            Priority::Low => self.config.patience_low,
            Priority::Critical | Priority::High | Priority::Normal => self.config.patience,
        }
    }

    /// Joins the line; the answer is found by [`standing`](Self::standing).
    pub(super) fn join(&self, priority: Priority, alarm: Arc<Notify>) -> Result<u64, SourceError> {
        let now = Instant::now();
        let mut state = self.lock();
        if let Some(left) = state.shut_for(now) {
            return Err(banned(left));
        }
        let waiting = state.line.len();
        if waiting >= self.config.queue {
            let message = format!("{waiting} requests wait for a turn in group {} already", self.name());
            return Err(SourceError::new(SourceErrorKind::Overloaded, message));
        }
        if priority == Priority::Critical {
            state.critical_seen = Some(now);
        }
        state.last_id += 1;
        let id = state.last_id;
        state.line.push(priority, Waiter { id, since: now, alarm });
        state.give_turns(now);
        Ok(id)
    }

    /// Picks up what became of `id`.
    pub(super) fn standing(&self, id: u64) -> Standing {
        let mut state = self.lock();
        match state.served.remove(&id) {
            Some(outcome) => Standing::Served(outcome),
            None => Standing::Waiting {
                alarm: state.next.filter(|(next, _)| next.id == id).and_then(|(_, alarm)| alarm),
            },
        }
    }

    /// Notes that the turn of `id` is about to be used.
    pub(super) fn using(&self, id: u64) {
        self.note(What::Sent, id);
    }

    fn note(&self, what: What, id: u64) {
        if let Some(journal) = self.journal.get() {
            journal.note(what, self.limit.group.0, id);
        }
    }

    /// Counts a request of an earlier run.
    pub(super) fn remember(&self, past: Past) {
        let now = Instant::now();
        // The clock of this process may not reach back so far; then it was just now.
        let ago = |ago: Duration| now.checked_sub(ago).unwrap_or(now);
        let fate = match past {
            Past::Answered(since) => Fate::Arrived(ago(since)),
            Past::Lost(since) => Fate::Lost(ago(since)),
        };
        self.lock().sends.push_foreign(fate, now);
    }

    /// How long the next of `priority` would wait for its turn, if nobody more urgent came.
    pub(super) fn wait(&self, priority: Priority) -> Duration {
        let now = Instant::now();
        let mut state = self.lock();
        let (outlook, _) = state.outlook(priority, now);
        outlook.turn(state.line.ahead(priority, 1, now, &self.config) + 1)
    }

    /// How long `waiting` in the line will still wait; zero if it waits no more.
    pub(super) fn still(&self, waiting: u64, priority: Priority) -> Duration {
        let now = Instant::now();
        let mut state = self.lock();
        let (outlook, _) = state.outlook(priority, now);
        state.line.place(waiting, priority).map_or(Duration::ZERO, |place| outlook.turn(place))
    }

    /// Leaves the line, or hands back a turn nobody picked up. Of no effect once it was picked up.
    pub(super) fn leave(&self, id: u64) {
        let mut state = self.lock();
        let unused = matches!(state.served.remove(&id), Some(Ok(_)));
        if unused {
            state.sends.strike(id);
            state.sent -= 1;
        }
        if state.line.remove(id) || unused {
            state.give_turns(Instant::now());
        }
    }

    /// Gives what turns there are.
    pub(super) fn serve(&self) {
        self.lock().give_turns(Instant::now());
    }

    pub(super) fn answered(&self, id: u64) {
        let now = Instant::now();
        self.settle(id, Fate::Answered(now), now);
        self.note(What::Answered, id);
    }

    pub(super) fn lost(&self, id: u64) {
        let now = Instant::now();
        self.settle(id, Fate::Lost(now), now);
        self.note(What::Lost, id);
    }

    fn settle(&self, id: u64, fate: Fate, now: Instant) {
        let mut state = self.lock();
        state.sends.settle(id, fate);
        state.give_turns(now);
    }

    /// The venue says that `remaining` were left after a request sent at `sent`.
    pub(super) fn observe(&self, sent: Instant, remaining: u32) {
        let now = Instant::now();
        let mut state = self.lock();
        let used = usize::try_from(self.limit.max.saturating_sub(remaining)).unwrap_or(0);
        let foreign = used.saturating_sub(state.sends.countable(sent));
        for _ in 0..foreign {
            state.sends.push_foreign(Fate::Arrived(now), now);
            state.foreign += 1;
        }
        if foreign > 0 {
            tracing::debug!(group = %self.name(), foreign, "somebody else uses this address's budget");
        }
    }

    pub(super) fn throttled(&self, retry_after: Option<Duration>) {
        let now = Instant::now();
        let hold = self.limit.window + self.config.margin;
        let mut state = self.lock();
        state.throttled += 1;
        state.allowance.complain(now, now + retry_after.unwrap_or_default().max(hold));
        state.give_turns(now);
        tracing::warn!(group = %self.name(), allowed = state.allowance.at(now), "the venue says we are too quick");
    }

    pub(super) fn shut(&self, until: Instant) {
        let now = Instant::now();
        let mut state = self.lock();
        state.shut_until = Some(state.shut_until.map_or(until, |end| end.max(until)));
        let left = state.shut_for(now).unwrap_or_default();
        let State { line, served, .. } = &mut *state;
        for waiter in line.drain() {
            served.insert(waiter.id, Err(banned(left)));
            waiter.alarm.notify_one();
        }
        state.next = None;
    }

    pub(super) fn shut_for(&self) -> Option<Duration> {
        self.lock().shut_for(Instant::now())
    }

    pub(super) fn busy(&self) -> bool {
        let state = self.lock();
        state.line.len() > 0 || state.sends.any_since(Instant::now(), self.limit.window)
    }

    /// Plays through what `requests` more would take.
    pub(super) fn eta(&self, priority: Priority, requests: u64) -> Estimate {
        let now = Instant::now();
        let mut state = self.lock();
        let (outlook, measured) = state.outlook(priority, now);
        let ahead = state.line.ahead(priority, requests, now, &self.config);
        let takes = if requests == 0 { Duration::ZERO } else { outlook.answered(requests + ahead) };
        Estimate { takes, round_trip: outlook.trip, measured }
    }

    pub(super) fn metrics(&self) -> GroupMetrics {
        let mut state = self.lock();
        GroupMetrics {
            group: self.name(),
            sends: state.sent,
            waiting: state.line.len(),
            longest_wait: state.longest_wait,
            throttled: state.throttled,
            foreign: state.foreign,
            allowed: state.allowance.at(Instant::now()),
        }
    }

    // The state is sound after every statement, so a panic elsewhere is no reason to stop.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn banned(left: Duration) -> SourceError {
    let message = format!(
        "the venue has shut this address out for another {} s; nothing is sent until then",
        left.as_secs().max(1)
    );
    SourceError::new(SourceErrorKind::Banned(Some(left)), message)
}
