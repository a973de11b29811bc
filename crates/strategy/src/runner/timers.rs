//! The timers of a strategy, by event time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use market_backbone_core::Timestamp;

/// The times at which a strategy wants to be called.
#[derive(Debug, Default)]
pub(super) struct TimerQueue {
    due: BinaryHeap<Reverse<Timestamp>>,
    at_next_event: bool,
}

impl TimerQueue {
    /// Sets a timer. A time that is not after `now` means the next event, so that a timer that sets itself again ends.
    pub(super) fn set(&mut self, time: Timestamp, now: Timestamp) {
        if time <= now {
            self.at_next_event = true;
        } else if self.due.iter().all(|Reverse(known)| *known != time) {
            self.due.push(Reverse(time));
        }
    }

    pub(super) fn are_set(&self) -> bool {
        self.at_next_event || !self.due.is_empty()
    }

    /// Takes the earliest timer that is due at `time`.
    pub(super) fn take_due(&mut self, time: Timestamp) -> Option<Timestamp> {
        self.due.peek().filter(|Reverse(due)| *due <= time)?;
        self.due.pop().map(|Reverse(due)| due)
    }

    pub(super) fn take_next_event(&mut self) -> bool {
        std::mem::take(&mut self.at_next_event)
    }
}
