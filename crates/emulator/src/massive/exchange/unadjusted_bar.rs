//! A bar being built: exact sums over prints, and prices from prints that may set one.

use super::print::StockPrint;

/// The sums of the prints of one stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct UnadjustedBar {
    pub(crate) start_ms: i64,
    /// The prices in units of 1e-8; all 0 until a print could set them.
    pub(crate) open: i64,
    pub(crate) high: i64,
    pub(crate) low: i64,
    pub(crate) close: i64,
    /// The volume in shares, in units of 1e-8.
    pub(crate) volume: i128,
    /// The turnover in dollars, in units of 1e-16.
    pub(crate) turnover: i128,
    pub(crate) count: u64,
}

impl UnadjustedBar {
    /// Creates a bar without content.
    pub(crate) fn empty(start_ms: i64) -> Self {
        Self { start_ms, ..Self::default() }
    }

    /// Returns whether it has prices; without them the venue shows no bar.
    pub(crate) const fn is_priced(&self) -> bool {
        self.high > 0
    }

    /// Adds the next print.
    #[inline]
    pub(crate) fn add(&mut self, print: &StockPrint) {
        let size = i128::from(print.size_e8);
        self.volume += size;
        self.turnover += size * i128::from(print.price_e8);
        self.count += 1;
        if print.moves_price() {
            let price = print.price_e8;
            self.move_prices(price, price, price, price);
        }
    }

    /// Appends the volume of the next bar, and its prices where `with_prices`.
    pub(crate) const fn append(&mut self, next: &Self, with_prices: bool) {
        self.volume += next.volume;
        self.turnover += next.turnover;
        self.count += next.count;
        if with_prices && next.is_priced() {
            self.move_prices(next.open, next.high, next.low, next.close);
        }
    }

    const fn move_prices(&mut self, open: i64, high: i64, low: i64, close: i64) {
        if !self.is_priced() {
            (self.open, self.high, self.low) = (open, high, low);
        }
        if high > self.high {
            self.high = high;
        }
        if low < self.low {
            self.low = low;
        }
        self.close = close;
    }

    /// Returns the average price in dollars a share, in units of 1e-8, to four decimals.
    pub(crate) const fn vwap(&self) -> i128 {
        if self.volume == 0 {
            return 0;
        }
        let exact = self.turnover / self.volume;
        (exact + 5_000) / 10_000 * 10_000
    }
}
