//! A stop that follows the price once a position is in profit.
//!
//! Inactive until the price is 3 % above the entry; then 1.5 average true ranges below the highest price since, never
//! lowered; triggered when the price falls to it. The distance is fixed when the position is entered.
//!
//! The state machine only says where the stop has to be. Whoever holds the broker's stop order amends it with each answer,
//! as [`TradingEngine`](crate::engine::TradingEngine) does.

use rust_decimal::Decimal;

use crate::decimals::{decimal, nearest};

/// The rules of a trailing stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrailingRules {
    /// The profit at which the stop begins to follow, as a fraction of the entry price.
    pub activation: Decimal,
    /// The distance below the high, in average true ranges.
    pub atr_multiple: Decimal,
}

/// A profit of 3 %, and 1.5 average true ranges.
impl Default for TrailingRules {
    fn default() -> Self {
        Self { activation: Decimal::new(3, 2), atr_multiple: Decimal::new(15, 1) }
    }
}

/// The state of a trailing stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TrailingState {
    /// The profit has not been large enough yet.
    Inactive,
    /// The stop follows the high.
    Active,
    /// The price has fallen to the stop. This is final.
    Triggered,
}

/// The change of a trailing stop that a price brought about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrailingChange {
    /// The stop has begun to follow, at this price.
    Activated(Decimal),
    /// The stop was raised to this price.
    Raised(Decimal),
    /// The price has fallen to the stop.
    Triggered,
}

/// A trailing stop of one long position.
#[derive(Clone, Debug, PartialEq)]
pub struct TrailingStop {
    state: TrailingState,
    distance: Decimal,
    activates_at: f64,
    high: f64,
    stop: Decimal,
    stop_f64: f64,
}

/// The reason why there can be no trailing stop.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no trailing stop for an entry at {entry} with an average true range of {atr}: both must be above 0; \
     compute the range from closed daily bars"
)]
pub struct TrailingError {
    entry: Decimal,
    atr: String,
}

impl TrailingStop {
    /// Returns the stop of a position that was entered at `entry`, in a market with this average true range.
    ///
    /// # Errors
    ///
    /// [`TrailingError`] if entry or range are not above zero: there is no range to assume instead.
    pub fn new(entry: Decimal, atr: f64, rules: TrailingRules) -> Result<Self, TrailingError> {
        let distance = decimal(atr).map_or(Decimal::ZERO, |atr| (atr * rules.atr_multiple).round_dp(8));
        if entry <= Decimal::ZERO || distance <= Decimal::ZERO {
            return Err(TrailingError { entry, atr: atr.to_string() });
        }
        Ok(Self {
            state: TrailingState::Inactive,
            distance,
            activates_at: nearest(entry * (Decimal::ONE + rules.activation)),
            high: 0.0,
            stop: Decimal::ZERO,
            stop_f64: 0.0,
        })
    }

    /// Returns the state.
    #[must_use]
    pub const fn state(&self) -> TrailingState {
        self.state
    }

    /// Returns where the stop is, once it is active.
    #[must_use]
    pub fn stop(&self) -> Option<Decimal> {
        (self.state != TrailingState::Inactive).then_some(self.stop)
    }

    /// Takes the next price of the market. A price that is none changes nothing.
    pub fn on_price(&mut self, price: f64) -> Option<TrailingChange> {
        match self.state {
            TrailingState::Inactive if price >= self.activates_at => {
                self.state = TrailingState::Active;
                self.lift(price)?;
                Some(TrailingChange::Activated(self.stop))
            }
            TrailingState::Active if price <= self.stop_f64 => {
                self.state = TrailingState::Triggered;
                Some(TrailingChange::Triggered)
            }
            TrailingState::Active if price > self.high => {
                self.lift(price)?;
                Some(TrailingChange::Raised(self.stop))
            }
            TrailingState::Inactive | TrailingState::Active | TrailingState::Triggered => None,
        }
    }

    fn lift(&mut self, price: f64) -> Option<()> {
        let stop = decimal(price)? - self.distance;
        self.high = price;
        self.stop = self.stop.max(stop);
        self.stop_f64 = nearest(self.stop);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn d(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn it_waits_for_the_profit_follows_the_high_and_is_triggered_once() {
        // An entry at 100 and a range of 2: it activates at 103 and stays 3 below the high.
        let mut stop = TrailingStop::new(d("100"), 2.0, TrailingRules::default()).unwrap();
        for (price, want) in [
            (102.99, None),
            (90.0, None),
            (103.0, Some(TrailingChange::Activated(d("100")))),
            (102.0, None),
            (103.5, Some(TrailingChange::Raised(d("100.5")))),
            (f64::NAN, None),
            (103.4, None),
            (100.51, None),
            (100.5, Some(TrailingChange::Triggered)),
            (200.0, None),
        ] {
            assert_eq!(stop.on_price(price), want, "{price}");
        }
        assert_eq!((stop.state(), stop.stop()), (TrailingState::Triggered, Some(d("100.5"))));
    }

    #[test]
    fn there_is_no_range_to_assume() {
        for atr in [0.0, -1.0, f64::NAN] {
            assert!(TrailingStop::new(d("100"), atr, TrailingRules::default()).is_err());
        }
    }

    proptest! {
        #[test]
        fn it_never_falls(steps in prop::collection::vec(-300_i32..320, 1..400)) {
            let mut stop = TrailingStop::new(d("100"), 1.3, TrailingRules::default()).unwrap();
            let (mut price, mut last, mut high) = (100.0, None, 0.0_f64);
            for step in steps {
                price = (price + f64::from(step) / 100.0).max(1.0);
                let state = stop.state();
                stop.on_price(price);
                prop_assert!(stop.stop() >= last);
                prop_assert!(state != TrailingState::Triggered || stop.state() == TrailingState::Triggered);
                if stop.state() == TrailingState::Active {
                    high = high.max(price);
                    prop_assert!((nearest(stop.stop().unwrap()) - (high - 1.95)).abs() < 1e-6);
                }
                last = stop.stop();
            }
        }
    }
}
