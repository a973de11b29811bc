//! The subscribed channels of a connection that are not confirmed yet.
//!
//! A channel is confirmed by its first value or by an acknowledgement of the venue. A quiet market gives
//! neither, so a subscription that was not refused for some time counts as confirmed too.

use std::collections::VecDeque;
use std::time::Duration;

use market_backbone_core::Channel;
use rustc_hash::FxHashSet;
use tokio::time::Instant;

/// The channels of a connection that are still to be confirmed.
#[derive(Debug)]
pub(super) struct PendingConfirmations {
    timeout: Duration,
    pending: FxHashSet<Channel>,
    /// The channels subscribed together, with the time; in that order.
    asked: VecDeque<(Instant, Vec<Channel>)>,
    /// The channels that the venue has acknowledged.
    acknowledged: FxHashSet<Channel>,
}

impl PendingConfirmations {
    pub(super) fn new(within: Duration) -> Self {
        Self {
            timeout: within,
            pending: FxHashSet::default(),
            asked: VecDeque::new(),
            acknowledged: FxHashSet::default(),
        }
    }

    /// Expects a confirmation of `channels`, subscribed to at `now`.
    pub(super) fn expect(&mut self, channels: &[Channel], now: Instant) {
        if !channels.is_empty() {
            self.pending.extend(channels.iter().cloned());
            self.asked.push_back((now, channels.to_vec()));
        }
    }

    /// Confirms the channel. Returns whether that is new.
    pub(super) fn confirm(&mut self, channel: &Channel) -> bool {
        let news = self.pending.remove(channel);
        self.clear_if_done();
        news
    }

    /// Records that the venue acknowledged the channel.
    pub(super) fn acknowledge(&mut self, channel: &Channel) {
        self.acknowledged.insert(channel.clone());
    }

    /// Returns whether the venue has acknowledged the channel.
    pub(super) fn is_acknowledged(&self, channel: &Channel) -> bool {
        self.acknowledged.contains(channel)
    }

    /// Returns whether the venue has acknowledged any channel: then those it does not acknowledge are not
    /// sent.
    pub(super) fn has_acknowledgements(&self) -> bool {
        !self.acknowledged.is_empty()
    }

    /// Forgets the acknowledgements of `channels` (sorted), which are no longer subscribed to.
    pub(super) fn drop_acknowledgements(&mut self, channels: &[Channel]) {
        if self.has_acknowledgements() {
            self.acknowledged.retain(|channel| channels.binary_search(channel).is_err());
        }
    }

    /// Confirms the channels for which `heard` returns true, and removes those that are no longer `had`.
    pub(super) fn confirm_received(&mut self, heard: impl Fn(&Channel) -> bool, had: &[Channel]) {
        if !self.pending.is_empty() {
            self.pending.retain(|channel| had.binary_search(channel).is_ok() && !heard(channel));
            self.clear_if_done();
        }
    }

    fn clear_if_done(&mut self) {
        if self.pending.is_empty() {
            self.asked.clear();
        }
    }

    /// Returns when the next channel is confirmed by time.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.asked.front().map(|(asked, _)| *asked + self.timeout)
    }

    /// Removes and returns the channels that time has confirmed by `now`.
    pub(super) fn take_overdue(&mut self, now: Instant) -> Vec<Channel> {
        let mut confirmed = Vec::new();
        while self.deadline().is_some_and(|due| due <= now) {
            let Some((_, channels)) = self.asked.pop_front() else { break };
            confirmed.extend(channels.into_iter().filter(|channel| self.pending.remove(channel)));
        }
        self.clear_if_done();
        confirmed
    }

    pub(super) fn is_pending(&self, channel: &Channel) -> bool {
        self.pending.contains(channel)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }
}
