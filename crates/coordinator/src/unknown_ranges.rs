//! The stretches nobody has proven yet.

use market_backbone_core::{TimeRange, Timestamp};

/// The stretches nobody has proven yet, on the grid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct UnknownRanges {
    // Invariant: oldest first, disjoint, not touching.
    ranges: Vec<TimeRange>,
}

impl UnknownRanges {
    pub(crate) fn new(range: TimeRange) -> Self {
        Self { ranges: vec![range] }
    }

    pub(crate) fn ranges(&self) -> &[TimeRange] {
        &self.ranges
    }

    /// Where the newest of them ends: from here on everything is known.
    pub(crate) fn newest_end(&self) -> Option<Timestamp> {
        self.ranges.last().map(|range| range.to())
    }

    pub(crate) fn touches(&self, other: TimeRange) -> bool {
        self.ranges.iter().any(|range| range.intersect(other).is_some())
    }

    pub(crate) fn remove(&mut self, known: TimeRange) {
        let cut = |range: &TimeRange| {
            let older = TimeRange::new(range.from(), range.to().min(known.from()));
            let newer = TimeRange::new(range.from().max(known.to()), range.to());
            [older, newer].into_iter().flatten()
        };
        self.ranges = self.ranges.iter().flat_map(cut).collect();
    }

    /// Adds a stretch that turns out to be wanted too.
    pub(crate) fn insert(&mut self, range: TimeRange) {
        self.ranges.push(range);
        self.ranges.sort();
        let mut joined: Vec<TimeRange> = Vec::with_capacity(self.ranges.len());
        for range in self.ranges.drain(..) {
            match joined.last_mut() {
                Some(last) if range.from() <= last.to() => {
                    *last = TimeRange::new(last.from(), last.to().max(range.to())).unwrap_or(*last);
                }
                _ => joined.push(range),
            }
        }
        self.ranges = joined;
    }

    /// What of it lies at or after `from`.
    pub(crate) fn since(&self, from: Timestamp) -> Self {
        let clip = |range: &TimeRange| TimeRange::new(range.from().max(from), range.to()).ok();
        Self { ranges: self.ranges.iter().filter_map(clip).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(from: i64, to: i64) -> TimeRange {
        TimeRange::new(Timestamp::from_secs(from), Timestamp::from_secs(to)).unwrap()
    }

    #[test]
    fn a_proof_takes_away_what_it_covers_and_no_more() {
        let mut unknown = UnknownRanges::new(range(0, 100));
        unknown.remove(range(40, 50));
        assert_eq!(unknown.ranges(), [range(0, 40), range(50, 100)]);
        unknown.remove(range(30, 60));
        assert_eq!(unknown.ranges(), [range(0, 30), range(60, 100)]);
        assert_eq!(unknown.newest_end(), Some(Timestamp::from_secs(100)));
        unknown.remove(range(60, 200));
        assert_eq!(unknown.newest_end(), Some(Timestamp::from_secs(30)));
        unknown.remove(TimeRange::new(Timestamp::MIN, Timestamp::MAX).unwrap());
        assert_eq!(unknown, UnknownRanges::default());
    }

    #[test]
    fn what_is_added_joins_what_it_touches() {
        let mut unknown = UnknownRanges::new(range(0, 10));
        unknown.insert(range(20, 30));
        assert_eq!(unknown.ranges(), [range(0, 10), range(20, 30)]);
        unknown.insert(range(10, 20));
        assert_eq!(unknown.ranges(), [range(0, 30)]);
        assert_eq!(unknown.since(Timestamp::from_secs(25)).ranges(), [range(25, 30)]);
    }
}
