//! Infers the taker side of trades, where a venue does not send it.
//!
//! This is the rule of Lee and Ready: a trade above the middle of the best bid and ask was a buyer's, one
//! below it a seller's. At the middle, or where there is no quote, the last different price decides. An
//! inferred side is marked as one, with the rule it rests on, and is never written into a
//! [`Trade`](crate::Trade).

use crate::Side;

/// The rule by which a side was inferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SideRule {
    /// The quote rule: the best bid and ask at the time.
    Quote,
    /// The tick rule: the prices of the trades before.
    Tick,
}

impl SideRule {
    /// Returns `quote` or `tick`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Quote => "quote",
            Self::Tick => "tick",
        }
    }
}

/// An inferred taker side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InferredSide {
    /// The side that was probably the taker.
    pub side: Side,
    /// The rule by which it was inferred.
    pub rule: SideRule,
}

/// Infers the takers of one market's trades. Quotes and trades must be given in the order in which they
/// happened.
#[derive(Clone, Copy, Debug, Default)]
pub struct SideInference {
    middle: Option<f64>,
    last_price: Option<f64>,
    direction: Option<Side>,
}

impl SideInference {
    /// Records the best bid and ask; a side without an offer is 0. A crossed or half empty quote is ignored.
    pub fn quote(&mut self, bid: f64, ask: f64) {
        let is_valid = 0.0 < bid && bid <= ask && ask.is_finite();
        self.middle = is_valid.then(|| bid + (ask - bid) / 2.0);
    }

    /// Infers the taker of a trade at `price`, or returns `None` while there is nothing to infer it from.
    pub fn trade(&mut self, price: f64) -> Option<InferredSide> {
        let above = |price: f64, other: f64| {
            (price != other).then_some(if price > other { Side::Buy } else { Side::Sell })
        };
        self.direction = self.last_price.and_then(|last| above(price, last)).or(self.direction);
        self.last_price = Some(price);
        match self.middle.and_then(|middle| above(price, middle)) {
            Some(side) => Some(InferredSide { side, rule: SideRule::Quote }),
            None => self.direction.map(|side| InferredSide { side, rule: SideRule::Tick }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guess(side: Side, rule: SideRule) -> Option<InferredSide> {
        Some(InferredSide { side, rule })
    }

    #[test]
    fn without_a_quote_the_last_other_price_decides() {
        let mut inference = SideInference::default();
        assert_eq!(inference.trade(10.0), None);
        assert_eq!(inference.trade(10.0), None);
        assert_eq!(inference.trade(10.1), guess(Side::Buy, SideRule::Tick));
        assert_eq!(inference.trade(10.1), guess(Side::Buy, SideRule::Tick));
        assert_eq!(inference.trade(10.0), guess(Side::Sell, SideRule::Tick));
    }

    #[test]
    fn a_quote_goes_before_the_trades_and_its_middle_does_not() {
        let mut inference = SideInference::default();
        inference.trade(10.0);
        inference.quote(10.0, 10.2);
        assert_eq!(inference.trade(10.2), guess(Side::Buy, SideRule::Quote));
        assert_eq!(inference.trade(10.05), guess(Side::Sell, SideRule::Quote));
        inference.quote(10.0, 10.5);
        assert_eq!(inference.trade(10.25), guess(Side::Buy, SideRule::Tick));
        inference.quote(10.0, 0.0);
        assert_eq!(inference.trade(10.0), guess(Side::Sell, SideRule::Tick));
    }
}
