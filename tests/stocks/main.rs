//! US stocks through the router and the coordinator, held against the tape of the venue's emulator.

#![expect(clippy::unwrap_used, reason = "what a test cannot have is a failed test")]

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use market_backbone_coordinator::{Coordinator, CoordinatorConfig};
use market_backbone_core::{
    CallSource, CandleQuery, CandleSet, CandleSource, FeedEvent, LiveSource, ManualClock, PageSource, Secret,
    Series, Slot, StreamKind, Subscription, Symbol, TimeRange, Timeframe, Timestamp,
};
use market_backbone_emulator::{
    Emulator, EmulatorClock, RunningEmulator, Scenario, StockActivity, StockBar, TickerSet, TickerSpec,
};
use market_backbone_massive::{AggregateSpec, MASSIVE, Massive, MassiveClient, MassivePlan, Timespan};
use market_backbone_routing::{Endpoint, Router, RouterConfig};

/// 2026-08-06T15:00:00Z, a Thursday, 11:00 in New York.
const ELEVEN: i64 = 1_786_028_400_000;
const DAY: i64 = 86_400_000;
const HOUR: i64 = 3_600_000;
const MINUTE: i64 = 60_000;

/// A venue, and everything below a backbone.
struct House {
    venue: RunningEmulator,
    hands: EmulatorClock,
    /// Ours.
    clock: Arc<ManualClock>,
    router: Router,
    coordinator: Coordinator,
}

impl House {
    async fn start() -> Self {
        Self::with_key("test-key").await
    }

    async fn with_key(key: &str) -> Self {
        let specs =
            [("AAPL", StockActivity::Busy), ("RARE", StockActivity::Rare), ("SHY", StockActivity::Thin)];
        let tickers =
            TickerSet::Own(specs.map(|(ticker, thickness)| TickerSpec::new(ticker, thickness)).into());
        let stage =
            market_backbone_emulator::StocksScenario { tickers, history_days: 400, ..Default::default() };
        let hands = EmulatorClock::manual(ELEVEN);
        let scenario = Scenario { clock: hands.clone(), massive: stage, ..Scenario::default() };
        let venue = Emulator::start(scenario).await.unwrap();
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(ELEVEN)));
        let massive = Massive::new(Secret::new(key), MassivePlan::Advanced);
        let endpoint = Endpoint::new(venue.rest_url(), venue.stocks_ws_url());
        let router = Router::start(
            Arc::new(massive),
            &endpoint,
            Arc::clone(&clock) as Arc<_>,
            RouterConfig::default(),
        )
        .unwrap();
        let pages = Arc::new(router.clone()) as Arc<dyn PageSource>;
        let coordinator = Coordinator::new(pages, Arc::clone(&clock) as _, CoordinatorConfig::default());
        Self { venue, hands, clock, router, coordinator }
    }

    fn client(&self) -> MassiveClient {
        MassiveClient::new(Arc::new(self.router.clone()) as Arc<dyn CallSource>)
    }

    async fn range(&self, code: &str, timeframe: Timeframe, from: i64, to: i64) -> CandleSet {
        let (from, to) = (Timestamp::from_millis(from), Timestamp::from_millis(to));
        let query = CandleQuery::range(Series::new(symbol(code), timeframe), from, to).unwrap();
        self.coordinator.candles(query).await.unwrap()
    }

    async fn close(self) {
        self.router.shutdown().await;
        self.venue.stop().await;
    }
}

fn symbol(code: &str) -> Symbol {
    Symbol::new(MASSIVE, code).unwrap()
}

fn prices(bar: &StockBar) -> (i64, [f64; 4]) {
    let dollars = |e8: i64| e8 as f64 / 1e8;
    (bar.start_ms, [bar.open_e8, bar.high_e8, bar.low_e8, bar.close_e8].map(dollars))
}

fn shown(set: &CandleSet) -> Vec<(i64, [f64; 4])> {
    let row = |candle: market_backbone_core::Candle| {
        (candle.open_time.as_millis(), [candle.open, candle.high, candle.low, candle.close])
    };
    set.candles.iter().map(row).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_of_minutes_equals_the_tape_and_its_nights_are_proven_empty() {
    let house = House::start().await;
    let (from, to) = (ELEVEN - 30 * DAY, ELEVEN - DAY);
    for code in ["AAPL", "SHY", "RARE"] {
        let set = house.range(code, Timeframe::M1, from, to).await;
        let tape: Vec<_> = house.venue.stocks().minutes(code, from, to, ELEVEN).iter().map(prices).collect();
        assert!(tape.len() > 100, "{code}");
        assert_eq!(shown(&set), tape, "{code}");
        assert!(set.candles.iter().all(|candle| candle.is_final), "{code}");
        let asked = TimeRange::new(Timestamp::from_millis(from), Timestamp::from_millis(to)).unwrap();
        assert!(set.coverage.covers(asked), "{code}");
        // 2026-08-02 was a Sunday.
        assert_eq!(set.slot("2026-08-02T15:00:00Z".parse().unwrap()), Slot::Empty, "{code}");
        assert_eq!(set.stats.requests, 1, "{code}: a month has no more bars than a page");
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_with_a_holiday_and_a_half_day_equals_the_tape() {
    let house = House::start().await;
    let millis = |text: &str| text.parse::<Timestamp>().unwrap().as_millis();
    let (from, to) = (millis("2025-11-01T04:00:00Z"), millis("2025-12-01T05:00:00Z"));
    for code in ["AAPL", "SHY"] {
        let set = house.range(code, Timeframe::M1, from, to).await;
        let tape: Vec<_> = house.venue.stocks().minutes(code, from, to, ELEVEN).iter().map(prices).collect();
        assert_eq!(shown(&set), tape, "{code}");
        for moment in ["2025-11-27T15:00:00Z", "2025-11-29T02:00:00Z"] {
            assert_eq!(set.slot(moment.parse().unwrap()), Slot::Empty, "{code} {moment}");
        }
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_year_of_hours_takes_the_pages_that_base_counting_predicts() {
    let house = House::start().await;
    let (from, to) = (ELEVEN - 365 * DAY, ELEVEN - DAY);
    let set = house.range("AAPL", Timeframe::H1, from, to).await;
    let base = house.venue.stocks().minutes("AAPL", from, to, ELEVEN);
    let mut hours: Vec<i64> = base.iter().map(|bar| bar.start_ms.div_euclid(HOUR) * HOUR).collect();
    hours.dedup();
    let opens: Vec<i64> = set.candles.iter().map(|candle| candle.open_time.as_millis()).collect();
    assert_eq!(opens, hours);
    // 833 hours of sixty minutes; a page gives up to 59 of the hour that it cuts, and a walker may meet another.
    let least = base.len().div_ceil(833 * 60) as u64;
    assert!((least..=least + 2).contains(&set.stats.requests), "{} of {least}", set.stats.requests);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn days_are_new_yorks() {
    let house = House::start().await;
    let (from, to) = (ELEVEN - 300 * DAY, ELEVEN - 2 * DAY);
    let set = house.range("AAPL", Timeframe::D1, from, to).await;
    let tape: Vec<_> = set
        .candles
        .iter()
        .map(|candle| house.venue.stocks().day("AAPL", candle.open_time.as_millis(), ELEVEN).unwrap())
        .map(|bar| prices(&bar))
        .collect();
    assert!(tape.len() > 190, "{}", tape.len());
    assert_eq!(shown(&set), tape);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_bars_take_one_small_page() {
    let house = House::start().await;
    let query = CandleQuery::last(Series::new(symbol("AAPL"), Timeframe::M1), 50).unwrap();
    let set = house.coordinator.candles(query).await.unwrap();
    let tape = house.venue.stocks().minutes("AAPL", ELEVEN - HOUR, ELEVEN + MINUTE, ELEVEN);
    let newest: Vec<_> = tape.iter().rev().take(50).rev().map(prices).collect();
    assert_eq!((shown(&set), set.stats.requests), (newest, 1));
    assert!(set.candles.iter().rev().take(20).all(|candle| !candle.is_final), "late trades may still come");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_share_is_an_error_of_its_kind() {
    let house = House::start().await;
    let query = CandleQuery::last(Series::new(symbol("NOPE"), Timeframe::M1), 50).unwrap();
    let error = house.coordinator.candles(query).await.unwrap_err();
    assert_eq!(error.kind(), market_backbone_core::SourceErrorKind::UnknownMarket);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_this_venue_offers_comes_through_the_router() {
    let house = House::start().await;
    let client = house.client();
    let (from, to) = (ELEVEN - HOUR, ELEVEN - HOUR + 10 * MINUTE);
    let range = TimeRange::new(Timestamp::from_millis(from), Timestamp::from_millis(to)).unwrap();
    let trades = client.trades(&symbol("AAPL"), range).await.unwrap();
    let tape = house.venue.stocks().trades("AAPL", from * 1_000_000, to * 1_000_000);
    let known: Vec<_> = tape.iter().filter(|print| print.known_ns <= ELEVEN * 1_000_000).collect();
    assert!(known.len() > 100);
    let told: Vec<_> = trades.iter().map(|record| (record.trade.time.as_nanos(), record.sequence)).collect();
    assert_eq!(told, known.iter().map(|print| (print.sip_ns, print.sequence)).collect::<Vec<_>>());
    let day = client.grouped_daily("2026-08-05".parse().unwrap(), false).await.unwrap();
    assert!(day.iter().any(|bar| bar.symbol == symbol("AAPL")));
    assert_eq!(day[0].venue_time, "2026-08-05T20:00:00Z".parse().unwrap());
    assert_eq!(day[0].bar.open_time, "2026-08-05T04:00:00Z".parse().unwrap());
    assert_eq!(client.open_close(&symbol("AAPL"), "2026-08-02".parse().unwrap()).await.unwrap(), None);
    assert_eq!(client.snapshots(&[]).await.unwrap().len(), 3);
    assert_eq!(client.listings().await.unwrap().len(), 3);
    assert!(!client.holidays().await.unwrap().is_empty());
    assert_eq!(client.market_status().await.unwrap().market, "open");
    assert!(client.previous_close(&symbol("AAPL")).await.unwrap().is_some());
    assert!(client.splits(None, None).await.is_ok());
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_in_pages_is_followed_to_its_last() {
    let house = House::start().await;
    let (from, to) = (ELEVEN - 365 * DAY, ELEVEN - DAY);
    let range = TimeRange::new(Timestamp::from_millis(from), Timestamp::from_millis(to)).unwrap();
    let minutes = AggregateSpec { multiplier: 1, timespan: Timespan::Minute, adjusted: false };
    let bars = house.client().aggregates(&symbol("AAPL"), minutes, range).await.unwrap();
    let tape = house.venue.stocks().minutes("AAPL", from, to, ELEVEN);
    let opens = bars.iter().map(|bar| bar.open_time.as_millis());
    assert!(opens.eq(tape.iter().map(|bar| bar.start_ms)), "{} bars of {}", bars.len(), tape.len());
    assert_eq!(house.router.metrics().requests, tape.len().div_ceil(50_000) as u64);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_trades_of_all_shares_come_by_one_name_each_once() {
    let house = House::start().await;
    let subscription =
        Subscription::new([Symbol::any(MASSIVE), symbol("AAPL")], [StreamKind::Trade]).unwrap();
    let mut events = house.router.subscribe(subscription).await.unwrap();
    let any = market_backbone_core::Channel { symbol: Symbol::any(MASSIVE), kind: StreamKind::Trade };
    let mut told = Vec::new();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    let mut moved = 0;
    // The venue's clock is moved by hand, a second at a time, until a hundred trades of a share have come.
    while told.len() < 100 && tokio::time::Instant::now() < deadline {
        house.hands.advance(1_000);
        house.clock.advance(Duration::from_secs(1));
        moved += 1;
        while let Ok(Some(event)) = tokio::time::timeout(Duration::from_millis(30), events.next()).await {
            match event {
                FeedEvent::Trade(trade) if trade.symbol == symbol("AAPL") => told.push(trade),
                FeedEvent::Trade(trade) => assert_ne!(trade.symbol, any.symbol),
                // A gap can be told of at the beginning.
                _ => {}
            }
        }
    }
    assert!(told.len() >= 100, "{} trades in {moved} s", told.len());
    let mut ids: Vec<_> = told.iter().map(|trade| trade.id.clone()).collect();
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count, "none came twice");
    let first = told.iter().map(|trade| trade.time.as_nanos()).min().unwrap();
    let tape = house.venue.stocks().trades("AAPL", first - 1_000_000, first + 3_600_000_000_000);
    let known = |trade: &market_backbone_core::Trade| {
        tape.iter().any(|print| print.sip_ns / 1_000_000 == trade.time.as_millis())
    };
    assert!(told.iter().all(known), "every one is on the tape");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_not_taken_is_refused_by_both_channels_and_never_shown() {
    let house = House::with_key("wrong-key").await;
    let query = CandleQuery::last(Series::new(symbol("AAPL"), Timeframe::M1), 50).unwrap();
    let error = house.coordinator.candles(query).await.unwrap_err();
    assert!(!error.is_transient() && error.to_string().contains("does not accept this key"), "{error}");
    assert!(!error.to_string().contains("wrong-key"));
    let subscription = Subscription::new([symbol("AAPL")], [StreamKind::Trade]).unwrap();
    let mut events = house.router.subscribe(subscription).await.unwrap();
    let event = tokio::time::timeout(Duration::from_secs(10), events.next()).await.unwrap().unwrap();
    let FeedEvent::Gap(gap) = event else { panic!("{event:?}") };
    assert_eq!(gap.cause, market_backbone_core::GapCause::Refused);
    let refused = house.router.metrics().live.refused.unwrap();
    assert!(refused.contains("does not let this key in"), "{refused}");
    house.close().await;
}
