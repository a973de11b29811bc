//! The writes that a store has not received yet, in their order.

use std::collections::VecDeque;

use market_backbone_core::{Candle, Coverage, Series, TimeRange};

/// The largest size of the backlog: a candle counts as one, and each write as one more. At most twenty
/// megabytes.
const MAX_WEIGHT: usize = 200_000;

/// A deferred write.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum DeferredWrite {
    /// Commit rows with their coverage.
    Commit(Series, Vec<Candle>, Coverage),
    /// Forget a range.
    Forget(Series, TimeRange),
}

impl DeferredWrite {
    fn rows(&self) -> usize {
        match self {
            Self::Commit(_, candles, _) => candles.len(),
            Self::Forget(..) => 0,
        }
    }

    fn weight(&self) -> usize {
        self.rows() + 1
    }
}

/// The deferred writes, oldest first, each with a number.
#[derive(Debug, Default)]
pub(super) struct WriteBacklog {
    all: VecDeque<(u64, DeferredWrite)>,
    next: u64,
    weight: usize,
    dropped: u64,
}

impl WriteBacklog {
    /// Adds a write. Returns whether the oldest had to be dropped for it, for the first time since the
    /// backlog was empty.
    pub(super) fn add(&mut self, owing: DeferredWrite) -> bool {
        let had_dropped = self.dropped;
        self.weight += owing.weight();
        self.all.push_back((self.next, owing));
        self.next += 1;
        while self.weight > MAX_WEIGHT {
            let Some((_, oldest)) = self.all.pop_front() else { break };
            self.weight -= oldest.weight();
            self.dropped += oldest.rows() as u64;
        }
        had_dropped == 0 && self.dropped > 0
    }

    /// Returns the oldest write.
    pub(super) fn first(&self) -> Option<(u64, DeferredWrite)> {
        self.all.front().cloned()
    }

    /// Removes the write of this number, if it still waits.
    pub(super) fn complete(&mut self, number: u64) {
        if self.all.front().is_some_and(|(first, _)| *first == number)
            && let Some((_, done)) = self.all.pop_front()
        {
            self.weight -= done.weight();
        }
    }

    /// Removes from the coverage of `series` what the store has still to forget.
    pub(super) fn subtract_forgotten(&self, series: &Series, known: &mut Coverage) {
        for (_, owing) in &self.all {
            if let DeferredWrite::Forget(of, range) = owing
                && of == series
            {
                known.remove(*range);
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Returns the number of waiting rows.
    pub(super) fn rows(&self) -> usize {
        self.all.iter().map(|(_, owing)| owing.rows()).sum()
    }

    /// Returns the number of dropped rows.
    pub(super) const fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use market_backbone_core::{Symbol, Timeframe, Timestamp, VenueId};

    use super::*;
    use market_backbone_testkit::flat_candle;

    fn keep(rows: usize) -> DeferredWrite {
        let series = Series::new(Symbol::new(VenueId::new("upbit"), "KRW-BTC").unwrap(), Timeframe::M1);
        let row = Candle { is_final: true, ..flat_candle(Timestamp::EPOCH, 1.0) };
        DeferredWrite::Commit(series, vec![row; rows], Coverage::empty())
    }

    #[test]
    fn what_is_owed_is_paid_in_order() {
        let mut owed = WriteBacklog::default();
        assert!(!owed.add(keep(1)) && !owed.add(keep(2)));
        let (number, first) = owed.first().unwrap();
        assert_eq!((first, owed.rows()), (keep(1), 3));
        owed.complete(number);
        owed.complete(number);
        assert_eq!((owed.first().unwrap().1, owed.rows()), (keep(2), 2));
    }

    #[test]
    fn the_oldest_goes_where_too_much_waits_and_that_is_said_once() {
        let mut owed = WriteBacklog::default();
        assert!(!owed.add(keep(MAX_WEIGHT - 1)));
        assert!(owed.add(keep(10)), "the first that is lost");
        assert!(!owed.add(keep(MAX_WEIGHT - 1)));
        assert_eq!((owed.dropped(), owed.rows()), ((MAX_WEIGHT + 9) as u64, MAX_WEIGHT - 1));
    }
}
