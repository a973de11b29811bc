//! A price path that can be computed for any second alone.
//!
//! A random walk would have to be computed from its start. Here the price is a sum of zigzags with fixed
//! corner points, each corner a hash of its number: coarse ones for the trend, fine ones for the noise. All
//! corners lie on whole minutes, so within a minute the path is a straight line.

use crate::hash_random;

/// The zigzags with corners on whole hours: (seconds between corners, share of the price).
const SLOW: [(i64, f64); 5] =
    [(16 * 86_400, 0.16), (4 * 86_400, 0.07), (86_400, 0.03), (6 * 3_600, 0.015), (3_600, 0.006)];
/// The zigzags with corners on whole minutes.
const QUICK: [(i64, f64); 2] = [(900, 0.003), (60, 0.0012)];
/// The deviation of a single trade from the path, as a share of the price.
pub(crate) const JITTER: f64 = 0.000_4;

/// The price path of one market, as a deviation from its base price.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PricePath {
    key: u64,
}

impl PricePath {
    pub(crate) const fn new(key: u64) -> Self {
        Self { key }
    }

    /// Returns the deviation at a whole minute.
    pub(crate) fn at_minute(self, minute: i64) -> f64 {
        self.sum(0, &SLOW, minute * 60) + self.sum(SLOW.len(), &QUICK, minute * 60)
    }

    /// Returns a range that no trade of the hour leaves.
    pub(crate) fn hour_bounds(self, hour: i64) -> (f64, f64) {
        let (a, b) = (self.sum(0, &SLOW, hour * 3_600), self.sum(0, &SLOW, (hour + 1) * 3_600));
        let quick: f64 = QUICK.iter().map(|(_, share)| share).sum::<f64>() + JITTER;
        (a.min(b) - quick, a.max(b) + quick)
    }

    fn sum(self, first: usize, zigzags: &[(i64, f64)], second: i64) -> f64 {
        let mut sum = 0.0;
        for (at, (period, share)) in zigzags.iter().enumerate() {
            let corner = second.div_euclid(*period);
            let along = second.rem_euclid(*period) as f64 / *period as f64;
            let (a, b) = (self.corner(first + at, corner), self.corner(first + at, corner + 1));
            sum += share * (a + (b - a) * along);
        }
        sum
    }

    fn corner(self, zigzag: usize, corner: i64) -> f64 {
        let draw = hash_random::draw(self.key ^ (zigzag as u64 + 1), corner.cast_unsigned());
        hash_random::unit(draw) * 2.0 - 1.0
    }
}
