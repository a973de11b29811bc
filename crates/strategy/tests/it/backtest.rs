//! A run that was worked out by hand.

use market_backbone_core::{CandleColumns, Grid};
use market_backbone_strategy::Decimal;
use market_backbone_strategy::backtest::{Backtest, BacktestConfig};
use market_backbone_strategy::builtin::{Sizing, SmaCross};
use market_backbone_strategy::report::BacktestReport;
use market_backbone_strategy::runner::Runner;

use crate::next_open_broker::NextOpenBroker;
use crate::runner::{bar, candle, series};

/// Closes 10, 10, 10, 16, 16, 4, 4, 4: averages of 2 and 3 bars cross up at bar 3 and down at bar 5.
fn worked() -> CandleColumns {
    let prices = [
        (10.0, 10.0),
        (10.0, 10.0),
        (10.0, 10.0),
        (12.0, 16.0),
        (18.0, 16.0),
        (14.0, 4.0),
        (5.0, 4.0),
        (4.0, 4.0),
    ];
    let rows = prices.iter().zip(0..);
    rows.map(|((open, close), minute)| candle(minute, *open, *close)).collect()
}

fn run(
    candles: &CandleColumns,
    feed: impl FnOnce(&mut Backtest<SmaCross, NextOpenBroker>),
) -> BacktestReport {
    let _ = candles;
    let strategy = SmaCross::new(series(), 2, 3, Sizing::Quantity(Decimal::from(10))).unwrap();
    let broker = NextOpenBroker::new(1_000, Decimal::new(1, 2));
    let mut backtest = Backtest::new(Runner::new(strategy, broker, Grid::Utc), BacktestConfig::default());
    feed(&mut backtest);
    backtest.finish()
}

#[test]
fn trades_fees_and_equity_are_those_of_the_worked_example() {
    let candles = worked();
    let report = run(&candles, |backtest| backtest.bars(&series(), &candles));
    // Bar 3 closes at 16: the mean of two is 13, that of three 12, so it buys 10 at the open of bar 4, 18: 180 and 1.80.
    // Bar 5 closes at 4: 10 against 12, so it sells at the open of bar 6, 5: 50 and 0.50.
    assert_eq!((report.bars, report.trades.count, report.open_positions), (8, 1, 0));
    let trip = report.round_trips[0];
    assert_eq!((trip.entry_price, trip.exit_price, trip.quantity), (18.0, 5.0, 10.0));
    assert!((trip.profit - -132.3).abs() < 1e-9 && (trip.fees - 2.3).abs() < 1e-9, "{trip:?}");
    assert_eq!(report.fees, Decimal::new(230, 2));
    assert_eq!(report.final_equity, Decimal::new(86_770, 2));
    assert!((report.total_return.unwrap() - -0.1323).abs() < 1e-12);
    // Equity at the closes: 1000 ×4, then 998.2 - 180 + 160 = 978.2, 858.2, 867.7, 867.7.
    assert!((report.performance.max_drawdown - 0.1418).abs() < 1e-12, "{:?}", report.performance);
    assert_eq!(report.performance.sharpe, None, "one day has no deviation");
    assert_eq!((report.fills.proven, report.fills.assumed, report.fills.ambiguous), (2, 0, 0));
    assert_eq!(report.traded, 230.0);
    // A position from the close of bar 4 (when it is first known) to that of bar 6: two of eight minutes.
    assert_eq!(report.exposure, Some(0.25));
    assert_eq!(report.markets[0].profit, trip.profit);
}

#[test]
fn columns_and_events_give_the_same_report() {
    let candles = worked();
    let columns = run(&candles, |backtest| backtest.bars(&series(), &candles));
    let events = run(&candles, |backtest| {
        backtest.events(candles.iter().zip(0..).map(|(row, minute)| bar(minute, row.open, row.close)));
    });
    assert_eq!(columns, events);
}

#[test]
fn a_second_series_changes_nothing_for_a_strategy_that_is_about_the_first() {
    let candles = worked();
    let alone = run(&candles, |backtest| backtest.bars(&series(), &candles));
    let mut five = series();
    five.timeframe = market_backbone_core::Timeframe::M5;
    let fives: CandleColumns = [candle(0, 10.0, 16.0), candle(5, 14.0, 4.0)].into();
    let both =
        run(&candles, |backtest| backtest.bars_of(&[(series(), candles.clone()), (five, fives.clone())]));
    assert_eq!((both.bars, both.round_trips, both.final_equity), (10, alone.round_trips, alone.final_equity));
}

#[test]
fn a_position_that_is_still_open_is_valued_and_is_no_trade() {
    let candles = worked().slice(..6);
    let report = run(&candles, |backtest| backtest.bars(&series(), &candles));
    assert_eq!((report.trades.count, report.open_positions, report.trades.win_rate), (0, 1, None));
    assert_eq!(report.final_equity, Decimal::new(85_820, 2));
}

#[test]
fn a_run_without_events_has_no_figures() {
    let report = run(&CandleColumns::new(), |_| {});
    assert_eq!((report.bars, report.exposure, report.turnover), (0, None, None));
    assert_eq!(report.final_equity, report.initial_equity);
}
