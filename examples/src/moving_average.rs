//! A moving-average bot in forty lines. `live_bot` runs it live on paper, `backtester` over history: it is the same code.

use market_backbone::strategy::order::{OrderFill, OrderId, OrderKind, OrderRequest};
use market_backbone::strategy::{Context, Decimal, Strategy};
use market_backbone::{Candle, Series, Side};

/// Buys when the fast average crosses above the slow one, sells when it crosses below, and never without a stop.
#[derive(Debug)]
pub struct MovingAverageBot {
    fast: usize,
    slow: usize,
    amount: Decimal,
    stop: Option<OrderId>,
}

impl MovingAverageBot {
    /// Returns a bot with averages of so many bars that buys `amount` each time.
    #[must_use]
    pub const fn new(fast: usize, slow: usize, amount: Decimal) -> Self {
        Self { fast, slow, amount, stop: None }
    }
}

impl Strategy for MovingAverageBot {
    fn on_bar(&mut self, series: &Series, _bar: &Candle, context: &mut dyn Context) {
        let bars = context.history(series, self.slow + 1);
        let held = context.position(&series.symbol).quantity;
        let mean = |bars: &[Candle]| bars.iter().map(|bar| bar.close).sum::<f64>() / bars.len() as f64;
        let is_above = |end: usize| mean(&bars[end - self.fast..end]) > mean(&bars[end - self.slow..end]);
        if bars.len() <= self.slow || is_above(self.slow) == is_above(self.slow + 1) {
            return;
        }
        let market = |side, amount| OrderRequest::new(series.symbol.clone(), side, amount, OrderKind::Market);
        if held.is_zero() && is_above(self.slow + 1) {
            let _ = context.submit(market(Side::Buy, self.amount).tag("cross"));
        } else if !held.is_zero() && !is_above(self.slow + 1) {
            self.stop.take().map(|stop| context.cancel(stop));
            let _ = context.submit(market(Side::Sell, held).reduce_only().tag("cross"));
        }
    }

    fn on_fill(&mut self, fill: &OrderFill, context: &mut dyn Context) {
        if fill.side == Side::Buy {
            let kind = OrderKind::Stop { trigger: (fill.price * Decimal::new(998, 3)).trunc() };
            let stop = OrderRequest::new(fill.symbol.clone(), Side::Sell, fill.quantity, kind);
            self.stop = context.submit(stop.reduce_only().tag("stop")).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use market_backbone::strategy::backtest::{Backtest, BacktestConfig};
    use market_backbone::strategy::paper::{FeeRates, PaperBroker, PaperConfig};
    use market_backbone::strategy::{Decimal, Runner};
    use market_backbone::{CandleColumns, Grid, Series, Symbol, Timeframe, Timestamp, UPBIT};

    use super::*;

    /// Closes fall, rise and fall again, so that it buys once and leaves once: by the cross, or by the stop where a bar
    /// falls through it first.
    fn left_at(last: &[f64]) -> f64 {
        let closes =
            [&[110_000.0, 108_000.0, 106_000.0, 104_000.0, 108_000.0, 110_000.0, 110_000.0][..], last]
                .concat();
        let bar = |(minute, close): (i64, &f64)| Candle {
            open_time: Timestamp::from_secs(minute * 60),
            open: *close,
            high: *close,
            low: *close,
            close: *close,
            volume: 1.0,
            turnover: *close,
            is_final: true,
        };
        let candles: CandleColumns = (0..).zip(&closes).map(bar).collect();
        let series = Series::new(Symbol::new(UPBIT, "KRW-BTC").unwrap(), Timeframe::M1);
        let config = PaperConfig::new(Decimal::from(1_000_000), FeeRates::quote(Decimal::ZERO));
        let bot = MovingAverageBot::new(2, 3, Decimal::ONE);
        let runner = Runner::new(bot, PaperBroker::new(config).unwrap(), Grid::Utc);
        let mut backtest = Backtest::new(runner, BacktestConfig::default());
        backtest.bars(&series, &candles);
        let report = backtest.finish();
        assert_eq!((report.trades.count, report.open_positions), (1, 0), "{report:?}");
        assert_eq!(report.round_trips[0].entry_price, 110_000.0);
        report.round_trips[0].exit_price
    }

    #[test]
    fn it_leaves_by_the_cross_or_by_the_stop() {
        // The averages turn at 109,900, above the stop at 109,780; the next bar opens at 109,800.
        assert_eq!(left_at(&[109_900.0, 109_800.0]), 109_800.0);
        // A bar opens beyond the stop: it is left at that open.
        assert_eq!(left_at(&[100_000.0, 100_000.0]), 100_000.0);
    }
}
