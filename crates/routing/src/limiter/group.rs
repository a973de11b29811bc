//! One group of requests, shared by all its senders.
//!
//! Its state is behind a mutex that is held for microseconds: no file is read, written or waited for
//! meanwhile. [`granting`] says how other processes still see permits before they are used.

mod corrections;
mod granting;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use market_backbone_core::{
    Priority, RateLimitGroup, RateLimitRule, SourceError, SourceErrorKind, WindowKind,
};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::journal::RecordKind;
use super::scope_state::ScopeState;
use super::sent_request::SendOutcome;
use super::state::{GrantOutcome, LimiterState};
use super::wait_queue::Waiter;
use super::{CompletionEstimate, GroupMetrics, LimiterConfig, block_errors};

/// The state of a request in the queue.
#[derive(Debug)]
pub(super) enum WaiterState {
    /// The permit was granted at this moment, or the request was refused.
    Resolved(Result<Instant, SourceError>),
    /// The request waits. `alarm` is set for the one that is next: look again then.
    Waiting { alarm: Option<Instant> },
}

/// A group of requests that the venue counts together.
#[derive(Debug)]
pub(super) struct LimitedGroup {
    name: RateLimitGroup,
    rules: Vec<RateLimitRule>,
    config: LimiterConfig,
    scope: Arc<ScopeState>,
    state: Mutex<LimiterState>,
}

impl LimitedGroup {
    /// Returns the group of these rules, of which there is at least one and which all name the same group.
    pub(super) fn new(rules: Vec<RateLimitRule>, config: LimiterConfig, scope: &Arc<ScopeState>) -> Self {
        let state = Mutex::new(LimiterState::new(&rules, config));
        Self { name: rules[0].group, rules, config, scope: Arc::clone(scope), state }
    }

    pub(super) fn rules(&self) -> &[RateLimitRule] {
        &self.rules
    }

    /// Returns whether any of the rules goes by the venue's clock.
    pub(super) fn goes_by_clock(&self) -> bool {
        self.rules.iter().any(|rule| rule.kind == WindowKind::Fixed)
    }

    pub(super) fn name(&self) -> RateLimitGroup {
        self.name
    }

    pub(super) fn max_wait(&self, priority: Priority) -> Duration {
        match priority {
            Priority::Low => self.config.max_wait_low,
            Priority::Critical | Priority::High | Priority::Normal => self.config.max_wait,
        }
    }

    /// Joins the queue; [`take_state`](Self::take_state) returns the outcome.
    pub(super) fn join(
        &self,
        priority: Priority,
        weight: u32,
        alarm: Arc<Notify>,
    ) -> Result<u64, SourceError> {
        self.check_weight(weight)?;
        let now = Instant::now();
        let id = {
            let mut state = self.lock();
            if let Some(left) = state.banned_for(now) {
                return Err(block_errors::banned(&self.scope, left));
            }
            if let Some(left) = state.long_pause(now) {
                return Err(block_errors::paused(&self.scope, self.name, left));
            }
            let waiting = state.queue.len();
            if waiting >= self.config.queue {
                let message = format!("{waiting} requests are queued in group {} already", self.name);
                return Err(SourceError::new(SourceErrorKind::Overloaded, message));
            }
            if priority == Priority::Critical {
                state.last_critical = Some(now);
            }
            state.last_id += 1;
            let id = state.last_id;
            state.queue.push(priority, Waiter { id, weight, since: now, alarm });
            id
        };
        self.grant_permits();
        Ok(id)
    }

    /// Refuses a request whose weight no window can hold.
    fn check_weight(&self, weight: u32) -> Result<(), SourceError> {
        let Some(rule) = self.rules.iter().find(|rule| rule.charge(weight) > rule.max.max(1)) else {
            return Ok(());
        };
        let (max, seconds, group) = (rule.max, rule.window.as_secs_f64(), self.name);
        let message = format!(
            "a request of weight {weight} is more than the {max} that group {group} takes in {seconds} s; ask for less at once"
        );
        Err(SourceError::new(SourceErrorKind::BadRequest, message))
    }

    /// Returns the state of `id`; an outcome is returned once.
    pub(super) fn take_state(&self, id: u64) -> WaiterState {
        let mut state = self.lock();
        match state.outcomes.remove(&id) {
            Some(GrantOutcome::Granted(at)) => return WaiterState::Resolved(Ok(at)),
            Some(GrantOutcome::Refused(error)) => return WaiterState::Resolved(Err(error)),
            Some(GrantOutcome::Recording) => drop(state.outcomes.insert(id, GrantOutcome::Recording)),
            None => {}
        }
        let alarm = state.next.filter(|(next, _)| next.id == id).and_then(|(_, alarm)| alarm);
        WaiterState::Waiting { alarm }
    }

    /// Leaves the queue, or returns a permit that nobody picked up. Has no effect once it was picked up.
    pub(super) fn cancel(&self, id: u64) {
        let (left, unused) = {
            let mut state = self.lock();
            let outcome = state.outcomes.remove(&id);
            let unused = matches!(outcome, Some(GrantOutcome::Granted(_) | GrantOutcome::Recording));
            if unused {
                state.take_back(id);
            }
            (state.queue.remove(id), unused)
        };
        if unused {
            self.record(RecordKind::Unused, id);
        }
        if left || unused {
            self.grant_permits();
        }
    }

    pub(super) fn answered(&self, id: u64) {
        self.resolve(id, SendOutcome::Answered(Instant::now()));
        self.record(RecordKind::Answered, id);
    }

    pub(super) fn lost(&self, id: u64) {
        self.resolve(id, SendOutcome::Lost(Instant::now()));
        self.record(RecordKind::Lost, id);
    }

    fn resolve(&self, id: u64, outcome: SendOutcome) {
        self.lock().log.resolve(id, outcome);
        self.grant_permits();
    }

    /// Records what happened to a request, for other processes.
    fn record(&self, kind: RecordKind, number: u64) {
        if let Some(journal) = self.scope.journal.get() {
            journal.append(kind, self.name.0, number);
        }
    }

    /// Returns how long a request would wait for its permit, if nobody more urgent came.
    pub(super) fn expected_wait(&self, priority: Priority, weight: u32) -> Duration {
        let now = Instant::now();
        let mut state = self.lock();
        let (projection, _) = state.projection(priority, now);
        let load = state.queue.work_until(priority, (1, weight), now, &self.config);
        drop(state);
        projection.granted_after(&load)
    }

    /// Returns how long `waiting` will still wait; zero if it waits no more.
    pub(super) fn remaining_wait(&self, waiting: u64, priority: Priority) -> Duration {
        let now = Instant::now();
        let mut state = self.lock();
        let (projection, _) = state.projection(priority, now);
        let load = state.queue.work_before(waiting, priority);
        drop(state);
        load.map_or(Duration::ZERO, |load| projection.granted_after(&load))
    }

    /// Estimates how long `requests` more of `weight` each would take.
    pub(super) fn eta(&self, priority: Priority, requests: u64, weight: u32) -> CompletionEstimate {
        let now = Instant::now();
        let mut state = self.lock();
        let (projection, measured) = state.projection(priority, now);
        let load = state.queue.work_until(priority, (requests, weight), now, &self.config);
        drop(state);
        let takes = if requests == 0 { Duration::ZERO } else { projection.completed_after(&load) };
        CompletionEstimate { takes, round_trip: projection.round_trip, measured }
    }

    /// Returns whether a request waits, is in flight, or was sent within the shortest of the windows.
    pub(super) fn busy(&self) -> bool {
        let window = self.rules.iter().map(|rule| rule.window).min().unwrap_or_default();
        let state = self.lock();
        state.queue.len() > 0 || state.log.any_since(Instant::now(), window)
    }

    pub(super) fn metrics(&self) -> GroupMetrics {
        let mut state = self.lock();
        GroupMetrics {
            group: self.name,
            sends: state.sent,
            weight: state.sent_weight,
            waiting: state.queue.len(),
            longest_wait: state.longest_wait,
            throttled: state.throttled,
            external: state.external,
            allowed: state.rules.allowed(Instant::now()),
        }
    }

    // The state is consistent after every statement, so a panic elsewhere is no reason to stop.
    fn lock(&self) -> MutexGuard<'_, LimiterState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
