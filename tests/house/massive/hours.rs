//! Hours of shares while New York changes its clocks: multiples of UTC, in summer and in winter.

use market_backbone::{AggregateSpec, Builder, MASSIVE, Symbol, Timeframe, Timespan};
use market_backbone_emulator::{
    ExchangeHours, StockActivity, StockBar, StocksScenario, TickerSet, TickerSpec,
};

use super::rig::{DAY, HOUR, Stocks, at, millis, range};

/// Open times and prices of what minutes add up to.
fn summed(minutes: &[StockBar], length: i64) -> Vec<(i64, [f64; 4])> {
    let slot = |bar: &StockBar| bar.start_ms.div_euclid(length) * length;
    let dollars = |e8: Option<i64>| e8.unwrap() as f64 / 1e8;
    minutes
        .chunk_by(|a, b| slot(a) == slot(b))
        .map(|parts| {
            let (high, low) = (parts.iter().map(|bar| bar.high_e8), parts.iter().map(|bar| bar.low_e8));
            let ends = [parts.first().map(|bar| bar.open_e8), parts.last().map(|bar| bar.close_e8)];
            (slot(&parts[0]), [ends[0], high.max(), low.min(), ends[1]].map(dollars))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn hours_of_shares_are_multiples_of_utc_over_both_changes_of_the_clock() {
    // Noon in New York on the Tuesdays after the clocks went forward, and back.
    for now in ["2026-03-10T16:00:00Z", "2026-11-03T17:00:00Z"].map(millis) {
        for hours in [ExchangeHours::NewYork, ExchangeHours::Always] {
            let tickers = TickerSet::Own(vec![TickerSpec::new("AAPL", StockActivity::Busy)]);
            let stage = StocksScenario { tickers, hours, history_days: 60, ..StocksScenario::default() };
            let house = Stocks::staged(now, stage, Builder::in_memory).await;
            let from = (now - 5 * DAY).div_euclid(DAY) * DAY;
            let minutes = house.venue.stocks().minutes("AAPL", from, now, now);
            for (frame, length) in [(Timeframe::H1, 1), (Timeframe::H4, 4)] {
                let set = house.client().candles("AAPL", frame).range(range(from, now)).await.unwrap();
                let want = summed(&minutes, length * HOUR);
                assert_eq!(super::shown(&set.candles), want, "{hours:?} {frame}");
                let newest = house.client().candles("AAPL", frame).last(3).await.unwrap();
                assert_eq!(super::shown(&newest.candles), want[want.len() - 3..], "{hours:?} {frame}");
            }
            let symbol = Symbol::new(MASSIVE, "AAPL").unwrap();
            for multiplier in [1_u32, 2, 4, 12] {
                let kind = AggregateSpec { multiplier, timespan: Timespan::Hour, adjusted: false };
                let stretch = market_backbone::TimeRange::new(at(from), at(now)).unwrap();
                let venue = house.backbone.massive().unwrap();
                let bars = venue.aggregates(&symbol, kind, stretch).await.unwrap();
                let bars: Vec<_> = bars
                    .iter()
                    .map(|bar| (bar.open_time.as_millis(), [bar.open, bar.high, bar.low, bar.close]))
                    .collect();
                assert_eq!(bars, summed(&minutes, i64::from(multiplier) * HOUR), "{hours:?} {multiplier} h");
            }
            house.close().await;
        }
    }
}
