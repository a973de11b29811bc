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
pub(super) struct Confirms {
    within: Duration,
    pending: FxHashSet<Channel>,
    /// What was asked together, and when; in that order.
    asked: VecDeque<(Instant, Vec<Channel>)>,
    /// What the venue itself has said it sends.
    granted: FxHashSet<Channel>,
}

impl Confirms {
    pub(super) fn new(within: Duration) -> Self {
        Self { within, pending: FxHashSet::default(), asked: VecDeque::new(), granted: FxHashSet::default() }
    }

    /// Awaits `channels`, asked for at `now`.
    pub(super) fn ask(&mut self, channels: &[Channel], now: Instant) {
        if !channels.is_empty() {
            self.pending.extend(channels.iter().cloned());
            self.asked.push_back((now, channels.to_vec()));
        }
    }

    /// The channel is confirmed; whether that is news.
    pub(super) fn confirm(&mut self, channel: &Channel) -> bool {
        let news = self.pending.remove(channel);
        self.tidy();
        news
    }

    /// The venue says that it sends the channel.
    pub(super) fn grant(&mut self, channel: &Channel) {
        self.granted.insert(channel.clone());
    }

    /// Whether the venue has said that it sends the channel.
    pub(super) fn is_granted(&self, channel: &Channel) -> bool {
        self.granted.contains(channel)
    }

    /// Whether the venue has said so of anything: then what it does not speak of is not sent.
    pub(super) fn is_told(&self) -> bool {
        !self.granted.is_empty()
    }

    /// These (sorted) are no longer asked for.
    pub(super) fn drop_grants(&mut self, channels: &[Channel]) {
        if self.is_told() {
            self.granted.retain(|channel| channels.binary_search(channel).is_err());
        }
    }

    /// Those are confirmed for which `heard` says so, and those that are no longer `had`.
    pub(super) fn settle(&mut self, heard: impl Fn(&Channel) -> bool, had: &[Channel]) {
        if !self.pending.is_empty() {
            self.pending.retain(|channel| had.binary_search(channel).is_ok() && !heard(channel));
            self.tidy();
        }
    }

    fn tidy(&mut self) {
        if self.pending.is_empty() {
            self.asked.clear();
        }
    }

    /// When time next confirms something.
    pub(super) fn due(&self) -> Option<Instant> {
        self.asked.front().map(|(asked, _)| *asked + self.within)
    }

    /// Takes out what time has confirmed by `now`.
    pub(super) fn overdue(&mut self, now: Instant) -> Vec<Channel> {
        let mut confirmed = Vec::new();
        while self.due().is_some_and(|due| due <= now) {
            let Some((_, channels)) = self.asked.pop_front() else { break };
            confirmed.extend(channels.into_iter().filter(|channel| self.pending.remove(channel)));
        }
        self.tidy();
        confirmed
    }

    pub(super) fn is_pending(&self, channel: &Channel) -> bool {
        self.pending.contains(channel)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }
}
