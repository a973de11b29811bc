//! Sums that do not depend on the order of the summands, as far as an `f64` allows.
//!
//! Venues send amounts as decimals of at most eight places. Added up as integers, their sum is exact, and so
//! it is the same for everybody who adds them, in whichever order. Other numbers are added up with
//! compensation and can differ in the last digit.

/// The first integer beyond which an `f64` does not hold every integer.
const MAX_EXACT_INTEGER: f64 = 9_007_199_254_740_992.0;
/// The number of hundred-millionths, the smallest step of an amount, in one.
const UNITS_PER_ONE: f64 = 1e8;

/// A sum with the rounding errors added up beside it (Neumaier's algorithm).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CompensatedSum {
    total: f64,
    compensation: f64,
}

impl CompensatedSum {
    pub(crate) fn add(&mut self, amount: f64) {
        let next = self.total + amount;
        let larger_first = self.total.abs() >= amount.abs();
        self.compensation +=
            if larger_first { (self.total - next) + amount } else { (amount - next) + self.total };
        self.total = next;
    }

    pub(crate) fn value(self) -> f64 {
        self.total + self.compensation
    }
}

/// A sum of decimals: the nearest `f64` if all of them have at most eight places, otherwise a compensated
/// sum.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DecimalSum {
    /// In hundred-millionths; `None` once something was added that is not a whole number of them.
    units: Option<f64>,
    /// The sum for that case.
    sum: CompensatedSum,
}

impl Default for DecimalSum {
    fn default() -> Self {
        Self { units: Some(0.0), sum: CompensatedSum::default() }
    }
}

impl DecimalSum {
    pub(crate) fn add(&mut self, amount: f64) {
        self.sum.add(amount);
        if let Some(total) = self.units {
            self.units = units(amount).map(|more| total + more).filter(|total| *total < MAX_EXACT_INTEGER);
        }
    }

    pub(crate) fn value(self) -> f64 {
        self.units.map_or_else(|| self.sum.value(), |units| units / UNITS_PER_ONE)
    }
}

/// Returns the sum of amounts if all of them are decimals of at most eight places, not negative, and their sum is
/// exact: what a [`DecimalSum`] returns then. The integers are added up in several lanes, because their sum does not
/// depend on the order.
pub(crate) fn sum_of_units(amounts: &[f64]) -> Option<f64> {
    const LANES: usize = 4;
    let (mut totals, mut are_units) = ([0.0; LANES], [true; LANES]);
    let (whole, rest) = amounts.as_chunks::<LANES>();
    for chunk in whole {
        for lane in 0..LANES {
            let (units, is_exact) = rounded_units(chunk[lane]);
            totals[lane] += units;
            are_units[lane] &= is_exact;
        }
    }
    for (lane, amount) in rest.iter().enumerate() {
        let (units, is_exact) = rounded_units(*amount);
        totals[lane] += units;
        are_units[lane] &= is_exact;
    }
    let total: f64 = totals.iter().sum();
    (are_units == [true; LANES] && total < MAX_EXACT_INTEGER).then_some(total / UNITS_PER_ONE)
}

/// Returns `amount` in hundred-millionths, rounded as [`f64::round`] does, and whether it is a whole number of them.
/// There is no branch and no call in it, so that a compiler can do several at a time.
fn rounded_units(amount: f64) -> (f64, bool) {
    /// From here on every `f64` is whole, and adding it to a smaller one rounds that to an integer.
    const WHOLE: f64 = MAX_EXACT_INTEGER / 2.0;
    let exact = amount * UNITS_PER_ONE;
    let to_even = (exact + WHOLE) - WHOLE;
    let rounded = to_even + if exact - to_even == 0.5 { 1.0 } else { 0.0 };
    let units = if exact < WHOLE { rounded } else { exact };
    (units, (units / UNITS_PER_ONE == amount) & (amount >= 0.0))
}

impl Extend<f64> for DecimalSum {
    fn extend<I: IntoIterator<Item = f64>>(&mut self, amounts: I) {
        amounts.into_iter().for_each(|amount| self.add(amount));
    }
}

impl Extend<f64> for CompensatedSum {
    fn extend<I: IntoIterator<Item = f64>>(&mut self, amounts: I) {
        amounts.into_iter().for_each(|amount| self.add(amount));
    }
}

/// Returns `amount` in hundred-millionths, if it is a whole number of them.
fn units(amount: f64) -> Option<f64> {
    let units = (amount * UNITS_PER_ONE).round();
    // The quotient of two exact numbers is rounded once. It equals the amount only if the amount has that
    // spelling.
    (units < MAX_EXACT_INTEGER && units / UNITS_PER_ONE == amount).then_some(units)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum_of_decimals(amounts: impl IntoIterator<Item = f64>) -> f64 {
        let mut sum = DecimalSum::default();
        sum.extend(amounts);
        sum.value()
    }

    #[test]
    fn decimals_are_added_up_as_they_are_written() {
        assert_ne!(0.1 + 0.2, 0.3, "which is why");
        assert_eq!(sum_of_decimals([0.1, 0.2]), 0.3);
        assert_eq!(sum_of_decimals(std::iter::repeat_n(0.000_000_01, 14_400)), 0.000_144);
        assert_eq!(sum_of_decimals([12_345_678.123_456_78, 0.000_000_01]), 12_345_678.123_456_79);
    }

    #[test]
    fn units_are_rounded_as_the_standard_library_rounds() {
        let amounts =
            [0.0, 0.000_000_005, 0.000_000_015, 0.1, 45_035_996.273_704_97, 45_035_996.273_704_98, 9e7, 1e9];
        for amount in amounts {
            assert_eq!(rounded_units(amount).0, (amount * UNITS_PER_ONE).round(), "{amount}");
        }
        assert_eq!(sum_of_units(&[0.1, 0.2, 0.3, 0.4, 0.5]), Some(1.5));
        assert_eq!(sum_of_units(&[0.1, -0.2]), None, "it is left to the sum that takes anything");
        assert_eq!(
            (sum_of_units(&[1.0 / 3.0]), sum_of_units(&[f64::NAN]), sum_of_units(&[9e7, 9e7])),
            (None, None, None)
        );
    }

    #[test]
    fn what_is_no_short_decimal_is_added_up_as_well_as_can_be() {
        assert_eq!(sum_of_decimals([1e17, 1.0, 1.0, 1.0, 1.0]), 1e17 + 4.0);
        let third = 1.0 / 3.0;
        assert_eq!(sum_of_decimals([third, third, third]), 1.0);
    }
}
