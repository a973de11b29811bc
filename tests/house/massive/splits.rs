//! Bars that splits fall into, held against what the venue's look-alike adjusts by itself.

use market_backbone::{
    AggregateBar, AggregateSpec, Builder, Candle, CandleSet, MASSIVE, Slot, Symbol, TimeRange, Timeframe,
    Timespan,
};
use market_backbone_emulator::{
    ExchangeHours, SplitSpec, StockActivity, StocksScenario, TickerSet, TickerSpec,
};

use super::rig::{DAY, ELEVEN, Stocks, at, millis, range};

/// A share and its splits: date, old shares, new ones.
type Share = (&'static str, &'static [(&'static str, u32, u32)]);

/// A split on each weekday, reverse ones, several in one bar, on the ends of bars, in the bar that forms, and to come.
const SHARES: [Share; 14] = [
    ("MON", &[("2026-07-20", 1, 4)]),
    ("TUE", &[("2026-07-21", 1, 7)]),
    ("WED", &[("2026-07-22", 2, 3)]),
    ("THU", &[("2026-07-23", 1, 20)]),
    ("FRI", &[("2026-07-24", 1, 3)]),
    ("SUN", &[("2026-07-19", 1, 2)]),
    ("REVMON", &[("2026-06-15", 8, 1)]),
    ("REVWED", &[("2026-06-17", 15, 1)]),
    ("REVFRI", &[("2026-06-19", 3, 1)]),
    ("MONTHTWO", &[("2026-06-03", 1, 4), ("2026-06-23", 1, 5)]),
    ("WEEKTWO", &[("2026-06-09", 10, 1), ("2026-06-11", 1, 25)]),
    ("ENDS", &[("2025-12-31", 1, 6), ("2026-06-01", 9, 2), ("2026-07-31", 1, 2)]),
    ("NOW", &[("2026-08-04", 1, 4), ("2026-08-06", 3, 1)]),
    ("SOON", &[("2026-06-10", 1, 4), ("2026-08-07", 1, 10)]),
];

async fn house(hours: ExchangeHours, now: i64) -> Stocks {
    let spec = |(ticker, splits): &Share| TickerSpec {
        splits: splits.iter().map(|(date, from, to)| SplitSpec::new(date, *from, *to)).collect(),
        ..TickerSpec::new(ticker, StockActivity::Thin)
    };
    let tickers = TickerSet::Own(SHARES.iter().map(spec).collect());
    let stage = StocksScenario { tickers, hours, history_days: 400, ..StocksScenario::default() };
    Stocks::staged(now, stage, Builder::in_memory).await
}

/// What the venue says of a stretch when it adjusts by itself.
async fn venue(house: &Stocks, code: &str, span: (u32, Timespan), stretch: (i64, i64)) -> Vec<AggregateBar> {
    let kind = AggregateSpec { multiplier: span.0, timespan: span.1, adjusted: true };
    let range = TimeRange::new(at(stretch.0), at(stretch.1)).unwrap();
    let symbol = Symbol::new(MASSIVE, code).unwrap();
    house.backbone.massive().unwrap().aggregates(&symbol, kind, range).await.unwrap()
}

#[track_caller]
fn are_equal(set: &CandleSet, bars: &[AggregateBar]) {
    let figures = |row: &Candle| [row.open, row.high, row.low, row.close, row.volume];
    let opens: Vec<_> = set.candles.iter().map(|row| row.open_time).collect();
    assert_eq!(opens, bars.iter().map(|bar| bar.open_time).collect::<Vec<_>>(), "{}", set.series);
    for (row, bar) in set.candles.iter().zip(bars) {
        let want = [bar.open, bar.high, bar.low, bar.close, bar.volume];
        let near = figures(&row).into_iter().zip(want).all(|(got, want)| (got - want).abs() <= 1e-9 * want);
        assert!(near, "{}: {row:?} {bar:?}", set.series);
        // Dollars stay what was paid. The venue tells four decimals of its average, of a price from five dollars on.
        let paid = bar.volume * bar.vwap.unwrap();
        assert!((row.turnover - paid).abs() <= 1e-5 * paid, "{}: {row:?}", set.series);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn weeks_months_and_years_with_splits_equal_what_the_venue_adjusts() {
    let house = house(ExchangeHours::NewYork, ELEVEN).await;
    let mut requests = Vec::new();
    for (code, splits) in SHARES {
        for (frame, span, from) in [
            (Timeframe::D1, Timespan::Day, "2025-11-03T05:00:00Z"),
            (Timeframe::W1, Timespan::Week, "2025-11-02T04:00:00Z"),
            (Timeframe::Month, Timespan::Month, "2025-11-01T04:00:00Z"),
            (Timeframe::Year, Timespan::Year, "2026-01-01T05:00:00Z"),
        ] {
            let stretch = (millis(from), ELEVEN);
            let ask = || house.client().candles(code, frame).range(range(stretch.0, stretch.1)).adjusted();
            let set = ask().await.unwrap();
            are_equal(&set, &venue(&house, code, (1, span), stretch).await);
            let (asked, again) = (house.asked(), ask().await.unwrap());
            assert_eq!(again.candles, set.candles);
            // What still forms is asked for again, the bar and its days; what is over is not.
            assert!(house.asked() - asked <= 2, "{code} {frame}: {}", house.asked() - asked);
            requests.push((code, frame, splits.len(), set.stats.requests));
        }
    }
    println!("{requests:?}");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_closed_bars_and_ranges_from_within_a_bar_are_adjusted_alike() {
    let house = house(ExchangeHours::NewYork, ELEVEN).await;
    let client = house.client();
    for code in ["TUE", "MONTHTWO", "NOW", "WEEKTWO"] {
        for (frame, span) in [(Timeframe::W1, Timespan::Week), (Timeframe::Month, Timespan::Month)] {
            let bars = venue(&house, code, (1, span), (millis("2026-03-01T05:00:00Z"), ELEVEN)).await;
            let newest = client.candles(code, frame).last(4).adjusted().await.unwrap();
            are_equal(&newest, &bars[bars.len() - 4..]);
            let closed = client.candles(code, frame).last(3).closed().adjusted().await.unwrap();
            are_equal(&closed, &bars[bars.len() - 4..bars.len() - 1]);
            // From within one bar to within another: those that open between.
            let (from, to) = (bars[1].open_time.as_millis() + 3 * DAY, bars[4].open_time.as_millis() + DAY);
            let within = client.candles(code, frame).range(range(from, to)).adjusted().await.unwrap();
            are_equal(&within, &bars[2..5]);
        }
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn as_of_a_moment_only_splits_that_had_taken_effect_count() {
    let house = house(ExchangeHours::NewYork, ELEVEN).await;
    let client = house.client();
    let span = range(millis("2026-05-31T04:00:00Z"), millis("2026-06-21T04:00:00Z"));
    let ask =
        |as_of: &str| client.candles("MONTHTWO", Timeframe::W1).range(span.clone()).as_of(at(millis(as_of)));
    let today = client.candles("MONTHTWO", Timeframe::W1).range(span.clone()).adjusted().await.unwrap();
    let then = ask("2026-06-22T12:00:00Z").adjusted().await.unwrap();
    assert_eq!((today.candles.len(), then.candles.len()), (3, 3));
    for (now, before) in today.candles.iter().zip(&then.candles) {
        assert!((now.close * 5.0 - before.close).abs() < 1e-9 * before.close, "the second split was to come");
        assert!((now.volume - before.volume * 5.0).abs() < 1e-9 * now.volume);
    }
    let before_both = ask("2026-06-02T12:00:00Z").adjusted().await.unwrap();
    assert_eq!(before_both.candles, ask("2026-06-02T12:00:00Z").await.unwrap().candles);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn four_hours_across_new_yorks_midnight_are_adjusted_from_hours() {
    // In winter New York's midnight, where a split takes effect, lies within the four hours from 04:00Z.
    let now = millis("2025-11-20T17:00:00Z");
    let shares: [Share; 1] = [("AAPL", &[("2025-11-19", 1, 4)])];
    let spec = TickerSpec {
        splits: vec![SplitSpec::new(shares[0].1[0].0, 1, 4)],
        ..TickerSpec::new("AAPL", StockActivity::Busy)
    };
    let tickers = TickerSet::Own(vec![spec]);
    let stage = StocksScenario {
        tickers,
        hours: ExchangeHours::Always,
        history_days: 30,
        ..StocksScenario::default()
    };
    let house = Stocks::staged(now, stage, Builder::in_memory).await;
    let stretch = (millis("2025-11-18T00:00:00Z"), millis("2025-11-20T00:00:00Z"));
    let ask = house.client().candles("AAPL", Timeframe::H4).range(range(stretch.0, stretch.1));
    let set = ask.adjusted().await.unwrap();
    assert_eq!(set.candles.len(), 12);
    assert!(matches!(set.slot(at(millis("2025-11-19T04:00:00Z"))), Slot::Present(_)));
    are_equal(&set, &venue(&house, "AAPL", (4, Timespan::Hour), stretch).await);
    house.close().await;
}
