//! The part of a round trip that every request certainly spends on its way, and that need not be waited for.
//!
//! The proof (see `limiter.rs`) needs a lower bound of the quickest way there plus the quickest way back. The
//! best round trip seen is an upper bound of that. It is a poor one when it is the first or when the
//! network's latency varies: the first requests of a process all pay for a handshake, so their best is far
//! above what the next requests take. So the bound is given only after two windows' worth of answers, and
//! lies below the best by a guard. The guard is a multiple of the distance from best to median: three times
//! while few answers are known, once when there are many, since the best of many is nearly the best there is.
//! (If both ways varied equally, the best of 128 would have to lie above the quickest possible by half of the
//! whole variation for that to fail: once in 26 million.) On a steady network best and median differ by a
//! millisecond and nearly the whole round trip is saved; on a varying one the bound falls towards zero, which
//! is always safe.
//!
//! The assumption is that the route of the next second is one of those of the last minutes. An answer that
//! comes sooner than the bound shows that it is not: all samples are dropped, and twice as many answers as
//! before are needed until a bound is given again.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// The number of answers from which the bound is computed.
const MAX_SAMPLES: usize = 256;
/// The number of answers from which the median is computed.
const MEDIAN_SAMPLES: usize = 64;
/// The fewest answers for a bound: the best of fewer is often poor, whatever its distance to the median.
const MIN_SAMPLES: usize = 20;
/// The fewest answers for an estimate of the bound, which is good enough for an estimate of time and for
/// nothing else.
const MIN_ESTIMATE_SAMPLES: usize = 5;
/// The age above which samples are dropped, because idle connections were closed.
const EXPIRES_AFTER: Duration = Duration::from_secs(120);

/// The latest round trips of a group.
#[derive(Debug)]
pub(super) struct RoundTrips {
    trusted: bool,
    latest: VecDeque<(Instant, Duration)>,
    needed: usize,
    rtt_credit: Duration,
}

impl RoundTrips {
    /// Creates an empty one for a group that takes `max` requests in a window. Unless `trusted` it gives no
    /// credit.
    pub(super) fn new(max: u32, trusted: bool) -> Self {
        let needed = usize::try_from(max)
            .unwrap_or(MEDIAN_SAMPLES)
            .saturating_mul(2)
            .clamp(MIN_SAMPLES, MEDIAN_SAMPLES);
        Self { trusted, latest: VecDeque::with_capacity(MAX_SAMPLES), needed, rtt_credit: Duration::ZERO }
    }

    /// Adds an answer that came at `at`, `trip` after its request.
    pub(super) fn note(&mut self, at: Instant, trip: Duration) {
        while self.latest.front().is_some_and(|(seen, _)| at - *seen > EXPIRES_AFTER) {
            self.latest.pop_front();
        }
        if trip < self.rtt_credit {
            tracing::debug!(?trip, credit = ?self.rtt_credit, "an answer came sooner than was thought possible");
            self.latest.clear();
            self.needed = (self.needed * 2).min(MAX_SAMPLES);
        }
        if self.latest.len() == MAX_SAMPLES {
            self.latest.pop_front();
        }
        self.latest.push_back((at, trip));
        self.rtt_credit = if self.latest.len() < self.needed { Duration::ZERO } else { self.bound() };
    }

    /// Returns what may be subtracted from the time of an answer, as of `now`.
    pub(super) fn rtt_credit(&self, now: Instant) -> Duration {
        if self.is_fresh(now) { self.rtt_credit } else { Duration::ZERO }
    }

    /// Returns the median of the latest, if any was seen lately.
    pub(super) fn median(&self, now: Instant) -> Option<Duration> {
        let mut trips: Vec<_> =
            self.latest.iter().rev().take(MEDIAN_SAMPLES).map(|(_, trip)| *trip).collect();
        trips.sort_unstable();
        trips.get(trips.len() / 2).copied().filter(|_| self.is_fresh(now))
    }

    /// Returns the credit, or the one that the answers so far will lead to; `None` if they are too few to tell.
    pub(super) fn expected_rtt_credit(&self, now: Instant) -> Option<Duration> {
        (self.is_fresh(now) && self.latest.len() >= MIN_ESTIMATE_SAMPLES).then(|| self.bound())
    }

    /// Returns how many more answers it takes until a credit is given.
    pub(super) fn needed_at(&self, now: Instant) -> usize {
        if self.is_fresh(now) { self.needed.saturating_sub(self.latest.len()) } else { self.needed }
    }

    fn is_fresh(&self, now: Instant) -> bool {
        self.latest.back().is_some_and(|(seen, _)| now - *seen <= EXPIRES_AFTER)
    }

    fn bound(&self) -> Duration {
        if !self.trusted {
            return Duration::ZERO;
        }
        let mut trips: Vec<_> = self.latest.iter().map(|(_, trip)| *trip).collect();
        trips.sort_unstable();
        let (best, median) = (trips[0], trips[trips.len() / 2]);
        let times = match trips.len() {
            ..40 => 3,
            40..128 => 2,
            _ => 1,
        };
        best.saturating_sub(times * (median - best))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(trips: impl IntoIterator<Item = u64>) -> Duration {
        let now = Instant::now();
        let mut seen = RoundTrips::new(10, true);
        for trip in trips {
            seen.note(now, Duration::from_millis(trip));
        }
        seen.rtt_credit(now)
    }

    #[test]
    fn nothing_is_believed_before_two_windows_have_been_answered() {
        assert_eq!(after([40; 19]), Duration::ZERO);
        assert_eq!(after([40; 20]), Duration::from_millis(40));
    }

    #[test]
    fn handshakes_do_not_raise_it() {
        let mixed = |cold, warm| after([120].repeat(cold).into_iter().chain([40].repeat(warm)));
        assert_eq!(mixed(10, 11), Duration::from_millis(40));
        assert_eq!(mixed(11, 10), Duration::ZERO);
    }

    #[test]
    fn a_restless_network_gets_no_credit() {
        assert_eq!(after([20, 60, 30, 70, 45, 90, 25].repeat(3)), Duration::ZERO);
    }

    #[test]
    fn the_more_is_known_the_less_is_guarded_against() {
        let some = |count| after([40, 44, 48].repeat(count));
        assert_eq!(some(10), Duration::from_millis(28));
        assert_eq!(some(20), Duration::from_millis(32));
        assert_eq!(some(50), Duration::from_millis(36));
    }

    #[test]
    fn a_quicker_answer_than_was_thought_possible_undoes_what_was_learnt() {
        let (steady, surprise) = ([40].repeat(60), [20]);
        assert_eq!(after([&steady[..], &surprise].concat()), Duration::ZERO);
        assert_eq!(after([&steady[..], &surprise, &[40; 38]].concat()), Duration::ZERO);
        assert!(after([&steady[..], &surprise, &[21; 39]].concat()) > Duration::ZERO);
    }

    #[test]
    fn where_nothing_is_to_be_assumed_an_answer_is_waited_for() {
        let now = Instant::now();
        let mut seen = RoundTrips::new(10, false);
        for _ in 0..100 {
            seen.note(now, Duration::from_millis(40));
        }
        assert_eq!(seen.rtt_credit(now), Duration::ZERO);
    }

    #[test]
    fn it_is_forgotten_when_the_route_has_been_idle() {
        let now = Instant::now();
        let mut seen = RoundTrips::new(1, true);
        for _ in 0..MIN_SAMPLES {
            seen.note(now, Duration::from_millis(40));
        }
        assert_eq!(seen.rtt_credit(now + EXPIRES_AFTER), Duration::from_millis(40));
        assert_eq!(seen.rtt_credit(now + EXPIRES_AFTER + Duration::from_millis(1)), Duration::ZERO);
    }
}
