//! The channels that a connection was asked for and that are not known to arrive yet.
//!
//! A channel is confirmed by its first value or by the venue's own word; and, because a quiet market gives neither, by
//! time: a subscription that was not refused for this long stands.

use std::collections::VecDeque;
use std::time::Duration;

use market_backbone_core::Channel;
use rustc_hash::FxHashSet;
use tokio::time::Instant;

/// What of a connection is still to be confirmed.
#[derive(Debug)]
pub(super) struct PendingConfirmations {
    timeout: Duration,
    pending: FxHashSet<Channel>,
    /// What was asked together, and when; in that order.
    asked: VecDeque<(Instant, Vec<Channel>)>,
    /// What the venue itself has said it sends.
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

    /// Awaits `channels`, asked for at `now`.
    pub(super) fn expect(&mut self, channels: &[Channel], now: Instant) {
        if !channels.is_empty() {
            self.pending.extend(channels.iter().cloned());
            self.asked.push_back((now, channels.to_vec()));
        }
    }

    /// The channel is confirmed; whether that is news.
    pub(super) fn confirm(&mut self, channel: &Channel) -> bool {
        let news = self.pending.remove(channel);
        self.clear_if_done();
        news
    }

    /// The venue says that it sends the channel.
    pub(super) fn acknowledge(&mut self, channel: &Channel) {
        self.acknowledged.insert(channel.clone());
    }

    /// Whether the venue has said that it sends the channel.
    pub(super) fn is_acknowledged(&self, channel: &Channel) -> bool {
        self.acknowledged.contains(channel)
    }

    /// Whether the venue has said so of anything: then what it does not speak of is not sent.
    pub(super) fn has_acknowledgements(&self) -> bool {
        !self.acknowledged.is_empty()
    }

    /// These (sorted) are no longer asked for.
    pub(super) fn drop_acknowledgements(&mut self, channels: &[Channel]) {
        if self.has_acknowledgements() {
            self.acknowledged.retain(|channel| channels.binary_search(channel).is_err());
        }
    }

    /// Those are confirmed for which `heard` says so, and those that are no longer `had`.
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

    /// When time next confirms something.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.asked.front().map(|(asked, _)| *asked + self.timeout)
    }

    /// Takes out what time has confirmed by `now`.
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
