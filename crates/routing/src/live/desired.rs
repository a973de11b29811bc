//! What is wanted of the venue, counted by wish: the one truth that the session brings every connection to.
//!
//! Wishes only count; they never talk to the venue. One task reads the whole set and reconciles, so a burst of
//! wishes becomes one message and no order of events can lose one.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use market_backbone_core::Channel;
use tokio::sync::watch;

use super::cache::RealtimeCache;

/// The set at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Rises with every change of the set.
    pub(super) version: u64,
    /// Sorted, each once.
    pub(super) channels: Vec<Channel>,
}

/// The channels that are wished for, and by how many.
#[derive(Debug, Default)]
pub(super) struct Desired {
    counts: Mutex<BTreeMap<Channel, usize>>,
    version: watch::Sender<u64>,
}

impl Desired {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Channel, usize>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a wish for each of `channels` and makes room for their values in `cache`.
    pub(super) fn add(&self, channels: &[Channel], cache: &RealtimeCache) {
        let mut counts = self.lock();
        let mut new = Vec::new();
        for channel in channels {
            let count = counts.entry(channel.clone()).or_default();
            *count += 1;
            if *count == 1 {
                new.push(channel.clone());
            }
        }
        if !new.is_empty() {
            cache.follow(&new);
            self.version.send_modify(|version| *version += 1);
        }
    }

    /// Takes a wish for each of `channels` back. Their values stay until the venue was told ([`settle`](Self::settle)):
    /// a wish that comes back before that finds everything as it was.
    pub(super) fn release(&self, channels: &[Channel]) {
        let mut counts = self.lock();
        let mut gone = false;
        for channel in channels {
            let Some(count) = counts.get_mut(channel) else { continue };
            *count -= 1;
            if *count == 0 {
                counts.remove(channel);
                gone = true;
            }
        }
        if gone {
            self.version.send_modify(|version| *version += 1);
        }
    }

    /// Lets go of the values in `cache` that nobody wants now.
    pub(super) fn settle(&self, cache: &RealtimeCache) {
        let counts = self.lock();
        cache.retain(|channel| counts.contains_key(channel));
    }

    /// The set as it is now.
    pub(super) fn snapshot(&self) -> Wanted {
        let counts = self.lock();
        Wanted { version: *self.version.borrow(), channels: counts.keys().cloned().collect() }
    }

    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// Tells of changes of the set; the value is its version.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use market_backbone_core::{StreamKind, Symbol, VenueId};

    use super::*;

    fn channels(codes: &[&str]) -> Vec<Channel> {
        let symbol = |code: &str| Symbol::new(VenueId::new("upbit"), code).unwrap();
        codes.iter().map(|code| Channel { symbol: symbol(code), kind: StreamKind::Ticker }).collect()
    }

    #[test]
    fn a_channel_is_wanted_until_its_last_wish_is_gone() {
        let (desired, cache) = (Desired::default(), RealtimeCache::default());
        desired.add(&channels(&["KRW-ETH", "KRW-BTC"]), &cache);
        desired.add(&channels(&["KRW-BTC"]), &cache);
        desired.release(&channels(&["KRW-BTC"]));
        assert_eq!(desired.snapshot().channels, channels(&["KRW-BTC", "KRW-ETH"]));
        desired.release(&channels(&["KRW-BTC"]));
        assert_eq!(desired.snapshot().channels, channels(&["KRW-ETH"]));
    }

    #[test]
    fn only_a_change_of_the_set_is_told() {
        let (desired, cache) = (Desired::default(), RealtimeCache::default());
        let mut changes = desired.changes();
        desired.add(&channels(&["KRW-BTC"]), &cache);
        assert!(changes.has_changed().unwrap());
        changes.mark_unchanged();
        desired.add(&channels(&["KRW-BTC"]), &cache);
        desired.release(&channels(&["KRW-BTC"]));
        assert!(!changes.has_changed().unwrap());
        desired.release(&channels(&["KRW-BTC"]));
        assert!(changes.has_changed().unwrap());
    }
}
