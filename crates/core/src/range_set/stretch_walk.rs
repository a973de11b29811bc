//! The walk over the stretches of a range that a set holds and those that it lacks.

use std::iter::FusedIterator;

use crate::{Grid, TimeRange, Timeframe};

/// A part of a range that a set holds entirely, or lacks entirely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// The range of the stretch.
    pub range: TimeRange,
    /// `true` if the set holds every moment of the range, `false` if it holds none.
    pub is_held: bool,
}

/// A walk over a range, stretch by stretch: held ones and lacking ones in turn.
///
/// It goes from the oldest stretch to the newest, and with [`rev`](Iterator::rev) from the newest to the oldest. Together
/// the stretches are the whole range. The set is not copied.
#[derive(Clone, Debug)]
pub struct StretchWalk<'a> {
    /// The ranges of the set that share a moment with the rest.
    held: &'a [TimeRange],
    /// The part of the range that is still to be walked.
    rest: Option<TimeRange>,
}

impl<'a> StretchWalk<'a> {
    pub(super) const fn new(held: &'a [TimeRange], range: TimeRange) -> Self {
        Self { held, rest: Some(range) }
    }

    /// Iterates over the held stretches only.
    pub fn held(self) -> impl DoubleEndedIterator<Item = TimeRange> + use<'a> {
        self.filter(|stretch| stretch.is_held).map(|stretch| stretch.range)
    }

    /// Iterates over the lacking stretches only.
    pub fn lacking(self) -> impl DoubleEndedIterator<Item = TimeRange> + use<'a> {
        self.filter(|stretch| !stretch.is_held).map(|stretch| stretch.range)
    }

    /// Leaves out lacking stretches in which no slot of `timeframe` opens, because there is nothing to ask for.
    pub fn without_empty_gaps(
        self,
        grid: Grid,
        timeframe: Timeframe,
    ) -> impl DoubleEndedIterator<Item = Stretch> + use<'a> {
        self.filter(move |stretch| stretch.is_held || grid.slots(timeframe, stretch.range) > 0)
    }
}

impl Iterator for StretchWalk<'_> {
    type Item = Stretch;

    fn next(&mut self) -> Option<Stretch> {
        let rest = self.rest?;
        let stretch = match self.held {
            [oldest, others @ ..] if oldest.from() <= rest.from() => {
                self.held = others;
                Stretch { range: oldest.intersect(rest)?, is_held: true }
            }
            [oldest, ..] => {
                Stretch { range: TimeRange::new(rest.from(), oldest.from()).ok()?, is_held: false }
            }
            [] => Stretch { range: rest, is_held: false },
        };
        self.rest = TimeRange::new(stretch.range.to(), rest.to()).ok();
        Some(stretch)
    }
}

impl DoubleEndedIterator for StretchWalk<'_> {
    fn next_back(&mut self) -> Option<Stretch> {
        let rest = self.rest?;
        let stretch = match self.held {
            [others @ .., newest] if rest.to() <= newest.to() => {
                self.held = others;
                Stretch { range: newest.intersect(rest)?, is_held: true }
            }
            [.., newest] => Stretch { range: TimeRange::new(newest.to(), rest.to()).ok()?, is_held: false },
            [] => Stretch { range: rest, is_held: false },
        };
        self.rest = TimeRange::new(rest.from(), stretch.range.from()).ok();
        Some(stretch)
    }
}

impl FusedIterator for StretchWalk<'_> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{RangeSet, Timestamp};
    use proptest::prelude::*;

    /// The slots of the model: minutes, each of three steps of 20 s, so that borders fall between slots too.
    const SLOTS: i64 = 20;
    const STEP: i64 = 20;

    fn range(from: i64, to: i64) -> TimeRange {
        TimeRange::new(Timestamp::from_secs(from * STEP), Timestamp::from_secs(to * STEP)).unwrap()
    }

    fn ranges(longest: i64) -> impl Strategy<Value = TimeRange> {
        (0..3 * SLOTS, 1..=longest).prop_map(|(from, length)| range(from, (from + length).min(3 * SLOTS + 1)))
    }

    /// The bitmap that the walk stands for: each minute that opens in `bound`, and whether the set holds it.
    fn bitmap(set: &RangeSet, bound: TimeRange) -> Vec<(i64, bool)> {
        let opens = (0..=SLOTS).map(|slot| Timestamp::from_secs(slot * 60));
        opens.filter(|open| bound.contains(*open)).map(|open| (open.as_secs(), set.contains(open))).collect()
    }

    #[test]
    fn a_range_of_which_nothing_is_held_is_one_stretch() {
        let set = RangeSet::from(range(0, 3));
        assert_eq!(
            set.stretches(range(3, 9)).collect::<Vec<_>>(),
            [Stretch { range: range(3, 9), is_held: false }]
        );
    }

    #[test]
    fn newest_first_goes_back_to_the_beginning_of_time() {
        let set = RangeSet::from(range(5, 8));
        let bound = TimeRange::new(Timestamp::MIN, Timestamp::from_secs(10 * STEP)).unwrap();
        let before = TimeRange::new(Timestamp::MIN, Timestamp::from_secs(5 * STEP)).unwrap();
        let want = [(range(8, 10), false), (range(5, 8), true), (before, false)];
        let walk = set.stretches(bound).rev().map(|stretch| (stretch.range, stretch.is_held));
        assert_eq!(walk.collect::<Vec<_>>(), want);
    }

    proptest! {
        #[test]
        fn it_tells_what_a_bitmap_of_slots_would(
            held in prop::collection::vec(ranges(9), 0..8),
            bound in ranges(3 * SLOTS),
            ends in prop::collection::vec(any::<bool>(), 0..24),
        ) {
            let set: RangeSet = held.into_iter().collect();
            let walked: Vec<_> = set.stretches(bound).collect();

            // They are the range, in turn held and lacking.
            prop_assert_eq!(walked[0].range.from(), bound.from());
            prop_assert_eq!(walked[walked.len() - 1].range.to(), bound.to());
            for pair in walked.windows(2) {
                prop_assert_eq!(pair[0].range.to(), pair[1].range.from());
                prop_assert_ne!(pair[0].is_held, pair[1].is_held);
            }

            // From either end, and from both in any order, they are the same.
            let mut backwards: Vec<_> = set.stretches(bound).rev().collect();
            backwards.reverse();
            prop_assert_eq!(&backwards, &walked);
            let (mut walk, mut front, mut back) = (set.stretches(bound), Vec::new(), Vec::new());
            for from_front in ends {
                if from_front { front.extend(walk.next()) } else { back.extend(walk.next_back()) }
            }
            front.extend(walk);
            front.extend(back.into_iter().rev());
            prop_assert_eq!(&front, &walked);

            // Slot by slot they are the bitmap, and only gaps without a slot may be left out.
            let slots: Vec<_> = set
                .stretches(bound)
                .without_empty_gaps(Grid::Utc, Timeframe::M1)
                .flat_map(|stretch| bitmap(&set, stretch.range).into_iter().map(move |slot| (slot, stretch.is_held)))
                .collect();
            prop_assert!(slots.iter().all(|((_, held), is_held)| held == is_held));
            prop_assert_eq!(slots.into_iter().map(|(slot, _)| slot).collect::<Vec<_>>(), bitmap(&set, bound));
            let lacking = set.stretches(bound).without_empty_gaps(Grid::Utc, Timeframe::M1);
            for gap in lacking.filter(|stretch| !stretch.is_held) {
                prop_assert!(!bitmap(&set, gap.range).is_empty());
            }

            prop_assert_eq!(set.stretches(bound).held().collect::<RangeSet>(), set.within(bound));
            prop_assert_eq!(set.stretches(bound).lacking().collect::<RangeSet>(), set.gaps(bound));
        }
    }
}
