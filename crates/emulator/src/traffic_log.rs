//! The log of requests to the emulator, kept apart from the limiter so that tests can check the limiter with
//! it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// The length of a second in µs, over which arrivals are counted.
const SECOND_US: i64 = 1_000_000;

/// The traffic of the emulator since it started or was last reset.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EmulatorReport {
    /// The counters of each limit group; `none` holds requests for paths that do not exist.
    pub groups: BTreeMap<String, GroupReport>,
    /// The traffic on sockets.
    pub sockets: SocketReport,
    /// The number of requests affected by a fault.
    pub faulted: u64,
    /// The number of times each fault occurred, by its name in [`Faults`](crate::Faults).
    ///
    /// Counted are pages with wrong content, live trades stamped ahead, refused sockets, and answers under a
    /// clock that is off.
    #[serde(default)]
    pub played: BTreeMap<String, u64>,
}

impl EmulatorReport {
    /// Returns the counters of one group; zeros where there were no requests.
    #[must_use]
    pub fn group(&self, name: &str) -> GroupReport {
        self.groups.get(name).cloned().unwrap_or_default()
    }

    /// Returns how often the fault of this name occurred.
    #[must_use]
    pub fn played(&self, name: &str) -> u64 {
        self.played.get(name).copied().unwrap_or_default()
    }

    /// Returns the number of requests in all groups.
    #[must_use]
    pub fn asked(&self) -> u64 {
        self.groups.values().map(|group| group.asked).sum()
    }

    /// Returns the number of 429s in all groups.
    #[must_use]
    pub fn rejected(&self) -> u64 {
        self.groups.values().map(|group| group.rejected).sum()
    }
}

/// The counters of one limit group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GroupReport {
    /// The number of requests that arrived.
    pub asked: u64,
    /// The number of requests within the limit.
    pub accepted: u64,
    /// The number of requests answered with 429.
    pub rejected: u64,
    /// The number of requests answered with 418.
    pub banned: u64,
    /// The largest number that arrived in any second, wherever it starts, accepted or not.
    pub worst: u64,
    /// The number of requests by route.
    pub routes: BTreeMap<String, u64>,
}

/// The traffic on sockets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SocketReport {
    /// The number of sockets opened.
    pub opened: u64,
    /// The number of sockets open now.
    pub open: u64,
    /// The number of sockets that the server cut, by fault or for idleness.
    pub dropped: u64,
    /// The number of messages from clients, without pings and pongs of the protocol.
    pub messages: u64,
    /// The number of data frames sent.
    pub frames: u64,
    /// The number of events in those frames, where a frame holds many.
    #[serde(default)]
    pub events: u64,
    /// The number of sockets closed because their account had too many.
    #[serde(default)]
    pub evicted: u64,
    /// The number of sockets closed because their client was too slow.
    #[serde(default)]
    pub slow: u64,
    /// The number of sockets cut because of their login.
    #[serde(default)]
    pub unauthorized: u64,
}

#[derive(Debug, Default)]
struct TrafficLogState {
    report: EmulatorReport,
    arrivals: BTreeMap<&'static str, VecDeque<i64>>,
    number: u64,
}

/// The log in which every request is recorded.
#[derive(Debug, Default)]
pub(crate) struct TrafficLog(Mutex<TrafficLogState>);

impl TrafficLog {
    /// Records an arrival and returns its number.
    pub(crate) fn record_arrival(&self, group: &'static str, route: &'static str, now_us: i64) -> u64 {
        self.with(|state| {
            let window = state.arrivals.entry(group).or_default();
            while window.front().is_some_and(|at| now_us - at >= SECOND_US) {
                window.pop_front();
            }
            window.push_back(now_us);
            let count = window.len() as u64;
            let figures = state.report.groups.entry(group.to_owned()).or_default();
            figures.asked += 1;
            figures.worst = figures.worst.max(count);
            *figures.routes.entry(route.to_owned()).or_default() += 1;
            state.number += 1;
            state.number
        })
    }

    /// Changes the counters of a group.
    pub(crate) fn update_group(&self, group: &'static str, change: impl FnOnce(&mut GroupReport)) {
        self.with(|state| change(state.report.groups.entry(group.to_owned()).or_default()));
    }

    /// Changes the counters of sockets.
    pub(crate) fn update_sockets(&self, change: impl FnOnce(&mut SocketReport)) {
        self.with(|state| change(&mut state.report.sockets));
    }

    /// Records a request affected by faults of these names; no names, no effect.
    pub(crate) fn record_faulted_request(&self, names: &[&'static str]) {
        if !names.is_empty() {
            self.with(|state| state.report.faulted += 1);
            names.iter().for_each(|name| self.record_fault(name, 1));
        }
    }

    /// Records that a fault occurred so many times without affecting a request.
    pub(crate) fn record_fault(&self, name: &'static str, times: u64) {
        if times > 0 {
            self.with(|state| *state.report.played.entry(name.to_owned()).or_default() += times);
        }
    }

    pub(crate) fn report(&self) -> EmulatorReport {
        self.with(|state| state.report.clone())
    }

    /// Resets the counters; open sockets stay counted as open.
    pub(crate) fn reset(&self) {
        self.with(|state| {
            let open = state.report.sockets.open;
            *state = TrafficLogState::default();
            state.report.sockets.open = open;
        });
    }

    fn with<T>(&self, act: impl FnOnce(&mut TrafficLogState) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worst_is_counted_over_any_second() {
        let witness = TrafficLog::default();
        for at in [0, 900_000, 950_000, 1_000_000, 1_100_000, 1_899_999, 3_000_000] {
            witness.record_arrival("candles", "minutes", at);
        }
        let figures = witness.report().group("candles");
        // 0.9 to 1.9 s; the arrival at 0 had left when the one at 1.0 s came.
        assert_eq!((figures.asked, figures.worst, figures.routes["minutes"]), (7, 5, 7));
    }
}
