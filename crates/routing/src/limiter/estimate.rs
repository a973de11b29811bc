//! How long a number of requests will take: the limiter's own rules, played through ahead of time.
//!
//! Nothing is sent and nobody's place changes. What goes in is what the log holds now and how long a round trip
//! takes; what comes out is when the last answer of so many more requests would arrive if all of them were
//! waiting already and nobody else sent any.

use std::time::Duration;

/// Beyond so many requests the rest is taken to go at the same pace.
const MAX_SIMULATED: u64 = 100_000;

/// An estimate of how long some requests will take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompletionEstimate {
    /// The time until the last of them is answered.
    pub takes: Duration,
    /// The round-trip time used in the estimate.
    pub round_trip: Duration,
    /// True if the round-trip time was measured lately; if not, it is an assumption.
    pub measured: bool,
}

/// What a group's log looks like at the moment of the question; all times count from it.
#[derive(Clone, Debug)]
pub(super) struct SendProjection {
    /// Nothing is sent before this.
    pub(super) start: Duration,
    /// When each request that holds a place will have left, soonest first.
    pub(super) releases: Vec<Duration>,
    /// Requests that may hold a place at once.
    pub(super) allowed: usize,
    /// How long a place is held after the arrival: the window and the margin.
    pub(super) hold: Duration,
    pub(super) round_trip: Duration,
    /// What of the round trip is not waited for, once it is known well enough.
    pub(super) rtt_credit: Duration,
    /// How many more answers it takes until it is.
    pub(super) responses_until_credit: usize,
}

impl SendProjection {
    /// When the last of `requests` will be answered.
    pub(super) fn completed_after(&self, requests: u64) -> Duration {
        if requests == 0 { Duration::ZERO } else { self.granted_after(requests) + self.round_trip }
    }

    /// When the last of `requests`, which is at least one, will have its turn.
    pub(super) fn granted_after(&self, requests: u64) -> Duration {
        let requests = requests.max(1);
        let played = usize::try_from(requests.min(MAX_SIMULATED)).unwrap_or(usize::MAX);
        let mut sent: Vec<Duration> = Vec::with_capacity(played);
        for _ in 0..played {
            let earliest = sent.last().copied().unwrap_or(self.start);
            let place = (self.releases.len() + sent.len()).checked_sub(self.allowed.max(1));
            sent.push(place.map_or(earliest, |place| earliest.max(self.released_after(place, &sent))));
        }
        let last = sent.last().copied().unwrap_or_default();
        let beyond = (requests - played as u64) as f64 / played as f64;
        last + last.mul_f64(beyond)
    }

    /// Returns when the request at `place`, counted from the oldest in the log, leaves the log.
    fn released_after(&self, place: usize, sent: &[Duration]) -> Duration {
        if let Some(leaves) = self.releases.get(place) {
            return *leaves;
        }
        let answered = sent[place - self.releases.len()] + self.round_trip;
        let soonest = answered + self.hold - self.rtt_credit.min(self.round_trip);
        let answers = sent.partition_point(|sent| *sent + self.round_trip <= soonest);
        if answers >= self.responses_until_credit { soonest } else { answered + self.hold }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn fresh(trip: u64) -> SendProjection {
        SendProjection {
            start: Duration::ZERO,
            releases: Vec::new(),
            allowed: 10,
            hold: ms(1_003),
            round_trip: ms(trip),
            rtt_credit: ms(trip),
            responses_until_credit: 20,
        }
    }

    #[test]
    fn a_window_goes_at_once_and_each_further_one_costs_a_window() {
        let outlook = SendProjection { responses_until_credit: 0, ..fresh(40) };
        for (requests, want) in [(0, 0), (1, 40), (10, 40), (11, 1_043), (20, 1_043), (100, 9_067)] {
            assert_eq!(outlook.completed_after(requests), ms(want), "{requests}");
        }
    }

    #[test]
    fn until_the_round_trip_is_known_it_is_waited_for() {
        assert_eq!(fresh(40).completed_after(11), ms(1_083));
        assert_eq!(fresh(40).completed_after(21), ms(2_086), "twenty answers are enough");
        assert_eq!(fresh(40).completed_after(100), ms(9_107));
    }

    #[test]
    fn what_is_in_the_log_already_is_waited_for() {
        let leaves = vec![ms(300), ms(400), ms(500)];
        let outlook = SendProjection { releases: leaves, responses_until_credit: 0, ..fresh(40) };
        assert_eq!(outlook.completed_after(7), ms(40));
        assert_eq!(outlook.completed_after(8), ms(340));
        assert_eq!(SendProjection { start: ms(700), ..outlook }.completed_after(8), ms(740));
    }

    #[test]
    fn very_many_are_told_by_proportion() {
        let outlook = SendProjection { responses_until_credit: 0, ..fresh(0) };
        let (some, twice) =
            (outlook.completed_after(MAX_SIMULATED), outlook.completed_after(2 * MAX_SIMULATED));
        assert_eq!(twice, some * 2);
    }
}
