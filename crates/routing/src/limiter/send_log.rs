//! The log of one group's requests: those that the venue may still count.
//!
//! `limiter.rs` proves that this log keeps the promise.

use std::collections::VecDeque;
use std::time::Duration;

use market_backbone_core::RateLimitRule;
use tokio::time::Instant;

use super::LimiterConfig;
use super::estimate::WindowProjection;
use super::journal::{PeerEvent, RecordKind};
use super::round_trips::RoundTrips;
use super::rule_set::RuleWindow;
use super::sent_request::{SendOutcome, SentRequest, WindowShare};

/// When there is room for one more request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NextSlot {
    Now,
    At(Instant),
    /// A request in flight must be answered first.
    AfterResponse,
}

impl NextSlot {
    /// Returns the later of two.
    pub(super) fn later(self, other: Self) -> Self {
        match (self, other) {
            (Self::Now, other) | (other, Self::Now) => other,
            (Self::At(one), Self::At(other)) => Self::At(one.max(other)),
            (Self::AfterResponse, _) | (_, Self::AfterResponse) => Self::AfterResponse,
        }
    }
}

/// The requests of a group that the venue may still count.
#[derive(Debug)]
pub(super) struct SendLog {
    /// The longest time for which a request counts after its arrival, over all rules.
    longest_hold: Duration,
    late_arrival_grace: Duration,
    log: VecDeque<SentRequest>,
    round_trips: RoundTrips,
}

impl SendLog {
    pub(super) fn new(rules: &[RateLimitRule], config: &LimiterConfig) -> Self {
        let LimiterConfig { margin, late_arrival_grace, trust_round_trips, .. } = *config;
        let most = rules.iter().map(|rule| rule.max).max().unwrap_or(1);
        let longest = rules.iter().map(|rule| rule.window).max().unwrap_or_default();
        Self {
            longest_hold: longest + margin,
            late_arrival_grace,
            log: VecDeque::new(),
            round_trips: RoundTrips::new(most, trust_round_trips),
        }
    }

    /// Adds a request of this process that is sent at `at`.
    pub(super) fn push(&mut self, id: u64, at: Instant, share: WindowShare, weight: u32) {
        let outcome = SendOutcome::InFlight;
        self.log.push_back(SentRequest { writer: 0, id, at, share, outcome, weight, requests: 1 });
    }

    /// Adds the budget that an unknown sender used: `amount`, which arrived just now at the latest.
    pub(super) fn push_external(&mut self, now: Instant, amount: u32) {
        let (share, outcome) = (WindowShare::External, SendOutcome::Arrived(now));
        let (weight, requests) = (amount, amount);
        self.log.push_back(SentRequest { writer: 0, id: 0, at: now, share, outcome, weight, requests });
    }

    /// Adds an event of another process's request.
    pub(super) fn ingest(&mut self, event: PeerEvent, now: Instant) {
        let PeerEvent { kind, writer, number: id, weight, age } = event;
        // The clock of this process may not reach back that far; then it counts as of now.
        let at = now.checked_sub(age).unwrap_or(now);
        let outcome = match kind {
            RecordKind::Sent => SendOutcome::InFlight,
            RecordKind::Answered => SendOutcome::Arrived(at),
            RecordKind::Lost => SendOutcome::Lost(at),
            RecordKind::Unused => return self.log.retain(|sent| (sent.writer, sent.id) != (writer, id)),
            RecordKind::Banned | RecordKind::Paused => return,
        };
        match self.log.iter_mut().find(|sent| (sent.writer, sent.id) == (writer, id)) {
            Some(sent) => sent.outcome = outcome,
            None => {
                let share = WindowShare::External;
                self.log.push_back(SentRequest { writer, id, at, share, outcome, weight, requests: 1 });
            }
        }
    }

    /// Returns whether a request of another process is in flight: its answer causes no event here.
    pub(super) fn is_external_in_flight(&self) -> bool {
        self.log.iter().any(|sent| sent.is_external() && sent.is_in_flight())
    }

    fn own(&mut self, id: u64) -> Option<&mut SentRequest> {
        self.log.iter_mut().find(|sent| sent.id == id && !sent.is_external())
    }

    /// Corrects the time of sending: the permit was granted a little after it was decided.
    pub(super) fn sent_at(&mut self, id: u64, at: Instant) {
        if let Some(sent) = self.own(id) {
            sent.at = at;
        }
    }

    /// Records the outcome of a request of this process.
    pub(super) fn resolve(&mut self, id: u64, outcome: SendOutcome) {
        let Some(sent) = self.own(id) else { return };
        sent.outcome = outcome;
        let left = sent.at;
        if let SendOutcome::Answered(at) = outcome {
            self.round_trips.note(at, at - left);
        }
    }

    /// Removes a request of this process that will not be sent, and returns its weight.
    pub(super) fn remove(&mut self, id: u64) -> u32 {
        let weight = self.own(id).map_or(0, |sent| sent.weight);
        self.log.retain(|sent| sent.id != id || sent.is_external());
        weight
    }

    /// Returns when `allowed` of a window leave room for a request of `weight`, counting those whose share `counts`.
    ///
    /// A request heavier than `allowed` (a venue's complaint may have made that small) goes alone.
    pub(super) fn next_slot(
        &self,
        now: Instant,
        window: &RuleWindow,
        allowed: u32,
        weight: u32,
        counts: impl Fn(WindowShare) -> bool,
    ) -> NextSlot {
        let charge = u64::from(window.rule.charge(weight));
        let allowed = u64::from(allowed).max(charge);
        if charge == 0 {
            return NextSlot::Now;
        }
        let (credit, grace) = (self.round_trips.rtt_credit(now), self.late_arrival_grace);
        let released = |sent: &SentRequest| Some(sent.latest_arrival(credit, grace)? + window.hold);
        let held = || {
            let entries = self.log.iter().filter(|sent| counts(sent.share));
            let entries = entries.map(|sent| (released(sent), sent.charge(window.rule.unit)));
            entries.filter(|(at, _)| at.is_none_or(|at| at > now))
        };
        let used: u64 = held().map(|(_, charge)| charge).sum();
        if used + charge <= allowed {
            return NextSlot::Now;
        }
        let mut leaving: Vec<_> = held().collect();
        // Answers come nearly in order, which this sort makes use of.
        leaving.sort_by_key(|(at, _)| (at.is_none(), *at));
        let mut left = used;
        let enough = leaving.into_iter().find(|(_, released)| {
            left -= released;
            left + charge <= allowed
        });
        enough.and_then(|(at, _)| at).map_or(NextSlot::AfterResponse, NextSlot::At)
    }

    pub(super) fn round_trips(&self) -> &RoundTrips {
        &self.round_trips
    }

    /// Returns how a window will empty, of which `allowed` may be used, if a round trip takes `trip` and saves `credit`.
    pub(super) fn projection(
        &self,
        now: Instant,
        window: &RuleWindow,
        allowed: u32,
        (trip, credit): (Duration, Duration),
    ) -> WindowProjection {
        let latest = |sent: &SentRequest| {
            sent.latest_arrival(credit, self.late_arrival_grace).unwrap_or_else(|| (sent.at + trip).max(now))
        };
        let left = |sent: &SentRequest| (latest(sent) + window.hold).saturating_duration_since(now);
        let mut releases: Vec<_> =
            self.log.iter().map(|sent| (left(sent), sent.charge(window.rule.unit))).collect();
        releases.retain(|(left, _)| !left.is_zero());
        releases.sort_unstable();
        WindowProjection { rule: window.rule, hold: window.hold, allowed, releases }
    }

    /// Returns how much the venue can have counted in a window that ends with the arrival of a request sent at `sent`:
    /// everything that had not certainly arrived a window before.
    pub(super) fn possibly_counted(&self, window: &RuleWindow, sent: Instant) -> u64 {
        let counted = |other: &&SentRequest| {
            let latest = other.latest_arrival(Duration::ZERO, self.late_arrival_grace);
            latest.is_none_or(|at| at + window.hold > sent)
        };
        self.log.iter().filter(counted).map(|sent| sent.charge(window.rule.unit)).sum()
    }

    /// Drops what matters no more, neither to the next permit nor to a reply that is still to come.
    pub(super) fn prune(&mut self, now: Instant) {
        let own = self.log.iter().filter(|sent| !sent.is_external());
        let horizon = own.filter(|sent| sent.is_in_flight()).map(|sent| sent.at).min().unwrap_or(now);
        let (hold, grace) = (self.longest_hold, self.late_arrival_grace);
        self.log
            .retain(|sent| sent.latest_arrival(Duration::ZERO, grace).is_none_or(|at| at + hold > horizon));
    }

    /// Returns whether a request of this process is in flight, or was sent less than `within` ago.
    pub(super) fn any_since(&self, now: Instant, within: Duration) -> bool {
        let mut own = self.log.iter().filter(|sent| !sent.is_external());
        own.any(|sent| sent.is_in_flight() || now - sent.at < within)
    }
}

#[cfg(test)]
mod tests;
