//! The log of one group's requests: those that the venue may still count.
//!
//! `limiter.rs` proves that this log keeps the promise.

use std::time::Duration;

use market_backbone_core::RateLimitRule;
use tokio::time::Instant;

use super::LimiterConfig;
use super::estimate::WindowProjection;
use super::in_flight::InFlightRequests;
use super::journal::{PeerEvent, RecordKind};
use super::round_trips::RoundTrips;
use super::rule_set::RuleWindow;
use super::sent_request::{SendOutcome, WindowShare};
use super::settled_requests::{CountedShare, SettledRequests, WindowUsage};

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
    in_flight: InFlightRequests,
    /// The requests of this process that were answered. They arrived a round-trip credit before that.
    answered: SettledRequests,
    /// All others whose latest arrival is known, without any credit.
    others: SettledRequests,
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
            in_flight: InFlightRequests::default(),
            answered: SettledRequests::default(),
            others: SettledRequests::default(),
            round_trips: RoundTrips::new(most, longest + margin, trust_round_trips),
        }
    }

    /// Adds a request of this process that is sent at `at`.
    pub(super) fn push(&mut self, id: u64, at: Instant, share: WindowShare, weight: u32) {
        self.in_flight.push(id, at, share, weight);
    }

    /// Adds the budget that an unknown sender used: `amount`, which arrived just now at the latest.
    pub(super) fn push_external(&mut self, now: Instant, amount: u32) {
        self.others.insert(now, None, WindowUsage::of(WindowShare::External, amount, amount));
    }

    /// Adds an event of another process's request.
    ///
    /// An event that is told twice, because the file was replaced, counts twice: that is slower, and never too fast.
    pub(super) fn ingest(&mut self, event: PeerEvent, now: Instant) {
        let PeerEvent { kind, writer, number: id, weight, age } = event;
        // The clock of this process may not reach back that far; then it counts as of now.
        let at = now.checked_sub(age).unwrap_or(now);
        let usage = WindowUsage::of(WindowShare::External, weight, 1);
        let arrived = match kind {
            RecordKind::Sent => return self.in_flight.push_external((writer, id), at, usage),
            RecordKind::Answered => at,
            RecordKind::Lost => at + self.late_arrival_grace,
            RecordKind::Unused => {
                self.in_flight.take_external((writer, id));
                return;
            }
            RecordKind::Banned | RecordKind::Paused => return,
        };
        let usage = self.in_flight.take_external((writer, id)).unwrap_or(usage);
        self.others.insert(arrived, None, usage);
    }

    /// Returns whether a request of another process is in flight: its answer causes no event here.
    pub(super) fn is_external_in_flight(&self) -> bool {
        self.in_flight.has_external()
    }

    /// Corrects the time of sending: the permit was granted a little after it was decided.
    pub(super) fn sent_at(&mut self, id: u64, at: Instant) {
        self.in_flight.sent_at(id, at);
    }

    /// Records the outcome of a request of this process.
    pub(super) fn resolve(&mut self, id: u64, outcome: SendOutcome) {
        let Some(sent) = self.in_flight.take(id) else { return };
        match outcome {
            SendOutcome::Answered(at) => {
                self.answered.insert(at, Some(sent.at), sent.usage);
                self.round_trips.note(at, at - sent.at);
            }
            SendOutcome::Lost(at) => {
                self.others.insert(at + self.late_arrival_grace, Some(sent.at), sent.usage);
            }
        }
    }

    /// Removes a request of this process that will not be sent, and returns its weight.
    pub(super) fn remove(&mut self, id: u64) -> u32 {
        self.in_flight.take(id).map_or(0, |sent| sent.weight)
    }

    /// Returns when `allowed` of a window leave room for a request of `weight`, counting those that `counted` names.
    ///
    /// A request heavier than `allowed` (a venue's complaint may have made that small) goes alone.
    pub(super) fn next_slot(
        &self,
        now: Instant,
        window: &RuleWindow,
        allowed: u32,
        weight: u32,
        counted: CountedShare,
    ) -> NextSlot {
        let charge = u64::from(window.rule.charge(weight));
        if charge == 0 {
            return NextSlot::Now;
        }
        let room = u64::from(allowed).max(charge) - charge;
        let amount = |usage: WindowUsage| usage.amount(window.rule.unit, counted);
        let in_flight = amount(self.in_flight.own_usage());
        if in_flight > room {
            return NextSlot::AfterResponse;
        }
        let credit = self.round_trips.rtt_credit(now);
        let answered_release =
            |arrived: Instant| window.release(arrived.checked_sub(credit).unwrap_or(arrived));
        let answered = self.answered.held(|arrived| answered_release(arrived) <= now);
        let others = self.others.held(|arrived| window.release(arrived) <= now);
        let mut external: Vec<_> =
            self.in_flight.external().map(|(at, usage)| (window.release(at), usage)).collect();
        external.retain(|(release, _)| *release > now);
        let settled = amount(answered.usage()) + amount(others.usage());
        let mut used = in_flight + settled + external.iter().map(|(_, usage)| amount(*usage)).sum::<u64>();
        if used <= room {
            return NextSlot::Now;
        }
        external.sort_unstable_by_key(|(release, _)| *release);
        let mut answered =
            answered.iter().map(|entry| (answered_release(entry.arrived), entry.usage)).peekable();
        let mut others = others.iter().map(|entry| (window.release(entry.arrived), entry.usage)).peekable();
        let mut external = external.into_iter().peekable();
        loop {
            let heads = [answered.peek(), others.peek(), external.peek()];
            let first = heads.into_iter().flatten().map(|(release, _)| *release).min();
            // What is in flight leaves room, so that all others together do.
            let Some(first) = first else { return NextSlot::Now };
            while let Some((_, usage)) = answered
                .next_if(|(release, _)| *release == first)
                .or_else(|| others.next_if(|(release, _)| *release == first))
                .or_else(|| external.next_if(|(release, _)| *release == first))
            {
                used -= amount(usage);
            }
            if used <= room {
                return NextSlot::At(first);
            }
        }
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
        let early = |arrived: Instant| arrived.checked_sub(credit).unwrap_or(arrived);
        let answered = self.answered.held(|arrived| window.release(early(arrived)) <= now);
        let others = self.others.held(|arrived| window.release(arrived) <= now);
        let answered = answered.iter().map(|entry| (early(entry.arrived), entry.usage));
        let others = others.iter().map(|entry| (entry.arrived, entry.usage));
        let own = self.in_flight.own().map(|(sent, usage)| ((sent + trip).max(now), usage));
        let all = answered.chain(others).chain(own).chain(self.in_flight.external());
        let left = |arrived| window.release(arrived).saturating_duration_since(now);
        let amount = |usage: WindowUsage| usage.amount(window.rule.unit, CountedShare::All);
        let mut releases: Vec<_> = all.map(|(arrived, usage)| (left(arrived), amount(usage))).collect();
        releases.retain(|(left, _)| !left.is_zero());
        // These are a few runs in order, which this sort makes use of.
        releases.sort();
        WindowProjection { rule: window.rule, hold: window.hold, allowed, releases }
    }

    /// Returns how much the venue can have counted in a window that ends with the arrival of a request sent at `sent`:
    /// everything that had not certainly arrived a window before.
    pub(super) fn possibly_counted(&self, window: &RuleWindow, sent: Instant) -> u64 {
        let gone = |arrived: Instant| arrived + window.hold <= sent;
        let external = self.in_flight.external().filter(|(arrived, _)| !gone(*arrived));
        let in_flight = external.fold(self.in_flight.own_usage(), |sum, (_, usage)| sum + usage);
        let all = self.answered.held(gone).usage() + self.others.held(gone).usage() + in_flight;
        all.amount(window.rule.unit, CountedShare::All)
    }

    /// Drops what matters no more, neither to the next permit nor to a reply that is still to come.
    pub(super) fn prune(&mut self, now: Instant) {
        let horizon = self.in_flight.own().map(|(sent, _)| sent).min().unwrap_or(now);
        let hold = self.longest_hold;
        self.answered.drop_while(|arrived| arrived + hold <= horizon);
        self.others.drop_while(|arrived| arrived + hold <= horizon);
        self.in_flight.prune_external(horizon, hold);
    }

    /// Returns whether a request of this process is in flight, or was sent less than `within` ago.
    pub(super) fn any_since(&self, now: Instant, within: Duration) -> bool {
        let recent = |at: Instant| now.saturating_duration_since(at) < within;
        self.in_flight.has_own() || self.answered.any_sent(recent) || self.others.any_sent(recent)
    }
}

#[cfg(test)]
mod tests;
