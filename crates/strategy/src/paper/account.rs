//! The money of a paper broker, in decimals that add up to the last digit.

use market_backbone_core::Side;
use rust_decimal::Decimal;

use crate::order::Position;

/// The decimals to which a part of a cost is rounded. The other part is the exact rest, so that nothing is lost.
const COST_DECIMALS: u32 = 12;

/// The amount held of one market, with its cost instead of a rounded average price.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Holding {
    /// The amount in the base currency; negative if sold short.
    pub(crate) quantity: Decimal,
    /// The amount paid for it, in the quote currency; negative if sold short.
    pub(crate) cost: Decimal,
    /// The profit of what was closed.
    pub(crate) realized: Decimal,
}

impl Holding {
    /// Returns the holding as strategies see it.
    pub(crate) fn position(&self) -> Position {
        let entry_price = match self.quantity {
            none if none.is_zero() => Decimal::ZERO,
            quantity => (self.cost / quantity).round_dp(COST_DECIMALS).normalize(),
        };
        Position { quantity: self.quantity, entry_price, realized: self.realized }
    }

    /// Adds `quantity` (below zero for a sale) at `price`: first closes what is held on the other side.
    fn add(&mut self, quantity: Decimal, price: Decimal) {
        let is_opposite =
            !self.quantity.is_zero() && self.quantity.is_sign_negative() != quantity.is_sign_negative();
        let mut rest = quantity;
        if is_opposite {
            let closes_all = quantity.abs() >= self.quantity.abs();
            let closed = if closes_all { -self.quantity } else { quantity };
            let cost = if closes_all {
                self.cost
            } else {
                (self.cost * closed.abs() / self.quantity.abs()).round_dp(COST_DECIMALS)
            };
            self.realized += -closed * price - cost;
            self.cost -= cost;
            self.quantity += closed;
            rest -= closed;
        }
        self.quantity += rest;
        self.cost += rest * price;
    }
}

/// The cash and the sums over all markets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Account {
    initial: Decimal,
    pub(crate) cash: Decimal,
    /// All fees, in the quote currency; a fee in base counts at the price of its fill.
    pub(crate) fees: Decimal,
    realized: Decimal,
    cost: Decimal,
}

/// What an order paid and got.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Execution {
    pub(crate) side: Side,
    pub(crate) quantity: Decimal,
    pub(crate) price: Decimal,
    pub(crate) fee: Decimal,
    pub(crate) fee_in_base: bool,
}

impl Account {
    pub(crate) const fn new(cash: Decimal) -> Self {
        let (fees, realized, cost) = (Decimal::ZERO, Decimal::ZERO, Decimal::ZERO);
        Self { initial: cash, cash, fees, realized, cost }
    }

    /// Books an execution.
    pub(crate) fn book(&mut self, holding: &mut Holding, execution: Execution) {
        let Execution { side, quantity, price, fee, fee_in_base } = execution;
        let signed = if side == Side::Buy { quantity } else { -quantity };
        let before = *holding;
        holding.add(signed, price);
        self.cash -= signed * price;
        if fee_in_base {
            // What the venue keeps was never held: its cost is the fee.
            let value = fee * price;
            holding.quantity -= fee;
            holding.cost -= value;
            self.fees += value;
        } else {
            self.cash -= fee;
            self.fees += fee;
        }
        self.realized += holding.realized - before.realized;
        self.cost += holding.cost - before.cost;
        debug_assert_eq!(self.imbalance(), Decimal::ZERO, "{execution:?} on {before:?}");
    }

    /// Returns by how much the cash differs from what the fills explain: always zero.
    pub(crate) fn imbalance(&self) -> Decimal {
        self.cash - (self.initial + self.realized - self.cost - self.fees)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn d(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn execution(side: Side, quantity: &str, price: &str, fee: &str, fee_in_base: bool) -> Execution {
        Execution { side, quantity: d(quantity), price: d(price), fee: d(fee), fee_in_base }
    }

    #[track_caller]
    fn after(executions: &[Execution], position: (&str, &str, &str), cash: &str, fees: &str) {
        let (mut account, mut holding) = (Account::new(d("1000")), Holding::default());
        for execution in executions {
            account.book(&mut holding, *execution);
        }
        let Position { quantity, entry_price, realized } = holding.position();
        assert_eq!([quantity, entry_price, realized], [position.0, position.1, position.2].map(d));
        assert_eq!([account.cash, account.fees, account.imbalance()], [d(cash), d(fees), Decimal::ZERO]);
    }

    #[test]
    fn a_buy_and_a_partial_sale_are_booked() {
        let buy = execution(Side::Buy, "3", "100", "0.15", false);
        after(&[buy], ("3", "100", "0"), "699.85", "0.15");
        let sale = execution(Side::Sell, "1", "110", "0.055", false);
        after(&[buy, sale], ("2", "100", "10"), "809.795", "0.205");
    }

    #[test]
    fn a_fee_in_base_makes_the_position_smaller_and_leaves_the_entry_price() {
        let buy = execution(Side::Buy, "2", "100", "0.001", true);
        after(&[buy], ("1.999", "100", "0"), "800", "0.1");
    }

    #[test]
    fn a_sale_beyond_the_position_turns_it() {
        let (buy, sale) =
            (execution(Side::Buy, "1", "100", "0", false), execution(Side::Sell, "3", "90", "0", false));
        after(&[buy, sale], ("-2", "90", "-10"), "1170", "0");
        let cover = execution(Side::Buy, "2", "80", "0", false);
        after(&[buy, sale, cover], ("0", "0", "10"), "1010", "0");
    }

    #[test]
    fn an_average_without_an_end_loses_nothing() {
        let buys =
            [execution(Side::Buy, "1", "100", "0", false), execution(Side::Buy, "2", "100.01", "0", false)];
        let thirds = [execution(Side::Sell, "1", "101", "0", false); 3];
        after(&[buys.as_slice(), &thirds].concat(), ("0", "0", "2.98"), "1002.98", "0");
    }
}
