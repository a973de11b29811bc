//! The same course of the equity gives the same Sharpe ratio at a minute, an hour and a day.

use market_backbone_core::{Candle, CandleColumns, Grid, Series, Side, Timeframe, Timestamp};
use market_backbone_strategy::Decimal;
use market_backbone_strategy::backtest::{Backtest, BacktestConfig};
use market_backbone_strategy::order::{OrderKind, OrderRequest};
use market_backbone_strategy::report::BacktestReport;
use market_backbone_strategy::runner::Runner;
use market_backbone_strategy::strategy::{Context, Strategy};

use crate::next_open_broker::NextOpenBroker;
use crate::runner::series;

/// Buys once and holds.
#[derive(Debug, Default)]
struct Holder {
    has_bought: bool,
}

impl Strategy for Holder {
    fn on_bar(&mut self, series: &Series, _candle: &Candle, context: &mut dyn Context) {
        if !std::mem::replace(&mut self.has_bought, true) {
            let order = OrderRequest::new(series.symbol.clone(), Side::Buy, Decimal::ONE, OrderKind::Market);
            context.submit(order).unwrap();
        }
    }
}

/// Minutes of a walk with a drift over so many days, from a generator of its own.
fn minutes(days: i64) -> CandleColumns {
    let (mut state, mut price) = (1_u64, 1_000.0_f64);
    let mut step = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let noise = (state >> 33) as f64 / f64::from(1_u32 << 30) - 1.0;
        price *= 1.0 + 2e-6 + noise * 5e-4;
        price
    };
    (0..days * 1_440)
        .map(|minute| {
            let (open, close) = (step(), step());
            let (high, low) = (open.max(close), open.min(close));
            let open_time = Timestamp::from_secs(minute * 60);
            Candle { open_time, open, high, low, close, volume: 1.0, turnover: close, is_final: true }
        })
        .collect()
}

/// The same candles, so many to one.
fn folded(minutes: &CandleColumns, by: usize) -> CandleColumns {
    let rows = minutes.to_vec();
    rows.chunks(by)
        .map(|rows| {
            let (first, last) = (rows[0], rows[rows.len() - 1]);
            let high = rows.iter().map(|row| row.high).fold(f64::MIN, f64::max);
            let low = rows.iter().map(|row| row.low).fold(f64::MAX, f64::min);
            Candle { high, low, close: last.close, ..first }
        })
        .collect()
}

fn report(candles: &CandleColumns, timeframe: Timeframe, days_per_year: u16) -> BacktestReport {
    let runner = Runner::new(Holder::default(), NextOpenBroker::new(2_000, Decimal::ZERO), Grid::Utc);
    let mut backtest = Backtest::new(runner, BacktestConfig { grid: Grid::Utc, days_per_year });
    backtest.bars(&Series::new(series().symbol, timeframe), candles);
    backtest.finish()
}

#[test]
fn one_curve_has_one_sharpe_ratio_at_every_timeframe() {
    let minutes = minutes(120);
    let by_minute = report(&minutes, Timeframe::M1, 365).performance;
    let (of, days) = (by_minute.sharpe.unwrap(), by_minute.days);
    assert!(of.abs() > 0.1 && days == 120, "{of} over {days} days");
    for (timeframe, by) in [(Timeframe::H1, 60), (Timeframe::D1, 1_440)] {
        let other = report(&folded(&minutes, by), timeframe, 365).performance;
        let near = |one: Option<f64>, two: Option<f64>| {
            let (one, two) = (one.unwrap(), two.unwrap());
            assert!((one - two).abs() <= 0.05 * two.abs(), "{timeframe}: {one} and {two}");
        };
        near(other.sharpe, by_minute.sharpe);
        near(other.sortino, by_minute.sortino);
        near(other.calmar, by_minute.calmar);
    }
}

#[test]
fn the_factor_is_that_of_the_venues_calendar() {
    let minutes = minutes(40);
    let sharpe = |days_per_year| report(&minutes, Timeframe::M1, days_per_year).performance.sharpe.unwrap();
    assert!((sharpe(365) / sharpe(252) - (365.0_f64 / 252.0).sqrt()).abs() < 1e-9);
}
