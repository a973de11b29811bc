//! One group of requests, shared by all who send them: what happens to it, one thing at a time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use market_backbone_core::{CallGroup, LimitGroup, Priority, SourceError, SourceErrorKind};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::inbox::News;
use super::journal::Journal;
use super::line::Waiter;
use super::record::What;
use super::sends::Fate;
use super::shared::Shared;
use super::state::State;
use super::{Estimate, GroupMetrics, LimiterConfig, notice};

/// How soon to look again when another process is giving a turn.
const GATE_POLL: Duration = Duration::from_millis(1);

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
    shared: Arc<Shared>,
    state: Mutex<State>,
}

impl Group {
    pub(super) fn new(limit: LimitGroup, config: LimiterConfig, shared: &Arc<Shared>) -> Self {
        Self { limit, config, shared: Arc::clone(shared), state: Mutex::new(State::new(limit, config)) }
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
            return Err(notice::banned(&self.shared, left));
        }
        if let Some(left) = state.long_pause(now) {
            return Err(notice::paused(&self.shared, self.name(), left));
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
        self.give_turns(&mut state, now);
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

    fn note(&self, what: What, id: u64) {
        if let Some(journal) = self.shared.journal.get() {
            journal.note(what, self.limit.group.0, id);
        }
    }

    /// Counts what other processes have said since this was done last, unless one of them is at it.
    pub(super) fn listen(&self) {
        let (now, mut state) = (Instant::now(), self.lock());
        if let Some(mut desk) = self.shared.journal.get().and_then(Journal::enter) {
            self.hear(&mut state, desk.news(self.limit.group.0), now);
        }
    }

    /// Takes in what other processes say; a ban is one for all.
    fn hear(&self, state: &mut State, news: Vec<News>, now: Instant) {
        for news in news {
            let left = Duration::from_millis(news.number).saturating_sub(news.ago);
            match news.what {
                What::Banned if !left.is_zero() => self.shut_until(state, now + left, now),
                What::Paused if !left.is_zero() => self.pause_until(state, now + left, now),
                _ => {}
            }
            state.sends.hear(news, now);
        }
    }

    /// The venue wants to be left alone; where that is for long, nobody waits for it.
    fn pause_until(&self, state: &mut State, until: Instant, now: Instant) {
        let before = state.long_pause(now);
        state.allowance.pause(until);
        if let Some(left) = state.long_pause(now) {
            let refusal = notice::paused(&self.shared, self.name(), left);
            if before.is_none() {
                tracing::warn!("{refusal}");
            }
            state.refuse_all(&refusal);
        }
    }

    /// Gives what turns there are, if no other process is giving one at this moment.
    fn give_turns(&self, state: &mut State, now: Instant) {
        let Some(journal) = self.shared.journal.get().filter(|_| state.line.len() > 0) else {
            return state.give_turns(now, |_| {});
        };
        let Some(mut desk) = journal.enter() else { return state.look_again(now, now + GATE_POLL) };
        let group = self.limit.group.0;
        self.hear(state, desk.news(group), now);
        state.give_turns(now, |id| desk.gave(group, id));
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
            self.note(What::Unused, id);
        }
        if state.line.remove(id) || unused {
            self.give_turns(&mut state, Instant::now());
        }
    }

    /// Gives what turns there are.
    pub(super) fn serve(&self) {
        self.give_turns(&mut self.lock(), Instant::now());
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
        self.give_turns(&mut state, now);
    }

    /// The venue says that `remaining` were left after a request sent at `sent`.
    pub(super) fn observe(&self, sent: Instant, remaining: u32) {
        let now = Instant::now();
        self.listen();
        let mut state = self.lock();
        let used = usize::try_from(self.limit.max.saturating_sub(remaining)).unwrap_or(0);
        let foreign = used.saturating_sub(state.sends.countable(sent));
        for _ in 0..foreign {
            state.sends.push_foreign(now);
            state.foreign += 1;
        }
        if foreign > 0 {
            tracing::debug!(group = %self.name(), foreign, "somebody else uses this address's budget");
        }
    }

    pub(super) fn throttled(&self, retry_after: Option<Duration>) {
        let now = Instant::now();
        let hold = self.limit.window + self.config.margin;
        let asked = retry_after.filter(|asked| *asked > hold);
        if let Some(asked) = asked {
            self.note(What::Paused, u64::try_from(asked.as_millis()).unwrap_or(u64::MAX));
        }
        let mut state = self.lock();
        state.throttled += 1;
        if let Some(asked) = asked {
            self.pause_until(&mut state, now + asked, now);
        }
        state.allowance.complain(now, now + asked.unwrap_or(hold));
        self.give_turns(&mut state, now);
        tracing::warn!(group = %self.name(), allowed = state.allowance.at(now), "the venue says we are too quick");
    }

    pub(super) fn shut(&self, until: Instant) {
        self.shut_until(&mut self.lock(), until, Instant::now());
    }

    fn shut_until(&self, state: &mut State, until: Instant, now: Instant) {
        self.shared.banned(until, now);
        state.shut_until = state.shut_until.max(Some(until));
        let left = state.shut_for(now).unwrap_or_default();
        state.refuse_all(&notice::banned(&self.shared, left));
    }

    /// How much longer the venue does not want to be asked, where that is long.
    pub(super) fn paused_for(&self) -> Option<Duration> {
        self.lock().long_pause(Instant::now())
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
