//! A place in the line, and the turn it becomes.

use std::sync::Arc;

use market_backbone_core::{CallGroup, Priority, SourceError, SourceErrorKind};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::group::{Group, Standing};

/// A place in the line. Dropping it leaves the line, or hands back a turn that was given but not used.
#[derive(Debug)]
pub(super) struct Ticket {
    group: Arc<Group>,
    id: u64,
    alarm: Arc<Notify>,
    deadline: Instant,
}

impl Ticket {
    /// Joins the line.
    pub(super) fn take(group: &Arc<Group>, priority: Priority) -> Result<Self, SourceError> {
        let alarm = Arc::new(Notify::new());
        let deadline = Instant::now() + group.patience();
        let id = group.join(priority, Arc::clone(&alarm))?;
        Ok(Self { group: Arc::clone(group), id, alarm, deadline })
    }

    /// Waits for the turn.
    pub(super) async fn turn(self) -> Result<Permit, SourceError> {
        loop {
            let wake = match self.group.standing(self.id) {
                Standing::Served(outcome) => {
                    let sent = outcome?;
                    return Ok(Permit { group: Arc::clone(&self.group), id: self.id, sent, settled: false });
                }
                Standing::Waiting { alarm } => alarm.map_or(self.deadline, |at| at.min(self.deadline)),
            };
            if Instant::now() >= self.deadline {
                return Err(self.too_long());
            }
            tokio::select! {
                biased;
                () = self.alarm.notified() => {}
                () = sleep_until(wake) => self.group.serve(),
            }
        }
    }

    fn too_long(&self) -> SourceError {
        let (name, patience) = (self.group.name(), self.group.patience());
        let message = format!("waited {} s for a turn in group {name}; ask for less", patience.as_secs_f32());
        SourceError::new(SourceErrorKind::Overloaded, message)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.group.leave(self.id);
    }
}

/// A turn: the right to send one request now.
///
/// Keep it until the request is [answered](Self::answered). Dropping it says that the request's fate is
/// unknown: it is counted as if it had arrived at that moment.
#[derive(Debug)]
#[must_use = "a turn that is dropped is counted as used"]
pub struct Permit {
    group: Arc<Group>,
    id: u64,
    sent: Instant,
    settled: bool,
}

impl Permit {
    /// The request was answered just now, whatever the answer was.
    pub fn answered(mut self) {
        self.settled = true;
        self.group.answered(self.id);
    }

    /// What the request counts against.
    #[must_use]
    pub fn group(&self) -> CallGroup {
        self.group.name()
    }

    /// When the turn was given.
    #[must_use]
    pub fn sent_at(&self) -> Instant {
        self.sent
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if !self.settled {
            self.group.lost(self.id);
        }
    }
}
