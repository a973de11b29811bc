//! The events of other processes' requests, kept until their group asks for them.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use market_backbone_core::RateLimitRule;

use super::record::{ClockStamp, JournalRecord, RecordKind};

/// The longest time for which a request is in flight; after that it counts as given up.
pub(super) const MAX_IN_FLIGHT: Duration = Duration::from_secs(30);
/// The fewest events that may wait for a group.
const MIN_PENDING: u64 = 4_096;
/// The largest number of events of a group: some 50 MB.
const MAX_PENDING: u64 = 1 << 20;

/// An event of a request of another process, or of an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::limiter) struct PeerEvent {
    pub(in crate::limiter) kind: RecordKind,
    pub(in crate::limiter) writer: u32,
    /// The number of the request within the writer and group, or how many ms a ban or a pause lasts.
    pub(in crate::limiter) number: u64,
    pub(in crate::limiter) weight: u32,
    /// The least age of the event.
    pub(in crate::limiter) age: Duration,
}

/// The events that no group has asked for yet.
///
/// A group that this process never uses never asks. Then the oldest events go; those that are left are more than the
/// venue's rules let anybody send while they matter.
#[derive(Debug)]
pub(super) struct PeerLog {
    pending: HashMap<&'static str, VecDeque<(ClockStamp, PeerEvent)>>,
    most: usize,
}

impl PeerLog {
    /// Creates the log of the groups of these rules, for events that matter for `retention`. Events of other
    /// groups are ignored.
    pub(super) fn for_rules(rules: &[RateLimitRule], retention: Duration) -> Self {
        let windows = |rule: &RateLimitRule| retention.as_millis() / rule.window.as_millis().max(1) + 2;
        let requests = rules.iter().map(|rule| u128::from(rule.max) * windows(rule)).max().unwrap_or(0);
        // Each request is sent and answered.
        let most = u64::try_from(2 * requests).unwrap_or(u64::MAX).clamp(MIN_PENDING, MAX_PENDING);
        let pending = rules.iter().map(|rule| (rule.group.0, VecDeque::new())).collect();
        Self { pending, most: usize::try_from(most).unwrap_or(usize::MAX) }
    }

    /// Adds the event of a line. A ban concerns every group.
    pub(super) fn push(&mut self, record: &JournalRecord<'_>) {
        let JournalRecord { kind, stamp, writer, number, weight, .. } = *record;
        let event = PeerEvent { kind, writer, number, weight, age: Duration::ZERO };
        for (group, waiting) in &mut self.pending {
            if kind == RecordKind::Banned || *group == record.group {
                while waiting.len() >= self.most {
                    waiting.pop_front();
                }
                waiting.push_back((stamp, event));
            }
        }
    }

    /// Marks requests in flight as given up just now: no other process runs.
    pub(super) fn mark_lost(&mut self, now: ClockStamp) {
        for waiting in self.pending.values_mut() {
            let over = |(_, event): &&(ClockStamp, PeerEvent)| {
                matches!(event.kind, RecordKind::Answered | RecordKind::Lost | RecordKind::Unused)
            };
            let of = |(_, event): &(ClockStamp, PeerEvent)| (event.writer, event.number);
            let over: HashSet<_> = waiting.iter().filter(over).map(of).collect();
            for (stamp, event) in waiting {
                let in_flight =
                    event.kind == RecordKind::Sent && !over.contains(&(event.writer, event.number));
                if in_flight && stamp.age(now) < MAX_IN_FLIGHT {
                    (*stamp, event.kind) = (now, RecordKind::Lost);
                }
            }
        }
    }

    /// Takes the events of `group`.
    pub(super) fn take(&mut self, group: &str, now: ClockStamp) -> Vec<PeerEvent> {
        let waiting = self.pending.get_mut(group).map(std::mem::take).unwrap_or_default();
        waiting.into_iter().map(|(stamp, event)| PeerEvent { age: stamp.age(now), ..event }).collect()
    }
}
