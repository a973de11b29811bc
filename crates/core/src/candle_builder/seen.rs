//! Which trades were there already: exact for all that are not too late, in bounded memory.

use std::collections::VecDeque;
use std::time::Duration;

use super::fold::Key;
use crate::Timestamp;

/// The most trades that are remembered, a megabyte of them. A market that trades more within the time that trades may
/// be late has that time cut short instead: better drop a late trade than count one twice.
const MOST: usize = 65_536;

/// What a trade is to somebody who remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// It was not there before.
    New,
    /// It was.
    Again,
    /// It is too old to know.
    TooLate,
}

/// The trades heard lately.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    // Invariant: strictly rising, none before `horizon`.
    keys: VecDeque<Key>,
    late: Duration,
    /// What is older comes too late.
    horizon: Timestamp,
}

impl Seen {
    pub(super) fn new(late: Duration) -> Self {
        Self { keys: VecDeque::new(), late, horizon: Timestamp::MIN }
    }

    /// Trades older than this come too late.
    pub(super) fn horizon(&self) -> Timestamp {
        self.horizon
    }

    pub(super) fn hear(&mut self, key: Key) -> Heard {
        if key.time < self.horizon {
            return Heard::TooLate;
        }
        if self.keys.back().is_none_or(|newest| *newest < key) {
            self.keys.push_back(key);
            self.move_on(key.time);
            return Heard::New;
        }
        // Trades come nearly in order, so what must be moved to make room is little.
        match self.keys.binary_search(&key) {
            Ok(_) => Heard::Again,
            Err(place) => {
                self.keys.insert(place, key);
                self.keep_within_bounds();
                Heard::New
            }
        }
    }

    fn move_on(&mut self, newest: Timestamp) {
        self.horizon = self.horizon.max(newest.minus(self.late));
        while self.keys.front().is_some_and(|oldest| oldest.time < self.horizon) {
            self.keys.pop_front();
        }
        self.keep_within_bounds();
    }

    fn keep_within_bounds(&mut self) {
        while self.keys.len() > MOST
            && let Some(forgotten) = self.keys.pop_front()
        {
            self.horizon = self.horizon.max(forgotten.time.plus(Duration::from_nanos(1)));
        }
    }
}
