//! Which trades were there already: exact for all that are not too late, in bounded memory.

use std::collections::VecDeque;
use std::time::Duration;

use super::ohlcv_accumulator::TradeKey;
use crate::Timestamp;

/// The most trades that are remembered, a megabyte of them. A market that trades more within the time that trades may
/// be late has that time cut short instead: better drop a late trade than count one twice.
const MAX_TRADES: usize = 65_536;

/// What a trade is to somebody who remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DedupResult {
    /// It was not there before.
    New,
    /// It was.
    Duplicate,
    /// It is too old to know.
    TooLate,
}

/// The trades heard lately.
#[derive(Clone, Debug)]
pub(super) struct TradeDeduplicator {
    // Invariant: strictly rising, none before `horizon`.
    keys: VecDeque<TradeKey>,
    allowed_lateness: Duration,
    /// What is older comes too late.
    horizon: Timestamp,
}

impl TradeDeduplicator {
    pub(super) fn new(allowed_lateness: Duration) -> Self {
        Self { keys: VecDeque::new(), allowed_lateness, horizon: Timestamp::MIN }
    }

    /// Trades older than this come too late.
    pub(super) fn horizon(&self) -> Timestamp {
        self.horizon
    }

    pub(super) fn ingest(&mut self, key: TradeKey) -> DedupResult {
        if key.time < self.horizon {
            return DedupResult::TooLate;
        }
        if self.keys.back().is_none_or(|newest| *newest < key) {
            self.keys.push_back(key);
            self.advance(key.time);
            return DedupResult::New;
        }
        // Trades come nearly in order, so what must be moved to make room is little.
        match self.keys.binary_search(&key) {
            Ok(_) => DedupResult::Duplicate,
            Err(place) => {
                self.keys.insert(place, key);
                self.evict_excess();
                DedupResult::New
            }
        }
    }

    fn advance(&mut self, newest: Timestamp) {
        self.horizon = self.horizon.max(newest.minus(self.allowed_lateness));
        while self.keys.front().is_some_and(|oldest| oldest.time < self.horizon) {
            self.keys.pop_front();
        }
        self.evict_excess();
    }

    fn evict_excess(&mut self) {
        while self.keys.len() > MAX_TRADES
            && let Some(evicted) = self.keys.pop_front()
        {
            self.horizon = self.horizon.max(evicted.time.plus(Duration::from_nanos(1)));
        }
    }
}
