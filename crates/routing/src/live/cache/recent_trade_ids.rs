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
#[derive(Debug)]
pub(super) struct RecentTradeIds {
    /// The largest number of ids remembered.
    capacity: usize,
    /// The greatest id received: most trades are above it and need no search.
    greatest: Option<i64>,
    /// The greatest text received, as the words that it is packed in; they sort as the text does.
    greatest_text: [u64; 4],
    /// The keys of the ids. A number is its own key; a text's key is a strong hash, because a collision would
    /// lose a trade.
    keys: Vec<i64>,
    /// The position of the oldest key, once the capacity is reached.
    oldest: usize,
}

impl Default for RecentTradeIds {
    fn default() -> Self {
        Self::with_capacity(MAX_RECENT_IDS)
    }
}

impl RecentTradeIds {
    /// Creates an empty set that remembers the last `most` ids.
    pub(super) const fn with_capacity(most: usize) -> Self {
        Self { capacity: most, greatest: None, greatest_text: [0; 4], keys: Vec::new(), oldest: 0 }
    }

    /// Remembers `id`; returns `false` if it was known.
    pub(super) fn insert(&mut self, id: &TradeId) -> bool {
        let key = match id {
            TradeId::Number(number) if self.greatest.is_none_or(|greatest| greatest < *number) => {
                self.greatest = Some(*number);
                self.remember(*number);
                return true;
            }
            TradeId::Number(number) => *number,
            TradeId::Text(text) => {
                let key = hash(text);
                if let Some(words) = text.as_words().filter(|words| self.greatest_text < *words) {
                    self.greatest_text = words;
                    self.remember(key);
                    return true;
                }
                key
            }
        };
        let new = !self.keys.contains(&key);
        if new {
            self.remember(key);
        }
        new
    }

    /// Returns whether `id` was received lately.
    pub(super) fn contains(&self, id: &TradeId) -> bool {
        let key = match id {
            TradeId::Number(number) => *number,
            TradeId::Text(text) => hash(text),
        };
        self.keys.contains(&key)
    }

    fn remember(&mut self, key: i64) {
        if self.keys.len() < self.capacity {
            self.keys.push(key);
        } else {
            self.keys[self.oldest] = key;
            // No division: this is on the way of every trade.
            self.oldest = if self.oldest + 1 == self.capacity { 0 } else { self.oldest + 1 };
        }
    }
}

fn hash(text: &TradeIdText) -> i64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish().cast_signed()
}

#[cfg(test)]
mod tests {
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
        assert_eq!(seen.keys.len(), MAX_RECENT_IDS);
        assert!(seen.insert(&number(0)));
    }
}
