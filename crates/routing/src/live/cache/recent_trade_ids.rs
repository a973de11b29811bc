//! The ids of a market's recent trades, so that no trade is delivered twice.
//!
//! Two overlapping sockets deliver each trade twice, and a venue sends the last one again after a new
//! subscription. Trades do not arrive in the order of their ids, so a small id proves nothing; only the id
//! itself does.

use std::hash::{DefaultHasher, Hash, Hasher};

use market_backbone_core::{TradeId, TradeIdText};

/// The number of ids remembered. Overlapping sockets are milliseconds apart.
const MAX_RECENT_IDS: usize = 1_024;

/// The ids received lately.
///
/// A quarter of a busy market's trades come with an id below the greatest, so a look-up must not cost a search: the keys
/// of a bucket are chained, the latest one first, as a compressor chains the places of what it has seen. Nothing is ever
/// taken out of a chain: it ends where a link leads to a place that was written again since.
#[derive(Debug)]
pub(super) struct RecentTradeIds {
    /// The number of ids remembered, a power of two.
    capacity: usize,
    /// The greatest id received: most trades are above it and need no look-up.
    greatest: Option<i64>,
    /// The greatest text received, as the words that it is packed in; they sort as the text does.
    greatest_text: [u64; 4],
    /// The ids by their numbers, of which the last bits are the place.
    ids: Vec<RecentId>,
    /// The number of the latest id of each bucket; there are as many buckets as places, once there is an id.
    latest: Vec<u32>,
    /// The number of the next id.
    next: u32,
}

/// An id in the chain of its bucket.
#[derive(Clone, Copy, Debug)]
struct RecentId {
    /// A number is its own key; a text's key is a strong hash, because a collision would lose a trade.
    key: i64,
    /// The number of the id before it in its bucket.
    before: u32,
}

impl Default for RecentTradeIds {
    fn default() -> Self {
        Self::with_capacity(MAX_RECENT_IDS)
    }
}

impl RecentTradeIds {
    /// Creates an empty set that remembers the last `most` ids, or a few more: up to the next power of two.
    pub(super) const fn with_capacity(most: usize) -> Self {
        Self {
            capacity: most.next_power_of_two(),
            greatest: None,
            greatest_text: [0; 4],
            ids: Vec::new(),
            latest: Vec::new(),
            next: 0,
        }
    }

    /// Remembers `id`; returns `false` if it was known.
    #[inline]
    pub(super) fn insert(&mut self, id: &TradeId) -> bool {
        match id {
            TradeId::Number(number) if self.greatest.is_none_or(|greatest| greatest < *number) => {
                self.greatest = Some(*number);
                self.remember(*number);
                true
            }
            TradeId::Number(number) => self.insert_key(*number),
            TradeId::Text(text) => self.insert_text(text),
        }
    }

    fn insert_text(&mut self, text: &TradeIdText) -> bool {
        let key = hash(text);
        if let Some(words) = text.as_words().filter(|words| self.greatest_text < *words) {
            self.greatest_text = words;
            self.remember(key);
            return true;
        }
        self.insert_key(key)
    }

    fn insert_key(&mut self, key: i64) -> bool {
        let new = !self.contains_key(key);
        if new {
            self.remember(key);
        }
        new
    }

    /// Returns whether `id` was received lately.
    pub(super) fn contains(&self, id: &TradeId) -> bool {
        self.contains_key(match id {
            TradeId::Number(number) => *number,
            TradeId::Text(text) => hash(text),
        })
    }

    fn contains_key(&self, key: i64) -> bool {
        let Some(mut number) = self.latest.get(self.bucket(key)).copied() else { return false };
        let mut last_age = 0;
        loop {
            // The latest id of all has the age 1. In a chain ages grow, unless a link is out of date.
            let age = self.next.wrapping_sub(number);
            let Some(known) = self.ids.get(self.place(number)) else { return false };
            if age <= last_age || age as usize > self.ids.len() {
                return false;
            }
            if known.key == key {
                return true;
            }
            (number, last_age) = (known.before, age);
        }
    }

    fn remember(&mut self, key: i64) {
        if self.latest.is_empty() {
            self.latest = vec![0; self.capacity];
        }
        let (bucket, place) = (self.bucket(key), self.place(self.next));
        let Some(latest) = self.latest.get_mut(bucket) else { return };
        let id = RecentId { key, before: std::mem::replace(latest, self.next) };
        match self.ids.get_mut(place) {
            Some(oldest) => *oldest = id,
            None => self.ids.push(id),
        }
        self.next = self.next.wrapping_add(1);
    }

    /// Returns the place of the id that has this number.
    const fn place(&self, number: u32) -> usize {
        number as usize & (self.capacity - 1)
    }

    /// Returns the bucket of a key: ids that follow each other are in different ones.
    const fn bucket(&self, key: i64) -> usize {
        // The upper half of the product depends on all bits of the key.
        (key.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize & (self.capacity - 1)
    }
}

fn hash(text: &TradeIdText) -> i64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish().cast_signed()
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn number(id: i64) -> TradeId {
        TradeId::Number(id)
    }

    #[test]
    fn an_id_is_new_once_in_whatever_order_it_comes() {
        let mut seen = RecentTradeIds::default();
        let ids = [5, 7, 6, 5, 7, 8, 6, 1, 1];
        let new: Vec<_> = ids.into_iter().map(|id| seen.insert(&number(id))).collect();
        assert_eq!(new, [true, true, true, false, false, true, false, true, false]);
    }

    #[test]
    fn texts_and_numbers_do_not_disturb_each_other() {
        let mut seen = RecentTradeIds::default();
        let text = |id: &str| TradeId::Text(id.into());
        let ids = [text("a1"), number(1), text("a2"), text("a1"), number(1), number(2), text("a2")];
        let new: Vec<_> = ids.iter().map(|id| seen.insert(id)).collect();
        assert_eq!(new, [true, true, true, false, false, true, false]);
    }

    #[test]
    fn packed_texts_are_new_once_in_whatever_order_they_come() {
        let mut seen = RecentTradeIds::default();
        let ids = ["5:7", "5:9", "5:8", "5:7", "5:9", "5", "6", "5:8", "5:10", "5", "b", "7", "b"];
        let new: Vec<_> = ids.into_iter().map(|id| seen.insert(&TradeId::Text(id.into()))).collect();
        let want = [true, true, true, false, false, true, true, false, true, false, true, true, false];
        assert_eq!(new, want);
    }

    #[test]
    fn the_last_thousand_are_known_and_no_more_are_kept() {
        let mut seen = RecentTradeIds::default();
        for id in 0..10_000 {
            assert!(seen.insert(&number(id)));
        }
        for id in (0..MAX_RECENT_IDS as i64).map(|back| 9_999 - back) {
            assert!(!seen.insert(&number(id)), "{id}");
        }
        assert_eq!((seen.ids.len(), seen.latest.len()), (MAX_RECENT_IDS, MAX_RECENT_IDS));
        assert!(seen.insert(&number(0)));
    }

    proptest! {
        /// Ids of few values, which come again after any time; the count of them wraps too.
        #[test]
        fn the_last_ids_are_known_and_no_others(ids in vec(0_i64..24, 0..200), before_wrapping in 0_u32..10) {
            const MOST: usize = 8;
            let mut seen = RecentTradeIds::with_capacity(MOST);
            seen.next = 0_u32.wrapping_sub(before_wrapping * MOST as u32);
            let mut known = VecDeque::new();
            for id in ids {
                let new = !known.contains(&id);
                prop_assert_eq!(seen.contains(&number(id)), !new);
                prop_assert_eq!(seen.insert(&number(id)), new);
                if new {
                    known.push_front(id);
                    known.truncate(MOST);
                }
            }
        }
    }
}
