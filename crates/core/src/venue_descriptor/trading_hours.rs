//! How much of the time a venue's markets are open: what tells a sparse series from one whose market sleeps.

use crate::Timeframe;

/// The days of a year and the hours of a day on which a venue's markets are open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TradingHours {
    days_per_year: u16,
    hours_per_day: u8,
}

impl TradingHours {
    /// Markets that never close.
    pub const ALWAYS: Self = Self { days_per_year: 366, hours_per_day: 24 };

    /// Returns the hours of a venue that is open on so many days of a year (366 for all), for so many hours of each.
    #[must_use]
    pub const fn new(days_per_year: u16, hours_per_day: u8) -> Self {
        Self { days_per_year, hours_per_day }
    }

    /// Returns the number of trading days of a usual year, by which daily figures are annualised: 365 for markets that never
    /// close.
    #[must_use]
    pub const fn days_per_year(self) -> u16 {
        if self.days_per_year > 365 { 365 } else { self.days_per_year }
    }

    /// Returns the share of slots that can have a candle at the most; `None` where all can.
    #[must_use]
    pub fn density(self, timeframe: Timeframe) -> Option<f64> {
        if self == Self::ALWAYS || timeframe > Timeframe::D1 {
            return None;
        }
        let days = f64::from(self.days_per_year) / 365.25;
        let hours = f64::from(self.hours_per_day) / 24.0;
        let density = if timeframe == Timeframe::D1 { days } else { days * hours };
        (density < 1.0).then_some(density)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_market_that_sleeps_has_fewer_candles() {
        let shares = TradingHours::new(252, 16);
        assert_eq!(shares.density(Timeframe::D1), Some(252.0 / 365.25));
        assert_eq!(shares.density(Timeframe::M1), Some(252.0 / 365.25 * 16.0 / 24.0));
        for longer in [Timeframe::W1, Timeframe::Month, Timeframe::Year] {
            assert_eq!(shares.density(longer), None);
        }
        assert_eq!(TradingHours::ALWAYS.density(Timeframe::M1), None);
        assert_eq!(TradingHours::new(366, 12).density(Timeframe::D1), None);
        assert_eq!((shares.days_per_year(), TradingHours::ALWAYS.days_per_year()), (252, 365));
    }
}
