//! A bar costs no allocation, and the books of a run do not grow with it.

use market_backbone_core::{CandleColumns, Grid};
use market_backbone_strategy::Decimal;
use market_backbone_strategy::backtest::{Backtest, BacktestConfig};
use market_backbone_strategy::builtin::{Sizing, SmaCross};
use market_backbone_strategy::paper::{FeeRates, PaperBroker, PaperConfig};
use market_backbone_strategy::runner::Runner;

use crate::runner::{candle, series};

/// The allocations of a run over so many bars whose averages never cross.
fn allocations(bars: i64) -> u64 {
    let candles: CandleColumns = (0..bars).map(|minute| candle(minute, 100.0, 100.0)).collect();
    let counted = allocation_counter::measure(|| {
        let config = PaperConfig::new(Decimal::from(1_000), FeeRates::quote(Decimal::ZERO));
        let strategy = SmaCross::new(series(), 5, 20, Sizing::AllIn).unwrap();
        let runner = Runner::new(strategy, PaperBroker::new(config).unwrap(), Grid::Utc);
        let mut backtest = Backtest::new(runner, BacktestConfig::default());
        backtest.bars(&series(), &candles);
        assert_eq!(backtest.report().bars, bars.unsigned_abs());
    });
    counted.count_total
}

#[test]
fn a_bar_without_a_fill_allocates_nothing() {
    let (few, many) = (allocations(5_000), allocations(50_000));
    // Days and the joining of neighbours on the curve are all there is: each doubling costs a handful.
    assert!(many < few + 60, "{few} for 5,000 bars, {many} for 50,000");
}
