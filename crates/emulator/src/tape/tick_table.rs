//! The price grid: coarser where the price is higher.

/// The bands of (prices from, tick), highest first, in units of 1e-8; the last band starts at 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TickTable(pub(crate) &'static [(i64, i64)]);

impl TickTable {
    /// Returns the band of a price: its lower end and its tick.
    #[inline]
    fn band(self, price: i64) -> (i64, i64) {
        self.0.iter().find(|(from, _)| *from <= price).copied().unwrap_or((0, 1))
    }

    /// Returns the tick at a price.
    pub(crate) fn tick(self, price: i64) -> i64 {
        self.band(price).1
    }

    /// Returns the nearest price of the grid at or below, and at least one tick.
    #[inline]
    pub(crate) fn snap(self, price: i64) -> i64 {
        let tick = self.tick(price.max(1));
        (price / tick * tick).max(tick)
    }

    /// Returns the next higher price.
    pub(crate) fn up(self, price: i64) -> i64 {
        price + self.tick(price)
    }

    /// Returns the next lower price; 0 where there is none.
    pub(crate) fn down(self, price: i64) -> i64 {
        (price - self.tick((price - 1).max(1))).max(0)
    }
}
