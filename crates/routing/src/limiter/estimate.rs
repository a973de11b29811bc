//! Estimates how long a number of requests will take, by simulating the limiter's own rules.
//!
//! Nothing is sent and no queue changes. The simulation begins with the current log and the time of a round
//! trip. It ends with the last answer of the given number of further requests, if all of them waited already
//! and nobody else sent any.

use std::time::Duration;

use market_backbone_core::RateLimitRule;

/// The largest number of simulated requests; the rest are taken to go at the same pace.
const MAX_SIMULATED: u64 = 100_000;

/// An estimate of how long some requests will take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompletionEstimate {
    /// The time until the last of them is answered.
    pub takes: Duration,
    /// The assumed time of one round trip.
    pub round_trip: Duration,
    /// True if the round trip was measured lately; if not, it is an assumption.
    pub measured: bool,
}

/// Requests in the order in which they will get their permits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Workload {
    /// The weights of those that come first.
    pub(super) ahead: Vec<u32>,
    /// The number of requests after those.
    pub(super) requests: u64,
    /// The weight of each of these.
    pub(super) weight: u32,
}

impl Workload {
    fn weights(&self) -> impl Iterator<Item = u32> {
        self.ahead.iter().copied().chain(std::iter::repeat(self.weight))
    }
}

/// The state of a group at the moment of the question. All times count from it.
#[derive(Clone, Debug)]
pub(super) struct SendProjection {
    /// Nothing is sent before this.
    pub(super) start: Duration,
    /// How the window of each rule will empty.
    pub(super) windows: Vec<WindowProjection>,
    pub(super) round_trip: Duration,
    /// The part of the round trip that is not waited for, once it is known well enough.
    pub(super) rtt_credit: Duration,
    /// The number of answers after which it is.
    pub(super) responses_until_credit: usize,
}

/// How the window of one rule will empty.
#[derive(Clone, Debug)]
pub(super) struct WindowProjection {
    pub(super) rule: RateLimitRule,
    /// The time for which a request counts after its arrival: the window and the margin.
    pub(super) hold: Duration,
    /// The current allowance of the window.
    pub(super) allowed: u32,
    /// The times at which counted requests leave, with their weights; soonest first.
    pub(super) releases: Vec<(Duration, u64)>,
}

impl SendProjection {
    /// Returns when the last of these requests will be answered.
    pub(super) fn completed_after(&self, load: &Workload) -> Duration {
        if load.requests == 0 { Duration::ZERO } else { self.granted_after(load) + self.round_trip }
    }

    /// Returns when the last of these requests will have its permit.
    pub(super) fn granted_after(&self, load: &Workload) -> Duration {
        let requests = (load.ahead.len() as u64 + load.requests).max(1);
        let simulated = usize::try_from(requests.min(MAX_SIMULATED)).unwrap_or(usize::MAX);
        let mut windows: Vec<_> = self.windows.iter().map(SimulatedWindow::new).collect();
        let mut sent: Vec<(Duration, u32)> = Vec::with_capacity(simulated);
        for weight in load.weights().take(simulated) {
            let mut at = sent.last().map_or(self.start, |(at, _)| *at);
            for window in &mut windows {
                at = at.max(window.room(weight, &sent, self));
            }
            sent.push((at, weight));
        }
        let last = sent.last().map(|(at, _)| *at).unwrap_or_default();
        let beyond = (requests - simulated as u64) as f64 / simulated as f64;
        last + last.mul_f64(beyond)
    }

    /// Returns when a request sent at `at` no longer counts in a window that holds it for `hold`.
    fn released_after(&self, at: Duration, hold: Duration, sent: &[(Duration, u32)]) -> Duration {
        let answered = at + self.round_trip;
        let soonest = answered + hold - self.rtt_credit.min(self.round_trip);
        let answers = sent.partition_point(|(sent, _)| *sent + self.round_trip <= soonest);
        if answers >= self.responses_until_credit { soonest } else { answered + hold }
    }
}

/// A window during the simulation: it holds the releases from `oldest` on, then the simulated requests.
#[derive(Debug)]
struct SimulatedWindow<'a> {
    window: &'a WindowProjection,
    oldest: usize,
    used: u64,
}

impl<'a> SimulatedWindow<'a> {
    fn new(window: &'a WindowProjection) -> Self {
        Self { window, oldest: 0, used: window.releases.iter().map(|(_, charge)| charge).sum() }
    }

    /// Makes room for a request of `weight`, and returns when there is room.
    fn room(&mut self, weight: u32, sent: &[(Duration, u32)], projection: &SendProjection) -> Duration {
        let rule = &self.window.rule;
        let charge = u64::from(rule.charge(weight));
        let allowed = u64::from(self.window.allowed).max(charge);
        let mut at = Duration::ZERO;
        while self.used + charge > allowed {
            let (leaves, released) = match self.window.releases.get(self.oldest) {
                Some(release) => *release,
                None => {
                    let (left, weight) = sent[self.oldest - self.window.releases.len()];
                    let leaves = projection.released_after(left, self.window.hold, sent);
                    (leaves, u64::from(rule.charge(weight)))
                }
            };
            self.oldest += 1;
            self.used -= released;
            at = at.max(leaves);
        }
        self.used += charge;
        at
    }
}

#[cfg(test)]
mod tests;
