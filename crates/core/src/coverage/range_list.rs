//! Sorted lists of disjoint ranges with a value each. Where a new range overlaps others, it replaces them.

use crate::{TimeRange, Timestamp};

/// A range with a value.
pub(super) trait RangeEntry: Copy {
    /// Returns the range of the entry.
    fn range(&self) -> TimeRange;
    /// Returns the same value for another range.
    fn with_range(&self, range: TimeRange) -> Self;
    /// Returns whether both entries have the same value.
    fn has_same_value(&self, other: &Self) -> bool;
}

/// Puts `new` in place of whatever it overlaps. Neighbours that touch and have the same value become one.
pub(super) fn overwrite<T: RangeEntry>(known: &mut Vec<T>, new: T) {
    let range = new.range();
    let (begin, end) = overlapping(known, range);
    let older = known[begin..end].first().and_then(|first| clipped(first, Timestamp::MIN, range.from()));
    let newer = known[begin..end].last().and_then(|last| clipped(last, range.to(), Timestamp::MAX));
    let pieces: Vec<T> = older.into_iter().chain([new]).chain(newer).collect();
    let last_seam = begin + pieces.len();
    known.splice(begin..end, pieces);
    for seam in (begin.max(1)..=last_seam.min(known.len() - 1)).rev() {
        merge_at(known, seam);
    }
}

/// Removes the part of all entries that lies in `range`.
pub(super) fn remove<T: RangeEntry>(known: &mut Vec<T>, range: TimeRange) {
    let (begin, end) = overlapping(known, range);
    let older = known[begin..end].first().and_then(|first| clipped(first, Timestamp::MIN, range.from()));
    let newer = known[begin..end].last().and_then(|last| clipped(last, range.to(), Timestamp::MAX));
    let left: Vec<T> = older.into_iter().chain(newer).collect();
    known.splice(begin..end, left);
}

/// Returns the part of the entries that lies within `range`.
pub(super) fn within<T: RangeEntry>(known: &[T], range: TimeRange) -> Vec<T> {
    let (begin, end) = overlapping(known, range);
    known[begin..end].iter().filter_map(|one| clipped(one, range.from(), range.to())).collect()
}

/// Returns the entry that holds `moment`.
pub(super) fn at<T: RangeEntry>(known: &[T], moment: Timestamp) -> Option<&T> {
    let next = known.partition_point(|one| one.range().to() <= moment);
    known.get(next).filter(|one| one.range().contains(moment))
}

/// Returns the indices of the entries that overlap `range`: the first, and the one after the last.
fn overlapping<T: RangeEntry>(known: &[T], range: TimeRange) -> (usize, usize) {
    let begin = known.partition_point(|one| one.range().to() <= range.from());
    let end = known.partition_point(|one| one.range().from() < range.to());
    (begin, end.max(begin))
}

fn clipped<T: RangeEntry>(one: &T, from: Timestamp, to: Timestamp) -> Option<T> {
    let range = TimeRange::new(one.range().from().max(from), one.range().to().min(to)).ok()?;
    Some(one.with_range(range))
}

/// Merges the two entries that meet before index `seam`, if they touch and have the same value.
fn merge_at<T: RangeEntry>(known: &mut Vec<T>, seam: usize) {
    let (older, newer) = (known[seam - 1], known[seam]);
    if older.range().to() == newer.range().from()
        && older.has_same_value(&newer)
        && let Ok(joined) = TimeRange::new(older.range().from(), newer.range().to())
    {
        known[seam - 1] = older.with_range(joined);
        known.remove(seam);
    }
}
