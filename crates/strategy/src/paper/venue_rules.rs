//! The numbers a venue accepts: price steps by price band, lots, the least order.

use market_backbone_core::Side;
use rust_decimal::Decimal;

use crate::order::OrderKind;

/// The step of prices from one price upwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PriceStep {
    /// The lowest price for which the step holds.
    pub from: Decimal,
    /// The step: prices are multiples of it.
    pub step: Decimal,
}

/// The numbers that a venue accepts in an order of one market.
///
/// They are today's; historic prices need not fit them. Orders are rounded before they are sent, prices of fills are not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VenueRules {
    // Invariant: sorted by `from`, every step above zero.
    steps: Vec<PriceStep>,
    lot: Decimal,
    min_notional: Decimal,
}

/// The direction in which a price is rounded to a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StepRounding {
    Down,
    Up,
}

impl VenueRules {
    /// Returns the rules of a venue that takes every number.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Sets one price step for all prices. A step of zero or below is no rule.
    #[must_use]
    pub fn step(self, step: Decimal) -> Self {
        self.steps([PriceStep { from: Decimal::ZERO, step }])
    }

    /// Sets the price steps of each price band, in any order. Steps of zero or below are left out.
    #[must_use]
    pub fn steps(mut self, steps: impl IntoIterator<Item = PriceStep>) -> Self {
        self.steps = steps.into_iter().filter(|band| band.step > Decimal::ZERO).collect();
        self.steps.sort_by_key(|band| band.from);
        self
    }

    /// Sets the lot: quantities are multiples of it.
    #[must_use]
    pub const fn lot(mut self, lot: Decimal) -> Self {
        self.lot = lot;
        self
    }

    /// Sets the least value of an order, in the quote currency.
    #[must_use]
    pub const fn min_notional(mut self, least: Decimal) -> Self {
        self.min_notional = least;
        self
    }

    /// Returns the step of the band in which `price` lies, if there is one.
    #[must_use]
    pub fn step_at(&self, price: Decimal) -> Option<Decimal> {
        let after = self.steps.partition_point(|band| band.from <= price);
        Some(self.steps.get(after.max(1) - 1)?.step)
    }

    /// Returns the least value of an order, in the quote currency.
    #[must_use]
    pub const fn least_notional(&self) -> Decimal {
        self.min_notional
    }

    /// Returns `quantity` rounded down to the lot.
    #[must_use]
    pub fn floor_quantity(&self, quantity: Decimal) -> Decimal {
        if self.lot > Decimal::ZERO { quantity - quantity % self.lot } else { quantity }
    }

    pub(crate) fn round_price(&self, price: Decimal, rounding: StepRounding) -> Decimal {
        let Some(step) = self.step_at(price) else { return price };
        let rest = price % step;
        match rounding {
            _ if rest.is_zero() => price,
            StepRounding::Down => price - rest,
            StepRounding::Up => price - rest + step,
        }
    }

    /// Returns the terms with prices that the venue takes.
    ///
    /// A limit to buy is rounded down and one to sell up. A trigger is rounded towards the market, which is the safe
    /// side for a stop: a stop that sells is rounded up.
    #[must_use]
    pub fn round_kind(&self, side: Side, kind: OrderKind) -> OrderKind {
        let (limit, stop) = match side {
            Side::Buy => (StepRounding::Down, StepRounding::Down),
            Side::Sell => (StepRounding::Up, StepRounding::Up),
        };
        match kind {
            OrderKind::Limit { price } => OrderKind::Limit { price: self.round_price(price, limit) },
            OrderKind::Stop { trigger } => OrderKind::Stop { trigger: self.round_price(trigger, stop) },
            OrderKind::StopLimit { trigger, price } => OrderKind::StopLimit {
                trigger: self.round_price(trigger, stop),
                price: self.round_price(price, limit),
            },
            OrderKind::Market | OrderKind::Trailing { .. } => kind,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn d(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn won() -> VenueRules {
        let bands = [("1000", "1"), ("10000", "10"), ("100", "0.1"), ("0", "0.0001")];
        VenueRules::none().steps(bands.map(|(from, step)| PriceStep { from: d(from), step: d(step) }))
    }

    #[test]
    fn the_step_is_that_of_the_price_band() {
        for (price, step) in [("99.9", "0.0001"), ("100", "0.1"), ("999.9", "0.1"), ("12345", "10")] {
            assert_eq!(won().step_at(d(price)), Some(d(step)), "{price}");
        }
        assert_eq!(VenueRules::none().step_at(d("5")), None);
        let first_band_is_above = VenueRules::none().steps([PriceStep { from: d("10"), step: d("1") }]);
        assert_eq!(first_band_is_above.step_at(d("5")), Some(d("1")));
    }

    #[test]
    fn a_price_is_rounded_against_the_one_who_asks() {
        let rounded = |side, kind| won().round_kind(side, kind);
        let limit = |price| OrderKind::Limit { price: d(price) };
        let stop = |trigger| OrderKind::Stop { trigger: d(trigger) };
        assert_eq!(rounded(Side::Buy, limit("12345")), limit("12340"));
        assert_eq!(rounded(Side::Sell, limit("12345")), limit("12350"));
        assert_eq!(rounded(Side::Sell, limit("12340")), limit("12340"));
        assert_eq!(rounded(Side::Sell, stop("999.95")), stop("1000"));
        assert_eq!(rounded(Side::Buy, stop("1000.5")), stop("1000"));
    }

    #[test]
    fn a_quantity_is_rounded_down_to_the_lot() {
        let rules = VenueRules::none().lot(d("0.001"));
        assert_eq!(rules.floor_quantity(d("1.2349")), d("1.234"));
        assert_eq!(rules.floor_quantity(d("0.0009")), Decimal::ZERO);
        assert_eq!(VenueRules::none().floor_quantity(d("1.2349")), d("1.2349"));
    }
}
