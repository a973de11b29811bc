//! What other processes have said of their requests, until the group it concerns asks for it.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use super::record::{Record, Stamp, What};

/// No request is under way for longer; what nobody has heard of since was given up.
pub(super) const LONGEST_TRIP: Duration = Duration::from_secs(30);
/// So many lines wait for a group that this process may never use; it is more than any window holds.
const MOST: usize = 4_096;

/// What another process, or an earlier one, says of a request of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct News {
    pub(super) what: What,
    pub(super) writer: u32,
    /// Which request of the writer and group, or how many ms a ban or a pause lasts.
    pub(super) number: u64,
    /// How long ago, at least.
    pub(super) ago: Duration,
}

/// What nobody has asked for yet, by group.
#[derive(Debug)]
pub(super) struct Inbox(HashMap<&'static str, VecDeque<(Stamp, News)>>);

impl Inbox {
    /// For these groups; what is said of others is passed over.
    pub(super) fn of(groups: impl IntoIterator<Item = &'static str>) -> Self {
        Self(groups.into_iter().map(|group| (group, VecDeque::new())).collect())
    }

    /// Puts in what a line says. A ban concerns every group.
    pub(super) fn deliver(&mut self, record: &Record<'_>) {
        let Record { what, stamp, writer, number, .. } = *record;
        let news = News { what, writer, number, ago: Duration::ZERO };
        for (group, waiting) in &mut self.0 {
            if what == What::Banned || *group == record.group {
                while waiting.len() >= MOST {
                    waiting.pop_front();
                }
                waiting.push_back((stamp, news));
            }
        }
    }

    /// Nobody else lives: what is under way was given up with the process that sent it, which may have been just now.
    pub(super) fn bury(&mut self, now: Stamp) {
        for waiting in self.0.values_mut() {
            let over =
                |(_, news): &&(Stamp, News)| matches!(news.what, What::Answered | What::Lost | What::Unused);
            let of = |(_, news): &(Stamp, News)| (news.writer, news.number);
            let over: HashSet<_> = waiting.iter().filter(over).map(of).collect();
            for (stamp, news) in waiting {
                let under_way = news.what == What::Sent && !over.contains(&(news.writer, news.number));
                if under_way && stamp.age(now) < LONGEST_TRIP {
                    (*stamp, news.what) = (now, What::Lost);
                }
            }
        }
    }

    /// Takes out what concerns `group`.
    pub(super) fn take(&mut self, group: &str, now: Stamp) -> Vec<News> {
        let waiting = self.0.get_mut(group).map(std::mem::take).unwrap_or_default();
        waiting.into_iter().map(|(stamp, news)| News { ago: stamp.age(now), ..news }).collect()
    }
}
