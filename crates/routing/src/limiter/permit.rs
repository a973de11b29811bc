//! A place in the queue, and the permit that it becomes.

use std::sync::Arc;
use std::time::Duration;

use market_backbone_core::{Priority, RateLimitGroup, SourceError, SourceErrorKind};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::group::{LimitedGroup, WaiterState};

/// A place in the queue. Dropping it leaves the queue, or returns a permit that was granted but not used.
#[derive(Debug)]
pub(super) struct QueuedRequest {
    group: Arc<LimitedGroup>,
    id: u64,
    priority: Priority,
    alarm: Arc<Notify>,
    since: Instant,
    timeout: Option<Duration>,
}

impl QueuedRequest {
    /// Joins the queue, unless the permit would come later than `within` from now.
    pub(super) fn enqueue(
        group: &Arc<LimitedGroup>,
        priority: Priority,
        weight: u32,
        within: Option<Duration>,
    ) -> Result<Self, SourceError> {
        if let Some(within) = within {
            let would_take = group.expected_wait(priority, weight);
            if would_take > within {
                return Err(too_late(group, within, would_take));
            }
        }
        let (alarm, since) = (Arc::new(Notify::new()), Instant::now());
        let id = group.join(priority, weight, Arc::clone(&alarm))?;
        Ok(Self { group: Arc::clone(group), id, priority, alarm, since, timeout: within })
    }

    /// Waits for the permit.
    pub(super) async fn acquire(self) -> Result<Permit, SourceError> {
        let patience = self.group.max_wait(self.priority);
        let deadline = self.since + self.timeout.map_or(patience, |within| within.min(patience));
        loop {
            let wake = match self.group.take_state(self.id) {
                WaiterState::Resolved(outcome) => {
                    let sent = outcome?;
                    return Ok(Permit { group: Arc::clone(&self.group), id: self.id, sent, resolved: false });
                }
                WaiterState::Waiting { alarm } => alarm.map_or(deadline, |at| at.min(deadline)),
            };
            if Instant::now() >= deadline {
                return Err(self.timed_out());
            }
            tokio::select! {
                biased;
                () = self.alarm.notified() => {}
                () = sleep_until(wake) => self.group.grant_permits(),
            }
        }
    }

    fn timed_out(&self) -> SourceError {
        if let Some(within) = self.timeout {
            let would_take = self.since.elapsed() + self.group.remaining_wait(self.id, self.priority);
            return too_late(&self.group, within, would_take);
        }
        let (name, patience) = (self.group.name(), self.group.max_wait(self.priority));
        let message =
            format!("waited {} s for a permit in group {name}; send fewer requests", patience.as_secs_f32());
        SourceError::new(SourceErrorKind::Overloaded, message)
    }
}

fn too_late(group: &LimitedGroup, within: Duration, would_take: Duration) -> SourceError {
    let message = format!(
        "a permit in group {} would take {} ms, {} ms were allowed",
        group.name(),
        would_take.as_millis(),
        within.as_millis()
    );
    SourceError::new(SourceErrorKind::DeadlineExceeded { estimated: would_take }, message)
}

impl Drop for QueuedRequest {
    fn drop(&mut self) {
        self.group.cancel(self.id);
    }
}

/// A permit: the right to send one request now.
///
/// Keep it until the request is [answered](Self::answered). Dropping it says that nobody knows what became of the
/// request: it counts as if it arrived at that moment or a little later.
#[derive(Debug)]
#[must_use = "a permit that is dropped counts as used"]
pub struct Permit {
    group: Arc<LimitedGroup>,
    id: u64,
    sent: Instant,
    resolved: bool,
}

impl Permit {
    /// Records that the request was answered just now, whatever the answer was.
    pub fn answered(mut self) {
        self.resolved = true;
        self.group.answered(self.id);
    }

    /// Returns the group that the request counts against.
    #[must_use]
    pub fn group(&self) -> RateLimitGroup {
        self.group.name()
    }

    /// Returns when the permit was granted.
    #[must_use]
    pub fn sent_at(&self) -> Instant {
        self.sent
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if !self.resolved {
            self.group.lost(self.id);
        }
    }
}
