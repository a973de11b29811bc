//! A bar in the shares of a later day, finer than any price: a seventh of a dollar has no finite decimal
//! form.

use super::splits::ShareRatio;
use super::unadjusted_bar::UnadjustedBar;

/// The units of 1e-12 in one of 1e-8.
const FINER: i128 = 10_000;

/// A bar as it is shown.
///
/// How many decimals the live venue gives an adjusted price is not known; these suffice to tell any two ways
/// of aggregating apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct AdjustedBar {
    pub(crate) start_ms: i64,
    /// The prices in units of 1e-12.
    pub(crate) open: i128,
    pub(crate) high: i128,
    pub(crate) low: i128,
    pub(crate) close: i128,
    /// The volume in shares, in units of 1e-12.
    pub(crate) volume: i128,
    /// The turnover in dollars, in units of 1e-16: the amount paid, which no split changes.
    pub(crate) turnover: i128,
    pub(crate) count: u64,
}

impl AdjustedBar {
    /// Creates a bar without content.
    pub(crate) fn empty(start_ms: i64) -> Self {
        Self { start_ms, ..Self::default() }
    }

    /// Converts `bar` to shares of which `new` were made of each `old`.
    pub(crate) fn of(bar: &UnadjustedBar, (old, new): ShareRatio) -> Self {
        let price = |price: i64| rounded(i128::from(price) * FINER * i128::from(old), new);
        Self {
            start_ms: bar.start_ms,
            open: price(bar.open),
            high: price(bar.high),
            low: price(bar.low),
            close: price(bar.close),
            volume: rounded(bar.volume * FINER * i128::from(new), old),
            turnover: bar.turnover,
            count: bar.count,
        }
    }

    /// Converts `bar` in the shares as traded.
    pub(crate) fn as_traded(bar: &UnadjustedBar) -> Self {
        Self::of(bar, (1, 1))
    }

    /// Appends the next bar.
    pub(crate) const fn append(&mut self, next: &Self) {
        if self.count == 0 {
            (self.open, self.high, self.low) = (next.open, next.high, next.low);
        }
        if next.high > self.high {
            self.high = next.high;
        }
        if next.low < self.low {
            self.low = next.low;
        }
        self.close = next.close;
        self.volume += next.volume;
        self.turnover += next.turnover;
        self.count += next.count;
    }

    /// Returns the last price in units of 1e-8.
    pub(crate) fn close_e8(&self) -> i64 {
        i64::try_from(self.close / FINER).unwrap_or(i64::MAX)
    }

    /// Returns the average price in dollars a share, in units of 1e-8, to four decimals.
    pub(crate) const fn vwap(&self) -> i128 {
        if self.volume == 0 {
            return 0;
        }
        let exact = self.turnover * FINER / self.volume;
        (exact + 5_000) / 10_000 * 10_000
    }
}

fn rounded(numerator: i128, denominator: i64) -> i128 {
    let denominator = i128::from(denominator.max(1));
    (numerator + denominator / 2) / denominator
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(price: i64, volume: i128) -> UnadjustedBar {
        let turnover = i128::from(price) * volume;
        UnadjustedBar {
            open: price,
            high: price,
            low: price,
            close: price,
            volume,
            turnover,
            count: 1,
            ..UnadjustedBar::empty(0)
        }
    }

    #[test]
    fn a_split_scales_prices_and_volume_and_leaves_the_turnover() {
        let traded = bar(12_345_000_000, 100);
        let adjusted = AdjustedBar::of(&traded, (1, 10));
        assert_eq!(
            (adjusted.close, adjusted.volume, adjusted.turnover),
            (12_345_000_000_000, 10_000_000, traded.turnover)
        );
        assert_eq!(adjusted.vwap(), 1_234_500_000);
        assert_eq!(AdjustedBar::of(&traded, (1, 7)).close, 17_635_714_285_714);
    }

    #[test]
    fn bars_of_both_sides_of_a_split_add_up_in_new_shares() {
        let mut whole = AdjustedBar::empty(0);
        whole.append(&AdjustedBar::of(&bar(40_000_000_000, 100), (1, 4)));
        whole.append(&AdjustedBar::as_traded(&bar(10_100_000_000, 100)));
        assert_eq!((whole.open, whole.high), (100_000_000_000_000, 101_000_000_000_000));
        assert_eq!((whole.low, whole.close), (100_000_000_000_000, 101_000_000_000_000));
        assert_eq!(whole.volume, 500 * FINER);
    }
}
