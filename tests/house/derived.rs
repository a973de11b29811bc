//! Longer candles out of minutes that are known: the venue's own figures, without asking for them.

use std::time::Duration;

use market_backbone::{
    Backbone, Candle, CandleColumns, CandleSet, Clock, DerivationPolicy, Origin, Priority, SystemClock,
    Timeframe, Timestamp,
};
use market_backbone_emulator::{MarketActivity, MarketSet, MarketSpec, Quirks, Scenario};
use market_backbone_tests::House;

const DAY: Duration = Duration::from_secs(86_400);
const INTRADAY: [Timeframe; 7] = [
    Timeframe::M3,
    Timeframe::M5,
    Timeframe::M10,
    Timeframe::M15,
    Timeframe::M30,
    Timeframe::H1,
    Timeframe::H4,
];

fn markets(paces: &[(&str, MarketActivity)]) -> MarketSet {
    let spec = |(code, pace): &(&str, MarketActivity)| MarketSpec {
        code: (*code).to_owned(),
        korean_name: (*code).to_owned(),
        english_name: (*code).to_owned(),
        price: 1_234.5,
        activity: *pace,
    };
    MarketSet::Own(paces.iter().map(spec).collect())
}

/// The whole UTC day before yesterday, settled beyond doubt.
fn a_day() -> std::ops::Range<Timestamp> {
    let now = SystemClock.now().as_secs();
    let from = Timestamp::from_secs(now - now.rem_euclid(86_400)).minus(2 * DAY);
    from..from.plus(DAY)
}

async fn ask(backbone: &Backbone, market: &str, timeframe: Timeframe) -> CandleSet {
    backbone.client(Priority::Normal).candles(market, timeframe).range(a_day()).await.unwrap()
}

#[track_caller]
fn assert_same(derived: &CandleColumns, venue: &CandleColumns) {
    assert_eq!(derived.len(), venue.len());
    for (got, want) in derived.iter().zip(venue) {
        assert_eq!(Candle { turnover: 0.0, ..got }, Candle { turnover: 0.0, ..want }, "to the bit");
        let off = (got.turnover - want.turnover).abs();
        assert!(off <= want.turnover * 4.0 * f64::EPSILON, "{} {}", got.turnover, want.turnover);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_minutes_add_up_to_is_what_the_venue_says_and_costs_nothing() {
    let paces = [
        ("KRW-BUSY", MarketActivity::Busy),
        ("KRW-NORMAL", MarketActivity::Normal),
        ("KRW-THIN", MarketActivity::Thin),
    ];
    let scenario = Scenario { markets: markets(&paces), ..Scenario::default() };
    let house = House::on(scenario.clone()).await.unwrap();
    let asking = Backbone::builder()
        .upbit_at(&house.venue.rest_url(), &house.venue.ws_url())
        .in_memory()
        .derive(DerivationPolicy::Never)
        .build()
        .await
        .unwrap();
    for (market, _) in paces {
        ask(&house.backbone, market, Timeframe::M1).await;
        let before = house.asked("candles");
        let mut derived = Vec::new();
        for timeframe in INTRADAY {
            let set = ask(&house.backbone, market, timeframe).await;
            assert_eq!((set.stats.requests, set.stats.venue_rows), (0, 0));
            assert!(set.coverage.spans().iter().all(|span| span.provenance.origin == Origin::Derived));
            derived.push(set);
        }
        assert_eq!(house.asked("candles"), before);
        for (set, timeframe) in derived.into_iter().zip(INTRADAY) {
            let venue = ask(&asking, market, timeframe).await;
            assert!(
                venue
                    .coverage
                    .spans()
                    .iter()
                    .all(|span| matches!(span.provenance.origin, Origin::Rest | Origin::Early))
            );
            assert_eq!(set.coverage.ranges(), venue.coverage.ranges());
            assert_same(&set.candles, &venue.candles);
        }
    }
    asking.shutdown().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn days_are_asked_for_unless_the_caller_allows_otherwise() {
    // A venue whose days are never the sum of their minutes.
    let quirks = Quirks { odd_days: 1, ..Quirks::default() };
    let markets = markets(&[("KRW-THIN", MarketActivity::Thin)]);
    let scenario = Scenario { markets, quirks, ..Scenario::default() };
    for (derive, requests) in [(DerivationPolicy::Intraday, 1), (DerivationPolicy::All, 0)] {
        let house =
            House::built(scenario.clone(), |builder| builder.in_memory().derive(derive)).await.unwrap();
        let minutes = ask(&house.backbone, "KRW-THIN", Timeframe::M1).await;
        let days = ask(&house.backbone, "KRW-THIN", Timeframe::D1).await;
        assert_eq!((days.candles.len(), days.stats.requests), (1, requests));
        let sum: f64 = minutes.candles.iter().map(|candle| candle.volume).sum();
        let agrees = (days.candles.first().unwrap().volume - sum).abs() < 1e-6;
        assert_eq!(agrees, derive == DerivationPolicy::All, "what is asked for is the venue's own word");
        house.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_count_goes_on_at_the_venue_where_the_minutes_end() {
    let scenario =
        Scenario { markets: markets(&[("KRW-BUSY", MarketActivity::Busy)]), ..Scenario::default() };
    let house = House::on(scenario).await.unwrap();
    let client = house.backbone.client(Priority::Normal);
    let end = a_day().end;
    client.candles("KRW-BUSY", Timeframe::M1).last(600).before(end).await.unwrap();
    let asked = house.asked("candles");
    let last = |count| client.candles("KRW-BUSY", Timeframe::M5).last(count).before(end);
    let plan = last(120).plan().await.unwrap();
    assert_eq!((plan.known_slots, plan.unknown_slots, plan.pages), (120, 0, 0));
    let known = last(120).await.unwrap();
    assert_eq!((known.candles.len(), known.stats.requests), (120, 0));
    let beyond = last(300).await.unwrap();
    assert_eq!((beyond.candles.len(), beyond.stats.requests), (300, 1));
    assert_eq!(beyond.candles.slice(180..), known.candles);
    assert_eq!(house.asked("candles"), asked + 1);
    let venues_own = |set: &CandleSet| {
        set.coverage.spans().iter().any(|span| matches!(span.provenance.origin, Origin::Rest | Origin::Early))
    };
    assert!(!venues_own(&known) && venues_own(&beyond));
    assert!(
        beyond
            .coverage
            .covers(market_backbone::TimeRange::new(beyond.candles.first().unwrap().open_time, end).unwrap())
    );
    house.close().await;
}
