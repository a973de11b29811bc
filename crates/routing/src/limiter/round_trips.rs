//! The part of a round trip that every request certainly spends on its way, and that need not be waited for.
//!
//! The proof (see `limiter.rs`) needs a lower bound of the quickest way there plus the quickest way back. The best round
//! trip seen is an upper bound of that, so the credit is the best less a guard. No credit is given before two windows'
//! worth of answers: the first requests of a process all pay for a handshake.
//!
//! The guard comes from the lowest order statistics. Take the `k` quickest of the answers. Below the slowest of them, at
//! `x_k`, the other `k - 1` lie where the network's distribution puts them, and the quickest possible trip `q` lies
//! somewhere below the best, `x_1`. If both ways vary, the chance that one of them lies within the part `t` of the
//! distance from `q` to `x_k` is `t²` at least (`t` if one way varies). So `x_1` lies higher than that with a chance of at
//! most `(1 - t²)^(k - 1)`. With `t` such that this is one in ten thousand, `q >= x_1 - t / (1 - t) · (x_k - x_1)`. This
//! holds for every `k`, so the smallest of a few guards is taken: all answers where trips vary evenly, fewer where some
//! take much longer than the rest (a queue at the venue, a lost packet), which say nothing about the quickest.
//!
//! On a steady network the best and the rest differ by a millisecond and nearly the whole round trip is saved. Where trips
//! vary, the guard shrinks as answers are counted: at 40 to 60 ms it is 13 ms after 40 answers and 5 ms after 200.
//!
//! The assumption is that the route of the next second is one of those of the last minutes. An answer that comes sooner than
//! the credit shows that it is not: all samples are dropped, and twice as many answers as before are needed until a credit
//! is given again. The credit never exceeds the quickest trip of a request that still counts.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// The number of answers from which the credit is computed.
const MAX_SAMPLES: usize = 256;
/// The number of answers from which the median is computed.
const MEDIAN_SAMPLES: usize = 64;
/// The fewest answers for a credit: the best of fewer is often poor, whatever its distance to the others.
const MIN_SAMPLES: usize = 20;
/// The fewest answers for an estimate of the credit, which is good enough for an estimate of time and for
/// nothing else.
const MIN_ESTIMATE_SAMPLES: usize = 5;
/// The age above which samples are dropped, because idle connections were closed.
const EXPIRES_AFTER: Duration = Duration::from_secs(120);
/// The chance that the quickest possible trip lies below the guard, where trips are independent.
const RISK: f64 = 1e-4;

/// The latest round trips of a group.
#[derive(Debug)]
pub(super) struct RoundTrips {
    trusted: bool,
    latest: VecDeque<(Instant, Duration)>,
    /// The same trips, quickest first.
    sorted: Vec<Duration>,
    needed: usize,
    credit: Duration,
    /// The quickest trips of the last `counted_for`: each is quicker than all earlier ones that are left.
    quickest: VecDeque<(Instant, Duration)>,
    counted_for: Duration,
}

impl RoundTrips {
    /// Creates an empty one for a group that takes `max` requests in a window and counts each for `counted_for`. Unless
    /// `trusted` it gives no credit.
    pub(super) fn new(max: u32, counted_for: Duration, trusted: bool) -> Self {
        let needed = usize::try_from(max)
            .unwrap_or(MEDIAN_SAMPLES)
            .saturating_mul(2)
            .clamp(MIN_SAMPLES, MEDIAN_SAMPLES);
        Self {
            trusted,
            latest: VecDeque::with_capacity(MAX_SAMPLES),
            sorted: Vec::with_capacity(MAX_SAMPLES),
            needed,
            credit: Duration::ZERO,
            quickest: VecDeque::new(),
            counted_for,
        }
    }

    /// Adds an answer that came at `at`, `trip` after its request.
    pub(super) fn note(&mut self, at: Instant, trip: Duration) {
        while self.latest.front().is_some_and(|(seen, _)| at - *seen > EXPIRES_AFTER) {
            self.drop_oldest();
        }
        if trip < self.credit {
            tracing::debug!(?trip, credit = ?self.credit, "an answer came sooner than was thought possible");
            self.latest.clear();
            self.sorted.clear();
            self.needed = (self.needed * 2).min(MAX_SAMPLES);
        }
        if self.latest.len() == MAX_SAMPLES {
            self.drop_oldest();
        }
        self.latest.push_back((at, trip));
        self.sorted.insert(self.sorted.partition_point(|other| *other <= trip), trip);
        self.note_quickest(at, trip);
        self.credit = if self.latest.len() < self.needed { Duration::ZERO } else { self.bound() };
    }

    fn drop_oldest(&mut self) {
        let Some((_, trip)) = self.latest.pop_front() else { return };
        if let Ok(place) = self.sorted.binary_search(&trip) {
            self.sorted.remove(place);
        }
    }

    fn note_quickest(&mut self, at: Instant, trip: Duration) {
        while self.quickest.back().is_some_and(|(_, other)| *other >= trip) {
            self.quickest.pop_back();
        }
        self.quickest.push_back((at, trip));
        while self.quickest.front().is_some_and(|(seen, _)| at - *seen > self.counted_for) {
            self.quickest.pop_front();
        }
    }

    /// Returns what may be subtracted from the time of an answer, as of `now`.
    pub(super) fn rtt_credit(&self, now: Instant) -> Duration {
        if self.is_fresh(now) { self.credit } else { Duration::ZERO }
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
        let counted = self.quickest.front().map(|(_, trip)| *trip);
        let Some((best, counted)) = self.sorted.first().copied().zip(counted).filter(|_| self.trusted) else {
            return Duration::ZERO;
        };
        let all = self.sorted.len();
        // Fewer than half may be those that a handshake or a pause has spared: they count from twenty on.
        let quarter = Some(all / 4 + 1).filter(|count| *count >= MIN_SAMPLES);
        let counts = [all / 2 + 1, all * 3 / 4, all].into_iter().chain(quarter);
        let guards = counts.map(|count| guard(count, self.sorted[count.clamp(1, all) - 1] - best));
        best.saturating_sub(guards.min().unwrap_or(best)).min(counted)
    }
}

/// Returns how far below the best of `count` trips, which differ by up to `spread`, the quickest possible one may lie.
fn guard(count: usize, spread: Duration) -> Duration {
    let others = count.saturating_sub(1).max(1) as f64;
    let part = (1.0 - RISK.powf(1.0 / others)).sqrt();
    spread.mul_f64(part / (1.0 - part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(trips: impl IntoIterator<Item = u64>) -> Duration {
        let now = Instant::now();
        let mut seen = RoundTrips::new(10, Duration::from_secs(1), true);
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
        let some = |count| after([40, 44, 48].repeat(count)).as_millis();
        assert_eq!([10, 20, 50].map(some), [31, 35, 40]);
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
        let mut seen = RoundTrips::new(10, Duration::from_secs(1), false);
        for _ in 0..100 {
            seen.note(now, Duration::from_millis(40));
        }
        assert_eq!(seen.rtt_credit(now), Duration::ZERO);
    }

    #[test]
    fn it_is_forgotten_when_the_route_has_been_idle() {
        let now = Instant::now();
        let mut seen = RoundTrips::new(1, Duration::from_secs(1), true);
        for _ in 0..MIN_SAMPLES {
            seen.note(now, Duration::from_millis(40));
        }
        assert_eq!(seen.rtt_credit(now + EXPIRES_AFTER), Duration::from_millis(40));
        assert_eq!(seen.rtt_credit(now + EXPIRES_AFTER + Duration::from_millis(1)), Duration::ZERO);
    }
}
