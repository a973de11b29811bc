//! How much of a round trip is certainly on the way, and need not be waited for.
//!
//! The proof (see `limiter.rs`) wants a lower bound of the quickest way there plus the quickest way back.
//! The best round trip seen is an upper bound of that, and a poor one when it is the first or when the
//! network is restless: the first requests of a process all pay for a handshake, so their best is far
//! above what the next requests take. So the bound is given only after two windows' worth of answers, and
//! lies below the best by twice the distance from best to median. On a steady network best and
//! median differ by a millisecond and nearly the whole round trip is saved; on a restless one the
//! bound falls towards zero, which is always safe.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

const KEPT: usize = 64;
/// Of fewer the best is often a poor one, whatever the distance to the median.
const AT_LEAST: usize = 20;
/// Of so many one can guess what they will lead to, which is enough for an estimate and for nothing else.
const FEW: usize = 5;
/// A route's figures are worth nothing once its connections have gone idle and been closed.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(120);

/// The latest round trips of a group.
#[derive(Debug)]
pub(super) struct RoundTrips {
    latest: VecDeque<(Instant, Duration)>,
    needed: usize,
    credit: Duration,
}

impl RoundTrips {
    /// For a group that takes `max` requests in a window.
    pub(super) fn new(max: u32) -> Self {
        let needed = usize::try_from(max).unwrap_or(KEPT).saturating_mul(2).clamp(AT_LEAST, KEPT);
        Self { latest: VecDeque::with_capacity(KEPT), needed, credit: Duration::ZERO }
    }

    /// Takes note of an answer that came at `at`, `trip` after its request.
    pub(super) fn note(&mut self, at: Instant, trip: Duration) {
        while self.latest.front().is_some_and(|(seen, _)| at - *seen > FORGOTTEN_AFTER) {
            self.latest.pop_front();
        }
        if self.latest.len() == KEPT {
            self.latest.pop_front();
        }
        self.latest.push_back((at, trip));
        self.credit = if self.latest.len() < self.needed { Duration::ZERO } else { self.bound() };
    }

    /// What may be taken off an answer's time, as of `now`.
    pub(super) fn credit(&self, now: Instant) -> Duration {
        if self.is_fresh(now) { self.credit } else { Duration::ZERO }
    }

    /// The median, if any was seen lately.
    pub(super) fn typical(&self, now: Instant) -> Option<Duration> {
        let mut trips: Vec<_> = self.latest.iter().map(|(_, trip)| *trip).collect();
        trips.sort_unstable();
        trips.get(trips.len() / 2).copied().filter(|_| self.is_fresh(now))
    }

    /// The credit there is, or the one that the answers so far will lead to; `None` if they are too few to tell.
    pub(super) fn credit_to_be(&self, now: Instant) -> Option<Duration> {
        (self.is_fresh(now) && self.latest.len() >= FEW).then(|| self.bound())
    }

    /// How many more answers it takes until a credit is given.
    pub(super) fn needed_at(&self, now: Instant) -> usize {
        if self.is_fresh(now) { self.needed.saturating_sub(self.latest.len()) } else { self.needed }
    }

    fn is_fresh(&self, now: Instant) -> bool {
        self.latest.back().is_some_and(|(seen, _)| now - *seen <= FORGOTTEN_AFTER)
    }

    fn bound(&self) -> Duration {
        let mut trips: Vec<_> = self.latest.iter().map(|(_, trip)| *trip).collect();
        trips.sort_unstable();
        let (best, median) = (trips[0], trips[trips.len() / 2]);
        best.saturating_sub(2 * (median - best))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(trips: impl IntoIterator<Item = u64>) -> Duration {
        let now = Instant::now();
        let mut seen = RoundTrips::new(10);
        for trip in trips {
            seen.note(now, Duration::from_millis(trip));
        }
        seen.credit(now)
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
    fn it_is_forgotten_when_the_route_has_been_idle() {
        let now = Instant::now();
        let mut seen = RoundTrips::new(1);
        for _ in 0..AT_LEAST {
            seen.note(now, Duration::from_millis(40));
        }
        assert_eq!(seen.credit(now + FORGOTTEN_AFTER), Duration::from_millis(40));
        assert_eq!(seen.credit(now + FORGOTTEN_AFTER + Duration::from_millis(1)), Duration::ZERO);
    }
}
