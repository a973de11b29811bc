//! Joins columns of several parts of an answer.

use std::sync::Arc;

use super::{CandleColumns, CandleColumnsBuilder};
use crate::Candle;

impl CandleColumns {
    /// Joins parts into one list of strictly rising open times.
    ///
    /// A candle that arrives twice is kept once: a final one wins over one that is not, otherwise the later
    /// part's wins. A single part is returned as it is, and parts that do not overlap are appended whole.
    #[must_use]
    pub fn merged(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut parts: Vec<Self> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        let in_order = |parts: &[Self]| {
            let follows = |one: &Self, next: &Self| one.open_times_ns().last() < next.open_times_ns().first();
            parts.is_sorted_by(follows)
        };
        if !parts.iter().all(Self::is_rising) {
            return Self::sorted(&parts);
        }
        if !in_order(&parts) {
            let mut sorted = parts.clone();
            sorted.sort_by_key(|part| part.open_times_ns().first().copied());
            if !in_order(&sorted) {
                return Self::sorted(&parts);
            }
            parts = sorted;
        }
        let mut joined = parts.first().cloned().unwrap_or_default();
        if parts.iter().skip(1).all(|next| joined.grow_into(next)) { joined } else { Self::appended(parts) }
    }

    /// Takes in `later` if it follows in the same buffers, and returns whether it did.
    pub(super) fn grow_into(&mut self, later: &Self) -> bool {
        let follows = Arc::ptr_eq(&self.buffers, &later.buffers) && self.end == later.start;
        if follows {
            self.end = later.end;
        }
        follows
    }

    /// Appends the parts one by one and lets go of each at once, so that a long answer is not held twice.
    fn appended(parts: Vec<Self>) -> Self {
        let rows = parts.iter().map(Self::len).sum();
        let mut joined = CandleColumnsBuilder::with_capacity(rows);
        parts.into_iter().for_each(|part| joined.append(&part));
        joined.finish()
    }

    fn sorted(parts: &[Self]) -> Self {
        let mut rows: Vec<Candle> = parts.iter().flatten().collect();
        rows.sort_by_key(|candle| candle.open_time); // stable: those of later parts stay later
        rows.dedup_by(|later, kept| {
            let same = later.open_time == kept.open_time;
            if same && (later.is_final || !kept.is_final) {
                *kept = *later;
            }
            same
        });
        rows.into()
    }

    /// Puts the candles in the order of their open times. Candles of the same time keep their order.
    pub fn sort(&mut self) {
        if !self.open_times_ns().is_sorted() {
            let mut rows = self.to_vec();
            rows.sort_by_key(|candle| candle.open_time);
            *self = rows.into();
        }
    }
}
