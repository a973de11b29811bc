//! What other processes have said of their requests, until the group it concerns asks for it.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use super::journal_record::{ClockStamp, JournalRecord, RecordKind};

/// No request is under way for longer; what nobody has heard of since was given up.
pub(super) const MAX_IN_FLIGHT: Duration = Duration::from_secs(30);
/// So many lines wait for a group that this process may never use; it is more than any window holds.
const MAX_PENDING: usize = 4_096;

/// What another process, or an earlier one, says of a request of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PeerEvent {
    pub(super) kind: RecordKind,
    pub(super) writer: u32,
    /// Which request of the writer and group, or how many ms a ban or a pause lasts.
    pub(super) number: u64,
    /// How long ago, at least.
    pub(super) age: Duration,
}

/// What nobody has asked for yet, by group.
#[derive(Debug)]
pub(super) struct PeerLog(HashMap<&'static str, VecDeque<(ClockStamp, PeerEvent)>>);

impl PeerLog {
    /// For these groups; what is said of others is passed over.
    pub(super) fn of(groups: impl IntoIterator<Item = &'static str>) -> Self {
        Self(groups.into_iter().map(|group| (group, VecDeque::new())).collect())
    }

    /// Puts in what a line says. A ban concerns every group.
    pub(super) fn push(&mut self, record: &JournalRecord<'_>) {
        let JournalRecord { kind: what, stamp, writer, number, .. } = *record;
        let news = PeerEvent { kind: what, writer, number, age: Duration::ZERO };
        for (group, waiting) in &mut self.0 {
            if what == RecordKind::Banned || *group == record.group {
                while waiting.len() >= MAX_PENDING {
                    waiting.pop_front();
                }
                waiting.push_back((stamp, news));
            }
        }
    }

    /// Nobody else lives: what is under way was given up with the process that sent it, which may have been just now.
    pub(super) fn mark_lost(&mut self, now: ClockStamp) {
        for waiting in self.0.values_mut() {
            let over = |(_, news): &&(ClockStamp, PeerEvent)| {
                matches!(news.kind, RecordKind::Answered | RecordKind::Lost | RecordKind::Unused)
            };
            let of = |(_, news): &(ClockStamp, PeerEvent)| (news.writer, news.number);
            let over: HashSet<_> = waiting.iter().filter(over).map(of).collect();
            for (stamp, news) in waiting {
                let under_way = news.kind == RecordKind::Sent && !over.contains(&(news.writer, news.number));
                if under_way && stamp.age(now) < MAX_IN_FLIGHT {
                    (*stamp, news.kind) = (now, RecordKind::Lost);
                }
            }
        }
    }

    /// Takes out what concerns `group`.
    pub(super) fn take(&mut self, group: &str, now: ClockStamp) -> Vec<PeerEvent> {
        let waiting = self.0.get_mut(group).map(std::mem::take).unwrap_or_default();
        waiting.into_iter().map(|(stamp, news)| PeerEvent { age: stamp.age(now), ..news }).collect()
    }
}
