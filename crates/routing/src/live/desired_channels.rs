//! The desired set of channels, counted by interest: the single state that all connections are brought to.
//!
//! Interests only count; they never talk to the venue. One task reads the whole set and reconciles, so a
//! burst of changes becomes one message and no order of events can lose one. Where more channels are wanted
//! than may be followed, that task also decides which ones have to wait.

pub(super) mod interest;
mod ranking;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use market_backbone_core::{Channel, Priority, StreamKind, Symbol};
use rustc_hash::FxHashSet;
use tokio::sync::watch;
use tokio::time::Instant;

use self::interest::Interest;
use self::ranking::{Candidate, select};
use super::cache::RealtimeCache;
use super::config::SubscriptionLimits;

/// The desired set at one moment, or the part of it that one connection serves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct DesiredSet {
    /// The version, which rises with every change of the set.
    pub(super) version: u64,
    /// The channels, sorted, without duplicates.
    pub(super) channels: Arc<[Channel]>,
    /// The highest priority of an interest in any of them.
    pub(super) priority: Priority,
}

/// The result of a selection of channels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ChannelSelection {
    /// All channels that are followed.
    pub(super) wanted: DesiredSet,
    /// The channels that have to wait from now on.
    pub(super) displaced: Vec<Channel>,
    /// The channels that no longer have to wait.
    pub(super) admitted: Vec<Channel>,
}

/// The demand for one channel.
#[derive(Debug, Default)]
struct ChannelDemand {
    /// The number of interests, by kind.
    by_interest: [usize; Interest::ALL.len()],
    /// The number of interests, by priority.
    by_priority: [usize; Priority::ALL.len()],
    /// The score, if the channel is on the watchlist.
    score: Option<f64>,
    /// The channel's number in the order of arrival.
    arrival_order: u64,
    /// The time since which it is followed.
    admitted_at: Option<Instant>,
}

impl ChannelDemand {
    fn interest(&self) -> Option<Interest> {
        let wished = Interest::ALL.into_iter().zip(self.by_interest).find(|(_, count)| *count > 0);
        wished.map(|(interest, _)| interest).or(self.score.map(|_| Interest::Watchlist))
    }

    fn priority(&self) -> Priority {
        let wished = Priority::ALL.into_iter().zip(self.by_priority).find(|(_, count)| *count > 0);
        wished.map_or(Priority::Low, |(priority, _)| priority)
    }
}

#[derive(Debug, Default)]
struct ChannelDemands {
    by_channel: BTreeMap<Channel, ChannelDemand>,
    arrivals: u64,
    version: u64,
}

impl ChannelDemands {
    /// Returns the entry of `channel`, and whether it is new.
    fn entry(&mut self, channel: &Channel) -> (&mut ChannelDemand, bool) {
        let new = !self.by_channel.contains_key(channel);
        if new {
            self.arrivals += 1;
            self.version += 1;
        }
        let entry = || ChannelDemand { arrival_order: self.arrivals, ..ChannelDemand::default() };
        (self.by_channel.entry(channel.clone()).or_insert_with(entry), new)
    }

    /// Forgets the channels without any demand. Returns whether there were any.
    fn forget_unwanted(&mut self, channels: &[Channel]) -> bool {
        let before = self.by_channel.len();
        for channel in channels {
            if self.by_channel.get(channel).is_some_and(|entry| entry.interest().is_none()) {
                self.by_channel.remove(channel);
            }
        }
        let gone = self.by_channel.len() < before;
        self.version += u64::from(gone);
        gone
    }
}

/// The desired channels, with the number and kind of interests in each.
#[derive(Debug, Default)]
pub(super) struct DesiredChannels {
    entries: Mutex<ChannelDemands>,
    /// The channels for which there is no room; mostly none.
    waiting: ArcSwap<FxHashSet<Channel>>,
    /// A revision that rises with all that may change the selection.
    revision: watch::Sender<u64>,
}

impl DesiredChannels {
    fn lock(&self) -> MutexGuard<'_, ChannelDemands> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn notify_change(&self) {
        self.revision.send_modify(|stirred| *stirred += 1);
    }

    /// Counts an interest in each of `channels` and allocates entries for their values in `cache`.
    pub(super) fn add(
        &self,
        channels: &[Channel],
        interest: Interest,
        priority: Priority,
        cache: &RealtimeCache,
    ) {
        let mut entries = self.lock();
        let mut new = Vec::new();
        let mut stirred = false;
        for channel in channels {
            let (entry, is_new) = entries.entry(channel);
            let before = entry.interest();
            entry.by_interest[interest as usize] += 1;
            entry.by_priority[priority as usize] += 1;
            stirred |= before != entry.interest();
            if is_new {
                new.push(channel.clone());
            }
        }
        if !new.is_empty() {
            cache.follow(&new);
        }
        if stirred {
            self.notify_change();
        }
    }

    /// Removes an interest in each of `channels`.
    ///
    /// Their values stay until the venue has been told ([`evict_unwanted`](Self::evict_unwanted)): an
    /// interest that comes back before that finds everything as it was.
    pub(super) fn release(&self, channels: &[Channel], interest: Interest, priority: Priority) {
        let mut entries = self.lock();
        let mut stirred = false;
        for channel in channels {
            let Some(entry) = entries.by_channel.get_mut(channel) else { continue };
            let before = entry.interest();
            entry.by_interest[interest as usize] -= 1;
            entry.by_priority[priority as usize] -= 1;
            stirred |= before != entry.interest();
        }
        entries.forget_unwanted(channels);
        if stirred {
            self.notify_change();
        }
    }

    /// Replaces the watchlist of `kind` by these symbols with their scores.
    pub(super) fn set_watchlist(&self, scores: &[(Symbol, f64)], kind: StreamKind, cache: &RealtimeCache) {
        let mut entries = self.lock();
        let mut listed: Vec<Channel> = Vec::new();
        for (channel, entry) in &mut entries.by_channel {
            if channel.kind == kind && entry.score.take().is_some() {
                listed.push(channel.clone());
            }
        }
        let mut new = Vec::new();
        for (symbol, score) in scores {
            let channel = Channel { symbol: symbol.clone(), kind };
            let (entry, is_new) = entries.entry(&channel);
            entry.score = Some(*score);
            if is_new {
                new.push(channel);
            }
        }
        entries.forget_unwanted(&listed);
        cache.follow(&new);
        self.notify_change();
    }

    /// Removes the values from `cache` that are no longer wanted.
    pub(super) fn evict_unwanted(&self, cache: &RealtimeCache) {
        let entries = self.lock();
        cache.retain(|channel| entries.by_channel.contains_key(channel));
    }

    /// Selects the channels to follow as of `now`.
    pub(super) fn select_channels(&self, caps: &SubscriptionLimits, now: Instant) -> ChannelSelection {
        let mut entries = self.lock();
        let version = entries.version;
        let kept: Vec<Channel> = {
            let candidates = entries.by_channel.iter().filter_map(|(channel, entry)| {
                Some(Candidate {
                    channel,
                    interest: entry.interest()?,
                    score: entry.score.unwrap_or(0.0),
                    arrival_order: entry.arrival_order,
                    admitted_for: entry.admitted_at.map(|since| now.saturating_duration_since(since)),
                })
            });
            select(candidates.collect(), caps).into_iter().cloned().collect()
        };
        let before = self.waiting.load();
        let mut waiting = FxHashSet::default();
        let mut decision = ChannelSelection::default();
        let mut priority = Priority::Low;
        for (channel, entry) in &mut entries.by_channel {
            if kept.binary_search(channel).is_ok() {
                entry.admitted_at.get_or_insert(now);
                priority = priority.min(entry.priority());
                if before.contains(channel) {
                    decision.admitted.push(channel.clone());
                }
            } else {
                entry.admitted_at = None;
                waiting.insert(channel.clone());
                if !before.contains(channel) {
                    decision.displaced.push(channel.clone());
                }
            }
        }
        if waiting != **before {
            self.waiting.store(Arc::new(waiting));
        }
        decision.wanted = DesiredSet { version, channels: kept.into(), priority };
        decision
    }

    /// Returns the highest priority of an interest in any of `channels`.
    pub(super) fn priority(&self, channels: &[Channel]) -> Priority {
        let entries = self.lock();
        let each = channels.iter().filter_map(|channel| entries.by_channel.get(channel));
        each.map(ChannelDemand::priority).min().unwrap_or(Priority::Low)
    }

    /// Returns whether the channel has to wait because there is no room for it.
    pub(super) fn is_waiting(&self, channel: &Channel) -> bool {
        let waiting = self.waiting.load();
        !waiting.is_empty() && waiting.contains(channel)
    }

    /// Returns the channels for which there is no room, sorted.
    pub(super) fn waiting(&self) -> Vec<Channel> {
        let mut waiting: Vec<_> = self.waiting.load().iter().cloned().collect();
        waiting.sort_unstable();
        waiting
    }

    /// Returns all desired channels, whether there is room for them or not.
    pub(super) fn snapshot(&self) -> DesiredSet {
        let entries = self.lock();
        let channels = entries.by_channel.keys().cloned().collect();
        DesiredSet { version: entries.version, channels, priority: Priority::Low }
    }

    /// Returns the version, which rises with every change of the set.
    pub(super) fn version(&self) -> u64 {
        self.lock().version
    }

    pub(super) fn len(&self) -> usize {
        self.lock().by_channel.len()
    }

    /// Returns a receiver of all changes that may affect the selection.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }
}

#[cfg(test)]
mod tests;
