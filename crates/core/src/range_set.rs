//! A set of moments, kept as ranges of time.
//!
//! Every part of the workspace that has to remember "these slots, and no others" uses this type. Values beside the
//! ranges (their provenance, their disputes) are kept by [`Coverage`](crate::Coverage).

mod stretch_walk;

pub use self::stretch_walk::{Stretch, StretchWalk};

use crate::{TimeRange, Timestamp};

/// A set of moments as sorted ranges that neither overlap nor touch.
///
/// Inserting and removing cost a binary search and a move of the later ranges; at the end, where data grow, they are
/// nearly free.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RangeSet {
    // Invariant: oldest first; each range ends before the next one begins.
    ranges: Vec<TimeRange>,
}

impl RangeSet {
    /// Returns the set that holds nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self { ranges: Vec::new() }
    }

    /// Returns the ranges, oldest first; no two of them overlap or touch.
    #[must_use]
    pub fn as_slice(&self) -> &[TimeRange] {
        &self.ranges
    }

    /// Returns the ranges, oldest first; no two of them overlap or touch.
    #[must_use]
    pub fn into_vec(self) -> Vec<TimeRange> {
        self.ranges
    }

    /// Iterates over the ranges, oldest first.
    pub fn iter(&self) -> std::slice::Iter<'_, TimeRange> {
        self.ranges.iter()
    }

    /// Returns whether the set holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Returns the oldest range.
    #[must_use]
    pub fn first(&self) -> Option<TimeRange> {
        self.ranges.first().copied()
    }

    /// Returns the newest range.
    #[must_use]
    pub fn last(&self) -> Option<TimeRange> {
        self.ranges.last().copied()
    }

    /// Adds every moment of `range`.
    pub fn insert(&mut self, range: TimeRange) {
        // Ranges that only touch it are joined too.
        let begin = self.ranges.partition_point(|one| one.to() < range.from());
        let end = begin + self.ranges[begin..].partition_point(|one| one.from() <= range.to());
        let joined = self.ranges[begin..end].iter().fold(range, |joined, one| hull(joined, *one));
        self.ranges.splice(begin..end, [joined]);
    }

    /// Removes every moment of `range`.
    pub fn remove(&mut self, range: TimeRange) {
        let overlapping = self.overlapping(range);
        let [older, newer] = [self.ranges.get(overlapping.start), self.ranges[..overlapping.end].last()];
        let older = older.and_then(|one| TimeRange::new(one.from(), range.from().min(one.to())).ok());
        let newer = newer.and_then(|one| TimeRange::new(range.to().max(one.from()), one.to()).ok());
        if !overlapping.is_empty() {
            self.ranges.splice(overlapping, older.into_iter().chain(newer));
        }
    }

    /// Returns the range that holds `moment`.
    #[must_use]
    pub fn range_at(&self, moment: Timestamp) -> Option<TimeRange> {
        let next = self.ranges.partition_point(|one| one.to() <= moment);
        self.ranges.get(next).copied().filter(|one| one.contains(moment))
    }

    /// Returns whether the set holds `moment`.
    #[must_use]
    pub fn contains(&self, moment: Timestamp) -> bool {
        self.range_at(moment).is_some()
    }

    /// Returns whether the set holds every moment of `range`.
    #[must_use]
    pub fn covers(&self, range: TimeRange) -> bool {
        self.range_at(range.from()).is_some_and(|one| one.to() >= range.to())
    }

    /// Returns whether the set holds any moment of `range`.
    #[must_use]
    pub fn intersects(&self, range: TimeRange) -> bool {
        !self.overlapping(range).is_empty()
    }

    /// Walks over `range`: the stretches that the set holds, and those that it lacks, in turn.
    #[must_use]
    pub fn stretches(&self, range: TimeRange) -> StretchWalk<'_> {
        StretchWalk::new(&self.ranges[self.overlapping(range)], range)
    }

    /// Returns the part of the set that lies in `range`.
    #[must_use]
    pub fn within(&self, range: TimeRange) -> Self {
        Self { ranges: self.stretches(range).held().collect() }
    }

    /// Returns the part of `range` that the set does not hold.
    #[must_use]
    pub fn gaps(&self, range: TimeRange) -> Self {
        Self { ranges: self.stretches(range).lacking().collect() }
    }

    /// Returns the indices of the ranges that share a moment with `range`.
    fn overlapping(&self, range: TimeRange) -> std::ops::Range<usize> {
        let begin = self.ranges.partition_point(|one| one.to() <= range.from());
        let end = begin + self.ranges[begin..].partition_point(|one| one.from() < range.to());
        begin..end
    }
}

/// The shortest range that holds both.
fn hull(one: TimeRange, other: TimeRange) -> TimeRange {
    TimeRange::new(one.from().min(other.from()), one.to().max(other.to())).unwrap_or(one)
}

impl From<TimeRange> for RangeSet {
    fn from(range: TimeRange) -> Self {
        Self { ranges: vec![range] }
    }
}

impl Extend<TimeRange> for RangeSet {
    fn extend<I: IntoIterator<Item = TimeRange>>(&mut self, ranges: I) {
        ranges.into_iter().for_each(|range| self.insert(range));
    }
}

impl FromIterator<TimeRange> for RangeSet {
    fn from_iter<I: IntoIterator<Item = TimeRange>>(ranges: I) -> Self {
        let mut set = Self::new();
        set.extend(ranges);
        set
    }
}

impl IntoIterator for RangeSet {
    type Item = TimeRange;
    type IntoIter = std::vec::IntoIter<TimeRange>;

    fn into_iter(self) -> Self::IntoIter {
        self.ranges.into_iter()
    }
}

impl<'a> IntoIterator for &'a RangeSet {
    type Item = &'a TimeRange;
    type IntoIter = std::slice::Iter<'a, TimeRange>;

    fn into_iter(self) -> Self::IntoIter {
        self.ranges.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The moments that the model tells apart.
    const MOMENTS: i64 = 40;

    fn range(from: i64, to: i64) -> TimeRange {
        TimeRange::new(Timestamp::from_nanos(from), Timestamp::from_nanos(to)).unwrap()
    }

    fn ranges() -> impl Strategy<Value = TimeRange> {
        (0..MOMENTS, 1..=10_i64).prop_map(|(from, length)| range(from, (from + length).min(MOMENTS + 1)))
    }

    /// One bit for each moment.
    fn bits(set: &RangeSet) -> Vec<bool> {
        (0..=MOMENTS).map(|moment| set.contains(Timestamp::from_nanos(moment))).collect()
    }

    fn held(range: TimeRange) -> impl Fn(usize) -> bool {
        move |moment| range.contains(Timestamp::from_nanos(i64::try_from(moment).unwrap()))
    }

    #[test]
    fn what_touches_is_joined() {
        let set: RangeSet = [range(20, 30), range(0, 10), range(10, 20)].into_iter().collect();
        assert_eq!(set.as_slice(), [range(0, 30)]);
    }

    #[test]
    fn ranges_may_reach_to_the_ends_of_time() {
        let always = TimeRange::new(Timestamp::MIN, Timestamp::MAX).unwrap();
        let mut set = RangeSet::from(always);
        set.remove(range(3, 5));
        assert_eq!(set.gaps(always).as_slice(), [range(3, 5)]);
        set.remove(always);
        assert!(set.is_empty());
    }

    proptest! {
        #[test]
        fn it_is_the_set_of_moments_that_a_row_of_bits_would_be(
            steps in prop::collection::vec((any::<bool>(), ranges()), 0..30),
            asked in ranges(),
        ) {
            let mut set = RangeSet::new();
            let mut model = vec![false; usize::try_from(MOMENTS).unwrap() + 1];
            for (adds, range) in steps {
                if adds { set.insert(range) } else { set.remove(range) }
                let touched = held(range);
                model.iter_mut().enumerate().filter(|(at, _)| touched(*at)).for_each(|(_, bit)| *bit = adds);
                prop_assert_eq!(&bits(&set), &model);
                prop_assert!(set.as_slice().windows(2).all(|pair| pair[0].to() < pair[1].from()));
            }
            let inside = held(asked);
            let expect = |wanted: bool| -> Vec<bool> {
                model.iter().enumerate().map(|(at, bit)| inside(at) && *bit == wanted).collect()
            };
            prop_assert_eq!(bits(&set.within(asked)), expect(true));
            prop_assert_eq!(bits(&set.gaps(asked)), expect(false));
            prop_assert_eq!(set.intersects(asked), expect(true).contains(&true));
            prop_assert_eq!(set.covers(asked), !expect(false).contains(&true));
        }
    }
}
