//! Recognizes duplicate trades: exact for all trades that are not too late, in bounded memory.

use std::collections::VecDeque;
use std::time::Duration;

use super::ohlcv_accumulator::TradeKey;
use crate::Timestamp;

/// The most trades remembered, about a megabyte. A market that trades more than this within the allowed
/// lateness gets a shorter lateness instead: it is better to drop a late trade than to count one twice.
const MAX_TRADES: usize = 65_536;

/// The outcome of a look-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DedupResult {
    /// The trade was not known before.
    New,
    /// The trade was known already.
    Duplicate,
    /// The trade is too old to be recognized.
    TooLate,
}

/// The keys of the latest trades.
#[derive(Clone, Debug)]
pub(super) struct TradeDeduplicator {
    // Invariant: strictly rising, none before `horizon`.
    keys: VecDeque<TradeKey>,
    allowed_lateness: Duration,
    /// The oldest time that is still remembered. Older trades are too late.
    horizon: Timestamp,
}

impl TradeDeduplicator {
    pub(super) fn new(allowed_lateness: Duration) -> Self {
        Self { keys: VecDeque::new(), allowed_lateness, horizon: Timestamp::MIN }
    }

    /// Returns the time before which trades are too late.
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
        // Trades come nearly in order, so little has to be moved to make room.
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
