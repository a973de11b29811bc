//! Random numbers that are the same for the same seed.

use market_backbone_strategy::Decimal;

/// A generator (xorshift64*), so that a failure is found again by its seed.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    /// A whole number below `bound`.
    pub(crate) const fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(crate) const fn one_in(&mut self, bound: u64) -> bool {
        self.below(bound) == 0
    }

    /// A whole number from `-width` to `width`.
    pub(crate) const fn around_zero(&mut self, width: i64) -> i64 {
        self.below(2 * width.unsigned_abs() + 1) as i64 - width
    }

    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }

    /// A decimal with two places, from `least` to `most` hundredths.
    pub(crate) fn cents(&mut self, least: i64, most: i64) -> Decimal {
        Decimal::new(least + self.below((most - least + 1).unsigned_abs()) as i64, 2)
    }
}
