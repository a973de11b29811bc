//! Records that wait until the file is free.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::record::{ClockStamp, RecordKind};

/// The largest number of waiting records.
///
/// When there are more, the oldest is dropped. Other processes then wait longer than they need to, or, if it
/// was a permit, do not know of a request that is the oldest they would have to count.
const MAX_WAITING: usize = 16_384;

/// A record that is still to be written, dated when it happened.
#[derive(Clone, Copy, Debug)]
pub(super) struct OutgoingRecord {
    pub(super) kind: RecordKind,
    pub(super) stamp: ClockStamp,
    pub(super) group: &'static str,
    pub(super) number: u64,
    pub(super) weight: u32,
}

/// The records of this process that are not in the file yet, oldest first.
#[derive(Debug, Default)]
pub(super) struct Outbox(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    records: VecDeque<OutgoingRecord>,
    has_dropped: bool,
}

impl Outbox {
    /// Adds a record; returns whether for the first time one had to be dropped.
    pub(super) fn push(&self, record: OutgoingRecord) -> bool {
        let mut waiting = self.lock();
        let full = waiting.records.len() >= MAX_WAITING;
        if full {
            waiting.records.pop_front();
        }
        waiting.records.push_back(record);
        full && !std::mem::replace(&mut waiting.has_dropped, true)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().records.is_empty()
    }

    /// Takes all records.
    pub(super) fn drain(&self) -> VecDeque<OutgoingRecord> {
        std::mem::take(&mut self.lock().records)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use market_backbone_core::Timestamp;

    use super::*;

    #[test]
    fn the_oldest_goes_when_it_is_full_and_that_is_reported_once() {
        let outbox = Outbox::default();
        let stamp = ClockStamp { wall: Timestamp::EPOCH, steady: None };
        let record = |number| OutgoingRecord { kind: RecordKind::Sent, stamp, group: "x", number, weight: 1 };
        let reported = (0..MAX_WAITING as u64 + 3).filter(|number| outbox.push(record(*number))).count();
        assert_eq!(reported, 1);
        let left = outbox.drain();
        assert_eq!((left.len(), left[0].number), (MAX_WAITING, 3));
        assert!(outbox.is_empty());
    }
}
