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
    fn what_is_no_short_decimal_is_added_up_as_well_as_can_be() {
        assert_eq!(sum_of_decimals([1e17, 1.0, 1.0, 1.0, 1.0]), 1e17 + 4.0);
        let third = 1.0 / 3.0;
        assert_eq!(sum_of_decimals([third, third, third]), 1.0);
    }
}
