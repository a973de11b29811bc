//! The costs of a fill: fees and slippage.

use market_backbone_core::Side;
use rust_decimal::{Decimal, RoundingStrategy};

use super::venue_rules::{StepRounding, VenueRules};

/// The number of decimals to which fees and slipped prices are rounded, against the trader.
const DECIMALS: u32 = 8;

/// The currency in which a venue takes its fee.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FeeCurrency {
    /// The quote currency, from buyers and sellers.
    Quote,
    /// The currency that the order receives: the base currency from a buyer, who gets less than was bought, and the quote currency
    /// from a seller.
    Received,
}

/// The fees of a venue, as fractions of a fill's value. There is no default, for there is no such thing as a usual fee.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeeRates {
    /// The rate for orders that waited in the book: limit orders that were not filled at once.
    pub maker: Decimal,
    /// The rate for all other orders.
    pub taker: Decimal,
    /// The currency in which the fee is taken.
    pub currency: FeeCurrency,
}

impl FeeRates {
    /// Returns one rate for every order, taken in the quote currency: 0.0005 is 0.05 %.
    #[must_use]
    pub const fn quote(rate: Decimal) -> Self {
        Self { maker: rate, taker: rate, currency: FeeCurrency::Quote }
    }

    /// Returns one rate for every order, taken from what the order receives.
    #[must_use]
    pub const fn received(rate: Decimal) -> Self {
        Self { maker: rate, taker: rate, currency: FeeCurrency::Received }
    }

    pub(crate) const fn is_in_base(self, side: Side) -> bool {
        matches!((self.currency, side), (FeeCurrency::Received, Side::Buy))
    }

    /// Returns the fee on `amount` (a value, or a quantity if the fee is in base), rounded up.
    pub(crate) fn fee(self, amount: Decimal, is_taker: bool) -> Decimal {
        let rate = if is_taker { self.taker } else { self.maker };
        (amount * rate).round_dp_with_strategy(DECIMALS, RoundingStrategy::AwayFromZero)
    }
}

/// The difference between the price that the data show and the price at which an order is filled that takes from the
/// market.
///
/// Fills from a book have none: the book shows what the order does to the price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Slippage {
    /// Orders are filled at the price that the data show.
    #[default]
    None,
    /// A fraction of the price: 0.001 is 0.1 %.
    Fraction(Decimal),
    /// A number of price steps, each as large as it is at that price. The venue's rules must name steps.
    Ticks(u32),
}

impl Slippage {
    pub(crate) fn is_none(self) -> bool {
        match self {
            Self::None => true,
            Self::Fraction(fraction) => fraction.is_zero(),
            Self::Ticks(ticks) => ticks == 0,
        }
    }

    /// Returns the price after slippage, rounded to the venue's step against the trader.
    pub(crate) fn applied(self, price: Decimal, side: Side, rules: &VenueRules) -> Decimal {
        if self.is_none() {
            return price;
        }
        let distance = match self {
            Self::None => Decimal::ZERO,
            Self::Fraction(fraction) => price * fraction,
            Self::Ticks(ticks) => Decimal::from(ticks) * rules.step_at(price).unwrap_or_default(),
        };
        let (slipped, rounding, strategy) = match side {
            Side::Buy => (price + distance, StepRounding::Up, RoundingStrategy::AwayFromZero),
            Side::Sell => {
                ((price - distance).max(Decimal::ZERO), StepRounding::Down, RoundingStrategy::ToZero)
            }
        };
        rules.round_price(slipped.round_dp_with_strategy(DECIMALS, strategy), rounding)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn d(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn slippage_is_always_against_the_trader() {
        let rules = VenueRules::none().step(d("0.5"));
        let slipped = |slippage: Slippage, side| slippage.applied(d("100"), side, &rules);
        assert_eq!(slipped(Slippage::None, Side::Buy), d("100"));
        assert_eq!(slipped(Slippage::Ticks(2), Side::Buy), d("101"));
        assert_eq!(slipped(Slippage::Ticks(2), Side::Sell), d("99"));
        assert_eq!(slipped(Slippage::Fraction(d("0.001")), Side::Buy), d("100.5"));
        assert_eq!(slipped(Slippage::Fraction(d("0.001")), Side::Sell), d("99.5"));
        assert_eq!(Slippage::Fraction(d("2")).applied(d("1"), Side::Sell, &VenueRules::none()), d("0"));
    }

    #[test]
    fn a_fee_is_rounded_up_and_knows_its_currency() {
        let fees = FeeRates { maker: d("0.0002"), taker: d("0.0005"), currency: FeeCurrency::Received };
        assert_eq!(fees.fee(d("1000"), true), d("0.5"));
        assert_eq!(fees.fee(d("1000"), false), d("0.2"));
        assert_eq!(fees.fee(d("0.00001"), true), d("0.00000001"));
        assert!(fees.is_in_base(Side::Buy) && !fees.is_in_base(Side::Sell));
        assert!(!FeeRates::quote(d("0.1")).is_in_base(Side::Buy));
    }
}
