//! The crossing of two simple moving averages.

use market_backbone_core::{Candle, Series, Side};
use rust_decimal::{Decimal, RoundingStrategy};

use super::Sizing;
use crate::decimals::decimal;
use crate::order::{OrderKind, OrderRequest};
use crate::strategy::{Context, Strategy};

/// The number of decimals of an amount that is computed from cash.
const AMOUNT_DECIMALS: u32 = 8;
/// How many times the amount that the close would pay for is ordered.
const ALL_IN_FACTOR: Decimal = Decimal::TWO;

/// The reason why a strategy cannot be run with these parameters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParameterError(String);

/// Buys when the fast average of closes crosses above the slow one, and sells all when it crosses below.
///
/// It decides when a bar closes, with market orders, which later events fill. It is long or flat, never short.
#[derive(Debug)]
pub struct SmaCross {
    series: Series,
    fast: RollingMean,
    slow: RollingMean,
    /// The fast average minus the slow one at the bar before.
    spread: Option<f64>,
    sizing: Sizing,
}

impl SmaCross {
    /// Returns the strategy for `series` with averages of so many bars.
    ///
    /// # Errors
    ///
    /// [`ParameterError`] if a window is 0, the fast one is not shorter than the slow one, or the amount is not above 0.
    pub fn new(series: Series, fast: usize, slow: usize, sizing: Sizing) -> Result<Self, ParameterError> {
        if fast == 0 || fast >= slow {
            return Err(ParameterError(format!(
                "the fast window ({fast}) must be at least 1 and shorter than the slow one ({slow})"
            )));
        }
        if let Sizing::Quantity(quantity) = sizing
            && quantity <= Decimal::ZERO
        {
            return Err(ParameterError(format!("the amount to buy must be above 0, not {quantity}")));
        }
        Ok(Self { series, fast: RollingMean::new(fast), slow: RollingMean::new(slow), spread: None, sizing })
    }

    /// Takes a close in, and returns the spread of the averages before and after it, once there are both.
    #[inline]
    fn push(&mut self, close: f64) -> Option<(f64, f64)> {
        let (fast, slow) = (self.fast.push(close), self.slow.push(close));
        let after = fast? - slow?;
        self.spread.replace(after).map(|before| (before, after))
    }

    #[cold]
    fn buy(&self, candle: &Candle, context: &mut dyn Context) {
        let symbol = &self.series.symbol;
        if !context.position(symbol).is_flat() {
            return;
        }
        let quantity = match self.sizing {
            Sizing::Quantity(quantity) => quantity,
            Sizing::AllIn => {
                let price = decimal(candle.close).unwrap_or_default();
                // More than the cash pays for wherever the next bar opens: the broker shrinks it.
                let quantity = context.cash().checked_div(price).unwrap_or_default() * ALL_IN_FACTOR;
                quantity.round_dp_with_strategy(AMOUNT_DECIMALS, RoundingStrategy::ToZero)
            }
        };
        if quantity > Decimal::ZERO {
            self.order(Side::Buy, quantity, context);
        }
    }

    #[cold]
    fn sell(&self, context: &mut dyn Context) {
        let held = context.position(&self.series.symbol).quantity;
        if held > Decimal::ZERO {
            self.order(Side::Sell, held, context);
        }
    }

    fn order(&self, side: Side, quantity: Decimal, context: &mut dyn Context) {
        let request = OrderRequest::new(self.series.symbol.clone(), side, quantity, OrderKind::Market);
        let request = if side == Side::Sell { request.reduce_only() } else { request };
        // A refusal is in the decision log; the next crossing tries again.
        let _ = context.submit(request);
    }
}

impl Strategy for SmaCross {
    fn warm_up(&self) -> usize {
        self.slow.window() + 1
    }

    fn on_warm_up(&mut self, series: &Series, candle: &Candle) {
        if *series == self.series {
            self.push(candle.close);
        }
    }

    fn on_bar(&mut self, series: &Series, candle: &Candle, context: &mut dyn Context) {
        if *series != self.series {
            return;
        }
        match self.push(candle.close) {
            Some((before, after)) if before <= 0.0 && after > 0.0 => self.buy(candle, context),
            Some((before, after)) if before >= 0.0 && after < 0.0 => self.sell(context),
            _ => {}
        }
    }
}

/// The mean of the last values, updated in the order of operations of TA-Lib, so that the last bits agree too.
#[derive(Debug)]
struct RollingMean {
    values: Box<[f64]>,
    /// The place of the oldest value, which the next one replaces.
    next: usize,
    seen: usize,
    sum: f64,
}

impl RollingMean {
    fn new(window: usize) -> Self {
        Self { values: vec![0.0; window].into_boxed_slice(), next: 0, seen: 0, sum: 0.0 }
    }

    const fn window(&self) -> usize {
        self.values.len()
    }

    #[inline]
    fn push(&mut self, value: f64) -> Option<f64> {
        self.sum += value;
        self.values[self.next] = value;
        self.next += 1;
        if self.next == self.values.len() {
            self.next = 0;
        }
        self.seen += 1;
        if self.seen < self.values.len() {
            return None;
        }
        let mean = self.sum / self.values.len() as f64;
        self.sum -= self.values[self.next];
        Some(mean)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_is_that_of_the_window() {
        let mut mean = RollingMean::new(3);
        let means: Vec<_> = [1.0, 2.0, 3.0, 7.0, 2.0].into_iter().map(|value| mean.push(value)).collect();
        assert_eq!(means, [None, None, Some(2.0), Some(4.0), Some(4.0)]);
        let mut one = RollingMean::new(1);
        assert_eq!((one.push(5.0), one.push(6.0)), (Some(5.0), Some(6.0)));
    }
}
