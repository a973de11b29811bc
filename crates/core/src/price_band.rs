//! The price band within which a market may trade.

use std::time::Duration;

use crate::{Symbol, Timestamp};

/// The price limits of a market, as US exchanges publish them for each share ("limit up, limit down"): a band
/// around the mean price of the last minutes, which moves with it. Orders beyond it are not executed; a share
/// that stays at its edge for 15 s is halted.
#[derive(Clone, Debug, PartialEq)]
pub struct PriceBand {
    /// The market with this band.
    pub symbol: Symbol,
    /// The lowest price that may be traded, in the quote currency ("limit down"). 0 if there is none.
    pub low: f64,
    /// The highest price that may be traded, in the quote currency ("limit up"). 0 if there is none.
    pub high: f64,
    /// The codes the exchange adds.
    pub indicators: BandIndicators,
    /// The moment from which the band holds, by the exchange's clock, to the nanosecond where the venue sends
    /// that.
    pub time: Timestamp,
    /// The time at which the band arrived here, by the local clock.
    pub received: Timestamp,
}

impl PriceBand {
    /// Returns how long before `now` (by the local clock) the band arrived.
    #[must_use]
    pub fn age(&self, now: Timestamp) -> Duration {
        now.since(self.received)
    }

    /// Returns whether a trade at `price` would be within the band, its edges included.
    #[must_use]
    pub fn allows(&self, price: f64) -> bool {
        price >= self.low && (self.high == 0.0 || price <= self.high)
    }
}

/// The codes an exchange adds to a band: four at the most, in its own order and with its own meaning. They
/// allocate no memory, so that a band can be kept without an allocation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct BandIndicators(
    // Sixteen bits for each: the code plus one, so that 0 means none.
    u64,
);

impl BandIndicators {
    /// The most codes of one band.
    pub const MAX_CODES: usize = 4;

    /// Returns the first four of `codes`; those from 65,535 up are left out.
    #[must_use]
    pub fn new(codes: impl IntoIterator<Item = u32>) -> Self {
        let fitting = codes.into_iter().filter(|code| *code < u32::from(u16::MAX)).take(Self::MAX_CODES);
        Self(fitting.zip(0..).fold(0, |word, (code, at)| word | u64::from(code + 1) << (16 * at)))
    }

    /// Returns an iterator over the codes.
    pub fn iter(self) -> impl Iterator<Item = u32> {
        let code = move |at: u32| u32::try_from(self.0 >> (16 * at) & 0xFFFF).ok()?.checked_sub(1);
        (0..4).map_while(code)
    }

    /// Returns all codes as one number, which [`from_bits`](Self::from_bits) reads.
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        self.0
    }

    /// Reads what [`to_bits`](Self::to_bits) wrote.
    #[must_use]
    pub const fn from_bits(word: u64) -> Self {
        Self(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::VenueId;

    #[test]
    fn indicators_read_back_up_to_the_fourth() {
        let back = |codes: &[u32]| {
            let word = BandIndicators::new(codes.iter().copied()).to_bits();
            BandIndicators::from_bits(word).iter().collect::<Vec<_>>()
        };
        assert_eq!(back(&[]), []);
        assert_eq!(back(&[0]), [0]);
        assert_eq!(back(&[17, 0, 65_534]), [17, 0, 65_534]);
        assert_eq!(back(&[1, 65_535, 2, 3, 4, 5]), [1, 2, 3, 4]);
    }

    #[test]
    fn a_price_at_the_edge_may_be_traded() {
        let (symbol, time) = (Symbol::new(VenueId::new("test"), "A").unwrap(), Timestamp::EPOCH);
        let indicators = BandIndicators::default();
        let band = PriceBand { symbol, low: 198.11, high: 218.96, indicators, time, received: time };
        let allowed = [198.1, 198.11, 200.0, 218.96, 218.97].map(|price| band.allows(price));
        assert_eq!(allowed, [false, true, true, true, false]);
        assert!(PriceBand { high: 0.0, ..band }.allows(1e9), "no limit up");
    }
}
