//! A filter that keeps a state from going backwards, when two sockets deliver it or when the frames of one
//! are reordered.
//!
//! A state with an earlier time than the known one is stale. At the same time, the latest state of one
//! connection counts. A state from another connection is then stale if it has grown less, is the same, or has
//! already been superseded at that time.

use std::cmp::Ordering;
use std::hash::Hasher;

use rustc_hash::FxHasher;

/// The time after the last value during which an older one counts as stale.
///
/// After that the venue's own clock must have stepped back; refusing older values would silence the channel.
const STALE_WINDOW_MILLIS: u64 = 10_000;

/// The number of states of one moment that are told apart.
const MAX_SUPERSEDED: usize = 16;

/// The connection that brought an event, and the time of arrival on a monotonic clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameArrival {
    /// The connection's number, counted from 1.
    pub connection: u64,
    /// The time of arrival, in milliseconds since a moment that is the same for all arrivals.
    pub millis: u64,
}

/// The version of a state: the venue's time, then a quantity that only grows at that time, if there is one.
pub(in crate::live) type StateVersion = (i64, f64);

/// A filter that knows the latest state.
#[derive(Debug, Default)]
pub(in crate::live) struct StaleFilter {
    /// The arrival of the known state; connection 0: nothing is known.
    source: FrameArrival,
    version: StateVersion,
    /// Hashes of the states of the same time that it replaced.
    superseded: Vec<u64>,
}

impl StaleFilter {
    /// Accepts a state, or returns `false` if it is stale.
    ///
    /// `words` returns the words of the state and `known` those of the known one; they are seldom needed. `received` is the position of the word that differs
    /// whenever a state is received again.
    pub(in crate::live) fn accept<const N: usize>(
        &mut self,
        from: FrameArrival,
        age: StateVersion,
        words: impl Fn() -> [u64; N],
        received: usize,
        known: impl Fn() -> Option<[u64; N]>,
    ) -> bool {
        let order = age.partial_cmp(&self.version);
        let is_known = self.source.connection != 0;
        let same_age = order == Some(Ordering::Equal) && is_known;
        let other = self.source.connection != from.connection;
        let straggler = is_known
            && match order {
                Some(Ordering::Less) if other || age.0 < self.version.0 => {
                    from.millis.saturating_sub(self.source.millis) <= STALE_WINDOW_MILLIS
                }
                Some(Ordering::Equal) if other => {
                    let hash = hash(&words(), received);
                    known().is_some_and(|known| self::hash(&known, received) == hash)
                        || self.superseded.contains(&hash)
                }
                _ => false,
            };
        if straggler {
            return false;
        }
        if !same_age {
            self.superseded.clear();
        } else if let Some(replaced) = known() {
            self.superseded.truncate(MAX_SUPERSEDED - 1);
            self.superseded.insert(0, hash(&replaced, received));
        }
        (self.source, self.version) = (from, age);
        true
    }
}

/// Hashes all words but the one at `except`.
fn hash(words: &[u64], except: usize) -> u64 {
    let mut hasher = FxHasher::default();
    words.iter().enumerate().filter(|(at, _)| *at != except).for_each(|(_, word)| hasher.write_u64(*word));
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A state of one channel: the word that counts and the time of receipt.
    #[derive(Default)]
    struct FilteredTestChannel {
        filter: StaleFilter,
        words: Option<[u64; 2]>,
        clock: u64,
    }

    impl FilteredTestChannel {
        fn receive(&mut self, connection: u64, time: i64, content: u64) -> bool {
            self.clock += 1;
            let (words, known) = ([content, self.clock], self.words);
            let from = FrameArrival { connection, millis: self.clock };
            let passes = self.filter.accept(from, (time, 0.0), || words, 1, || known);
            if passes {
                self.words = Some(words);
            }
            passes
        }
    }

    #[test]
    fn what_one_connection_brings_passes_unless_it_is_of_an_earlier_moment() {
        let mut channel = FilteredTestChannel::default();
        let passed =
            [(5, 1), (5, 1), (4, 0), (5, 2), (6, 3)].map(|(time, content)| channel.receive(1, time, content));
        assert_eq!(passed, [true, true, false, true, true]);
    }

    #[test]
    fn two_connections_are_as_one() {
        let states = [(1, 10), (2, 20), (2, 21), (2, 22), (3, 30), (4, 40)];
        // The second connection lags the first by up to four states, then goes on alone.
        for lag in 0..=4 {
            let mut channel = FilteredTestChannel::default();
            let mut passed = Vec::new();
            for at in 0..states.len() + lag {
                if let Some((time, content)) = states.get(at).filter(|_| at < 5) {
                    passed.extend(channel.receive(1, *time, *content).then_some(*content));
                }
                if let Some((time, content)) = at.checked_sub(lag).and_then(|at| states.get(at)) {
                    passed.extend(channel.receive(2, *time, *content).then_some(*content));
                }
            }
            assert_eq!(passed, states.map(|(_, content)| content), "lag {lag}");
        }
    }

    #[test]
    fn a_clock_that_stepped_back_silences_nothing_for_long() {
        for connection in [1, 2] {
            let mut channel = FilteredTestChannel::default();
            assert!(channel.receive(1, 1_000, 1));
            assert!(!channel.receive(connection, 500, 2));
            channel.clock += STALE_WINDOW_MILLIS;
            assert!(channel.receive(connection, 600, 3));
            assert!(channel.receive(connection, 601, 4));
        }
    }

    #[test]
    fn what_has_grown_less_in_the_same_moment_is_older() {
        let mut newest = StaleFilter::default();
        let mut offer = |connection, volume: f64| {
            let from = FrameArrival { connection, millis: 1 };
            newest.accept(from, (1, volume), || [volume.to_bits(), 0], 1, || None)
        };
        assert!(offer(1, 2.0));
        assert!(!offer(2, 1.0));
        assert!(offer(2, 3.0));
    }
}
