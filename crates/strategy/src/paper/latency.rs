//! The time that a request takes to the venue.

use std::time::Duration;

use market_backbone_core::Timestamp;

use crate::order::OrderId;

/// The time between a decision and its arrival at the venue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Latency {
    /// A request arrives when it is sent; the next event may fill it.
    #[default]
    None,
    /// Every request takes the same time.
    Constant(Duration),
    /// Every request takes at least `base` and less than `base + jitter`. The same seed gives the same times.
    Jitter {
        /// The shortest time.
        base: Duration,
        /// The width of the range above it.
        jitter: Duration,
        /// The seed: each order's time depends on this and on its number only.
        seed: u64,
    },
}

impl Latency {
    /// Returns the moment at which a request about `order` arrives that is sent at `sent`. Requests of one order are
    /// told apart by `salt`.
    pub(crate) fn arrival(self, sent: Timestamp, order: OrderId, salt: u64) -> Timestamp {
        match self {
            Self::None => sent,
            Self::Constant(delay) => sent.plus(delay),
            Self::Jitter { base, jitter, seed } => {
                let width = u64::try_from(jitter.as_nanos()).unwrap_or(u64::MAX).max(1);
                let dice = mixed(seed ^ mixed(order.0 ^ salt.rotate_left(32)));
                sent.plus(base).plus(Duration::from_nanos(dice % width))
            }
        }
    }
}

/// The last step of the generator SplitMix64: every bit of the result depends on every bit of `word`.
const fn mixed(word: u64) -> u64 {
    let word = word.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ (word >> 31)
}

/// The latencies of the requests about orders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LatencyModel {
    /// The time that a new order takes.
    pub orders: Latency,
    /// The time that a cancellation or an amendment takes.
    pub changes: Latency,
}

impl LatencyModel {
    /// Returns the model in which every request takes the same time.
    #[must_use]
    pub const fn constant(delay: Duration) -> Self {
        Self { orders: Latency::Constant(delay), changes: Latency::Constant(delay) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_is_seeded_and_stays_in_its_range() {
        let (base, jitter) = (Duration::from_millis(20), Duration::from_millis(10));
        let at = |seed, order| {
            Latency::Jitter { base, jitter, seed }.arrival(Timestamp::EPOCH, OrderId(order), 0).as_nanos()
        };
        let times: Vec<_> = (0..1_000).map(|order| at(7, order)).collect();
        assert!(times.iter().all(|time| (20_000_000..30_000_000).contains(time)));
        let mean = times.iter().sum::<i64>() / 1_000;
        assert!((24_500_000..25_500_000).contains(&mean), "{mean}");
        assert_eq!(times[3], at(7, 3));
        assert_ne!(times[3], at(8, 3));
    }
}
