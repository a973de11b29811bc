//! The log of one group's requests: those the venue may still be counting.
//!
//! Why this log keeps the promise is told in `limiter.rs`.

use std::collections::VecDeque;
use std::time::Duration;

use market_backbone_core::RateLimitRule;
use tokio::time::Instant;

use super::LimiterConfig;
use super::estimate::SendProjection;
use super::journal_record::RecordKind;
use super::peer_log::PeerEvent;
use super::round_trips::RoundTrips;

/// What another process has sent is there after so long, or never will be: that process may have been killed.
const MAX_EXTERNAL_IN_FLIGHT: Duration = Duration::from_secs(5);

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SendOutcome {
    InFlight,
    Answered(Instant),
    /// Given up at this moment: it never arrives, or does a little later.
    Lost(Instant),
    /// Certainly there by this moment.
    Arrived(Instant),
}

/// Whose share of the window a request takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WindowShare {
    Critical,
    Others,
    /// A sender outside this process: another process of this machine, an earlier one, or another user of
    /// this address.
    External,
}

#[derive(Clone, Copy, Debug)]
struct SentRequest {
    /// Of which process; 0: ours, or nobody knows.
    writer: u32,
    id: u64,
    at: Instant,
    share: WindowShare,
    outcome: SendOutcome,
}

impl SentRequest {
    /// The latest moment at which it can have arrived, less `credit` if it was answered. What was given up may
    /// `stray` so much longer.
    fn latest_arrival(&self, credit: Duration, stray: Duration) -> Option<Instant> {
        match self.outcome {
            SendOutcome::InFlight if self.share == WindowShare::External => {
                Some(self.at + MAX_EXTERNAL_IN_FLIGHT)
            }
            SendOutcome::InFlight => None,
            SendOutcome::Answered(at) => Some(at.checked_sub(credit).unwrap_or(at).max(self.at)),
            SendOutcome::Lost(at) => Some(at + stray),
            SendOutcome::Arrived(at) => Some(at),
        }
    }
}

/// When there is room for one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NextSlot {
    Now,
    At(Instant),
    /// There is room when one of the requests in flight has been answered.
    AfterResponse,
}

/// The log.
#[derive(Debug)]
pub(super) struct SendLog {
    hold: Duration,
    late_arrival_grace: Duration,
    log: VecDeque<SentRequest>,
    round_trips: RoundTrips,
}

impl SendLog {
    /// For a group that takes `max` requests in a `window`.
    pub(super) fn new(limit: RateLimitRule, config: &LimiterConfig) -> Self {
        let LimiterConfig { margin, late_arrival_grace: stray, trust_round_trips, .. } = *config;
        let trips = RoundTrips::new(limit.max, trust_round_trips);
        Self {
            hold: limit.window + margin,
            late_arrival_grace: stray,
            log: VecDeque::new(),
            round_trips: trips,
        }
    }

    /// Takes note of a request of ours that is sent now.
    pub(super) fn push(&mut self, id: u64, at: Instant, share: WindowShare) {
        self.log.push_back(SentRequest { writer: 0, id, at, share, outcome: SendOutcome::InFlight });
    }

    /// Takes note of a request that somebody on this address sent, and that arrived just now at the latest.
    pub(super) fn push_external(&mut self, now: Instant) {
        self.log.push_back(SentRequest {
            writer: 0,
            id: 0,
            at: now,
            share: WindowShare::External,
            outcome: SendOutcome::Arrived(now),
        });
    }

    /// Takes note of what another process says of its requests.
    pub(super) fn ingest(&mut self, news: PeerEvent, now: Instant) {
        let PeerEvent { kind: what, writer, number: id, age: ago } = news;
        // The clock of this process may not reach back so far; then it was just now.
        let at = now.checked_sub(ago).unwrap_or(now);
        let fate = match what {
            RecordKind::Sent => SendOutcome::InFlight,
            RecordKind::Answered => SendOutcome::Arrived(at),
            RecordKind::Lost => SendOutcome::Lost(at),
            RecordKind::Unused => return self.log.retain(|sent| (sent.writer, sent.id) != (writer, id)),
            RecordKind::Banned | RecordKind::Paused => return,
        };
        match self.log.iter_mut().find(|sent| (sent.writer, sent.id) == (writer, id)) {
            Some(sent) => sent.outcome = fate,
            None => self.log.push_back(SentRequest {
                writer,
                id,
                at,
                share: WindowShare::External,
                outcome: fate,
            }),
        }
    }

    /// Whether anything of another process is under way: it will not say so when that is answered.
    pub(super) fn is_external_in_flight(&self) -> bool {
        self.log
            .iter()
            .any(|sent| sent.share == WindowShare::External && sent.outcome == SendOutcome::InFlight)
    }

    /// Takes note of what became of a request.
    pub(super) fn resolve(&mut self, id: u64, fate: SendOutcome) {
        let Some(sent) =
            self.log.iter_mut().find(|sent| sent.id == id && sent.share != WindowShare::External)
        else {
            return;
        };
        sent.outcome = fate;
        if let SendOutcome::Answered(at) = fate {
            let trip = at - sent.at;
            self.round_trips.note(at, trip);
        }
    }

    /// Strikes out a turn that was given but never used.
    pub(super) fn remove(&mut self, id: u64) {
        self.log.retain(|sent| sent.id != id || sent.share == WindowShare::External);
    }

    /// When `allowed` requests leave room for one more, counting only those that `counts` says.
    pub(super) fn next_slot(
        &self,
        now: Instant,
        allowed: u32,
        counts: impl Fn(WindowShare) -> bool,
    ) -> NextSlot {
        let credit = self.round_trips.rtt_credit(now);
        let held = self.log.iter().filter(|sent| counts(sent.share));
        let leaves = held.map(|sent| {
            sent.latest_arrival(credit, self.late_arrival_grace).map(|latest| latest + self.hold)
        });
        let mut leaves: Vec<_> = leaves.filter(|leaves| leaves.is_none_or(|at| at > now)).collect();
        let allowed = usize::try_from(allowed).unwrap_or(usize::MAX).max(1);
        let Some(surplus) = leaves.len().checked_sub(allowed) else {
            return NextSlot::Now;
        };
        leaves.sort_unstable_by_key(|at| (at.is_none(), *at));
        leaves[surplus].map_or(NextSlot::AfterResponse, NextSlot::At)
    }

    pub(super) fn round_trips(&self) -> &RoundTrips {
        &self.round_trips
    }

    /// What is to come, if a round trip takes `trip`, nothing is sent before `start` and `allowed` may hold a place.
    pub(super) fn projection(
        &self,
        now: Instant,
        trip: Duration,
        start: Duration,
        allowed: usize,
    ) -> SendProjection {
        let answers_until_credit = self.round_trips.needed_at(now);
        let credit = self.round_trips.expected_rtt_credit(now).unwrap_or(trip / 2);
        let latest = |sent: &SentRequest| {
            sent.latest_arrival(credit, self.late_arrival_grace).unwrap_or_else(|| (sent.at + trip).max(now))
        };
        let mut leaves: Vec<_> =
            self.log.iter().map(|sent| (latest(sent) + self.hold).saturating_duration_since(now)).collect();
        leaves.retain(|leaves| !leaves.is_zero());
        leaves.sort_unstable();
        SendProjection {
            start,
            releases: leaves,
            allowed,
            hold: self.hold,
            round_trip: trip,
            rtt_credit: credit,
            responses_until_credit: answers_until_credit,
        }
    }

    /// How many requests the venue can have counted in a window that ends with the arrival of one sent at
    /// `sent`: every one that was not certainly there a window before.
    pub(super) fn possibly_counted(&self, sent: Instant) -> usize {
        let counted = |other: &&SentRequest| {
            other
                .latest_arrival(Duration::ZERO, self.late_arrival_grace)
                .is_none_or(|at| at + self.hold > sent)
        };
        self.log.iter().filter(counted).count()
    }

    /// Drops what can matter to nobody: neither to the next turn nor to a count still under way.
    pub(super) fn prune(&mut self, now: Instant) {
        let ours = self.log.iter().filter(|sent| sent.share != WindowShare::External);
        let under_way = ours.filter(|sent| sent.outcome == SendOutcome::InFlight).map(|sent| sent.at);
        let horizon = under_way.min().unwrap_or(now);
        let (hold, stray) = (self.hold, self.late_arrival_grace);
        self.log
            .retain(|sent| sent.latest_arrival(Duration::ZERO, stray).is_none_or(|at| at + hold > horizon));
    }

    /// Whether one of ours is under way, or was sent less than `within` ago.
    pub(super) fn any_since(&self, now: Instant, within: Duration) -> bool {
        let ours = self.log.iter().filter(|sent| sent.share != WindowShare::External);
        ours.into_iter().any(|sent| sent.outcome == SendOutcome::InFlight || now - sent.at < within)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(1);
    const ALL: fn(WindowShare) -> bool = |_| true;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn sends(max: u32, margin: u64) -> SendLog {
        let group = market_backbone_core::RateLimitGroup("x");
        let config = LimiterConfig { margin: ms(margin), ..LimiterConfig::default() };
        SendLog::new(RateLimitRule::new(group, max, WINDOW), &config)
    }

    #[test]
    fn a_request_under_way_holds_its_place_until_it_is_answered() {
        let start = Instant::now();
        let mut sends = sends(1, 3);
        sends.push(0, start, WindowShare::Others);
        assert_eq!(sends.next_slot(start + ms(5_000), 1, ALL), NextSlot::AfterResponse);
        sends.resolve(0, SendOutcome::Answered(start + ms(5_000)));
        assert_eq!(sends.next_slot(start + ms(5_000), 1, ALL), NextSlot::At(start + ms(6_003)));
        assert_eq!(sends.next_slot(start + ms(6_003), 1, ALL), NextSlot::Now);
    }

    #[test]
    fn what_was_given_up_may_still_arrive_a_little_later() {
        let start = Instant::now();
        let mut sends = sends(1, 3);
        sends.push(0, start, WindowShare::Others);
        sends.resolve(0, SendOutcome::Lost(start + ms(10)));
        assert_eq!(sends.next_slot(start + ms(10), 1, ALL), NextSlot::At(start + ms(10 + 500 + 1_003)));
    }

    #[test]
    fn a_turn_never_used_leaves_no_trace() {
        let start = Instant::now();
        let mut sends = sends(1, 3);
        sends.push(0, start, WindowShare::Others);
        sends.remove(0);
        assert_eq!(sends.next_slot(start, 1, ALL), NextSlot::Now);
    }

    #[test]
    fn room_comes_when_enough_have_left() {
        let start = Instant::now();
        let mut sends = sends(3, 0);
        for id in 0..3 {
            let at = start + ms(id * 100);
            sends.push(id, at, WindowShare::Others);
            sends.resolve(id, SendOutcome::Answered(at));
        }
        let now = start + ms(300);
        assert_eq!(sends.next_slot(now, 3, ALL), NextSlot::At(start + ms(1_000)));
        assert_eq!(sends.next_slot(now, 2, ALL), NextSlot::At(start + ms(1_100)));
        assert_eq!(sends.next_slot(now, 4, ALL), NextSlot::Now);
    }

    #[test]
    fn our_own_requests_side_by_side_are_not_taken_for_others() {
        let start = Instant::now();
        let mut sends = sends(10, 3);
        for id in 0..10 {
            sends.push(id, start + ms(id), WindowShare::Others);
        }
        // The first is answered while the others are under way: the venue may have seen all ten before.
        assert_eq!(sends.possibly_counted(start), 10);
        sends.resolve(0, SendOutcome::Answered(start + ms(40)));
        assert_eq!(sends.possibly_counted(start + ms(1_500)), 9);
    }
}
