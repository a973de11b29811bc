//! The rules of the trading engine.

use std::time::Duration;

use rust_decimal::{Decimal, RoundingStrategy};

use super::double_tap::DoubleTapRules;
use super::engine_market::ExitPrices;
use crate::decimals::decimal;
use crate::trailing::TrailingRules;

/// The size of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EntrySize {
    /// An amount of the base currency.
    Quantity(Decimal),
    /// A value in the quote currency.
    Value(Decimal),
    /// A fraction of the account's value when the signal comes: 0.1 is a tenth.
    Share(Decimal),
}

impl EntrySize {
    /// Returns the amount to buy at `price` with an account that is worth `equity`, if it is above zero.
    pub(super) fn quantity(self, price: Decimal, equity: impl FnOnce() -> Decimal) -> Option<Decimal> {
        let bought_for = |value: Decimal| (value / price).round_dp_with_strategy(8, RoundingStrategy::ToZero);
        let quantity = match self {
            Self::Quantity(quantity) => quantity,
            Self::Value(value) => bought_for(value),
            Self::Share(share) => bought_for(equity() * share),
        };
        (quantity > Decimal::ZERO).then_some(quantity)
    }
}

/// The distance of an exit from the entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitDistance {
    /// A fraction of the entry price: 0.02 is 2 %.
    Fraction(Decimal),
    /// A number of average true ranges of daily bars.
    Atr(Decimal),
}

impl ExitDistance {
    fn at(self, price: Decimal, atr: Option<f64>) -> Option<Decimal> {
        let away = match self {
            Self::Fraction(fraction) => price * fraction,
            Self::Atr(multiple) => multiple * atr.filter(|atr| *atr > 0.0).and_then(decimal)?,
        };
        Some(away.round_dp(8))
    }
}

/// The rules of a [`TradingEngine`](super::TradingEngine).
#[derive(Clone, Debug, PartialEq)]
pub struct EngineRules {
    /// The size of an entry.
    pub size: EntrySize,
    /// The least confidence of a signal, from 0 to 1.
    pub min_confidence: f64,
    /// The distance of the stop below the entry.
    pub stop: ExitDistance,
    /// The distance of the target above the entry; `None` for no target.
    pub target: Option<ExitDistance>,
    /// The stop that follows a profit. It needs the average true range of the signal.
    pub trailing: Option<TrailingRules>,
    /// The time after which a position is closed at the market.
    pub time_stop: Option<Duration>,
    /// The time after which an entry that was not filled is cancelled.
    pub patience: Option<Duration>,
    /// The second entry after an exit.
    pub double_tap: Option<DoubleTapRules>,
}

impl EngineRules {
    /// Returns the usual rules for entries of this size: signals from 0.7, a stop at -2 %, a target at +8 %, a trailing stop
    /// from +3 %, no position longer than three minutes, no entry older than one, no second entry.
    #[must_use]
    pub fn new(size: EntrySize) -> Self {
        Self {
            size,
            min_confidence: 0.7,
            stop: ExitDistance::Fraction(Decimal::new(2, 2)),
            target: Some(ExitDistance::Fraction(Decimal::new(8, 2))),
            trailing: Some(TrailingRules::default()),
            time_stop: Some(Duration::from_secs(180)),
            patience: Some(Duration::from_secs(60)),
            double_tap: None,
        }
    }

    /// Returns the exits of an entry at `price`; `None` if the stop's distance is not known or not below the price.
    pub(super) fn exits(&self, price: Decimal, atr: Option<f64>) -> Option<ExitPrices> {
        let stop = price - self.stop.at(price, atr)?;
        let target = match self.target {
            Some(distance) => Some(price + distance.at(price, atr)?),
            None => None,
        };
        (Decimal::ZERO < stop && stop < price).then_some(ExitPrices { stop, target })
    }
}
