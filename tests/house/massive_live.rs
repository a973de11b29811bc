//! The socket of US stocks in earnest: cut at every stage, thrown out, told off; and what a reader sees of that.

mod bands;
mod bars;
mod script;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use market_backbone::{Backbone, Error, MassiveAccount, PinnedMarkets, Priority, RouterConfig, SystemClock};
use market_backbone_coordinator::{Continuity, ContinuityConfig, Coordinator, CoordinatorConfig, Start};
use market_backbone_core::{
    Clock, FeedEvent, Gap, GapCause, GapState, LiveSource, LiveStream, ManualClock, Secret, Series,
    StreamKind, Subscription, Symbol, Timeframe, Timestamp, Trade,
};
use market_backbone_emulator::{
    Emulator, RunningEmulator, Scenario, StockActivity, StocksScenario as Stage, TickerSet, TickerSpec,
};
use market_backbone_massive::{MASSIVE, Massive, MassivePlan};
use market_backbone_routing::{Endpoint, Health, ReconnectConfig, Router, SessionConfig};
use market_backbone_testkit::eventually;
use tokio::time::{Instant, timeout};

use self::script::{STEPS, Script, Step, print, say, status};

const KEY: &str = "test-key";
/// 2026-08-06T15:00:00Z, a Thursday, 11:00 in New York.
const ELEVEN: i64 = 1_786_028_400_000;

fn symbol(code: &str) -> Symbol {
    Symbol::new(MASSIVE, code).unwrap()
}

fn router(endpoint: &Endpoint, clock: Arc<dyn Clock>) -> Router {
    let reconnect = ReconnectConfig::default()
        .max_immediate_delay(Duration::from_millis(10))
        .initial_delay(Duration::from_millis(20))
        .max_delay(Duration::from_millis(50));
    // Only the venue's own word or a value confirms.
    let session = SessionConfig::default().reconnect(reconnect).confirm_timeout(Duration::from_secs(60));
    let config = RouterConfig::default().session(session);
    let massive = Massive::new(Secret::new(KEY), MassivePlan::Advanced);
    Router::start(Arc::new(massive), endpoint, clock, config).unwrap()
}

async fn trades(router: &Router, codes: &[&str]) -> LiveStream {
    let subscription = Subscription::new(codes.iter().map(|code| symbol(code)), [StreamKind::Trade]).unwrap();
    router.subscribe(subscription).await.unwrap()
}

async fn next(stream: &mut LiveStream) -> String {
    let event = timeout(Duration::from_secs(20), stream.next()).await.expect("something comes").unwrap();
    match event {
        FeedEvent::Trade(trade) => format!("trade {}", trade.price),
        FeedEvent::Gap(gap) => format!("{} {}", gap.state.as_str(), gap.cause.as_str()),
        other => format!("{other:?}"),
    }
}

/// What a reader sees of a life, an end at `step`, and another life.
async fn cut_at(step: Step) {
    let (script, endpoint) = Script::start().await;
    let router = router(&endpoint, Arc::new(SystemClock));
    let mut reader = trades(&router, &["AAPL", "ZZ"]).await;
    let mut first = script.lead(Step::Confirmed).await;
    say(&mut first, &[print(1)]).await;
    assert_eq!(next(&mut reader).await, "trade 1.5", "{step:?}");
    drop(first);
    assert_eq!(next(&mut reader).await, "opened disconnected", "{step:?}");
    assert_ne!(router.metrics().live.health, Health::Live);

    drop(script.lead(step).await);
    let mut last = script.lead(Step::Confirmed).await;
    eventually(|| router.metrics().live.health == Health::Live).await;
    say(&mut last, &[print(2)]).await;
    assert_eq!(
        next(&mut reader).await,
        "trade 2.5",
        "{step:?}: the gap goes on, for one of its channels is silent"
    );
    say(&mut last, &[status("success", "subscribed to: T.ZZ"), print(3)]).await;
    let mut both = [next(&mut reader).await, next(&mut reader).await];
    both.sort();
    assert_eq!(both, ["resumed disconnected", "trade 3.5"], "{step:?}");
    let live = router.metrics().live;
    assert_eq!((live.drops, live.connections[0].errors), (2, 2), "{step:?}");
    router.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_at_any_step_is_one_gap_and_everything_is_asked_for_again() {
    futures::future::join_all(STEPS.map(cut_at)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_venue_says_of_a_socket_is_told_apart() {
    let (script, endpoint) = Script::start().await;
    let router = router(&endpoint, Arc::new(SystemClock));
    let mut reader = trades(&router, &["AAPL", "ZZ"]).await;
    let mut peer = script.lead(Step::Confirmed).await;
    say(&mut peer, &[print(1), print(1), r#"{"ev":"T","sym":"AAPL","p":"?"}"#.to_owned(), print(2)]).await;
    assert_eq!([next(&mut reader).await, next(&mut reader).await], ["trade 1.5", "trade 2.5"]);
    // A twin and a bad one cost their neighbours nothing.
    let told = || (router.metrics().live.repeated, router.metrics().live.dropped);
    eventually(|| told() == (1, 1)).await;

    say(&mut peer, &[status("slow_consumer", "Slow consumer")]).await;
    assert_eq!(next(&mut reader).await, "opened too_slow");
    let mut peer = script.lead(Step::Confirmed).await;
    say(&mut peer, &[status("success", "subscribed to: T.ZZ")]).await;
    assert_eq!(next(&mut reader).await, "resumed too_slow");
    assert_eq!(router.metrics().live.too_slow, 1);

    say(&mut peer, &[status("max_connections", "Maximum number of websocket connections exceeded. ")]).await;
    assert_eq!(next(&mut reader).await, "opened evicted");
    eventually(|| router.metrics().live.health == Health::Evicted).await;
    let back = timeout(Duration::from_secs(3), script.listener.accept()).await;
    assert!(back.is_err(), "it stays away, though all else is tried again at once");
    router.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_refused_is_not_tried_again() {
    let (script, endpoint) = Script::start().await;
    let router = router(&endpoint, Arc::new(SystemClock));
    let mut reader = trades(&router, &["AAPL", "ZZ"]).await;
    let mut peer = script.lead(Step::Key).await;
    say(&mut peer, &[status("auth_failed", "authentication failed")]).await;
    assert_eq!(next(&mut reader).await, "opened refused");
    assert_eq!(router.metrics().live.health, Health::Refused);
    assert!(timeout(Duration::from_secs(2), script.listener.accept()).await.is_err());
    assert!(router.metrics().live.refused.unwrap().contains("does not let this key in"));
    router.shutdown().await;
}

/// A venue whose shares are few, and whose clock and ours are moved by hand.
struct Market {
    venue: RunningEmulator,
    hands: market_backbone_emulator::EmulatorClock,
    clock: Arc<ManualClock>,
}

impl Market {
    async fn open() -> Self {
        Self::with_seats(1).await
    }

    /// For accounts with so many sockets.
    async fn with_seats(max_connections: usize) -> Self {
        Self::of(Stage { max_connections, ..Stage::default() }).await
    }

    async fn of(stage: Stage) -> Self {
        let specs = [("AAPL", StockActivity::Busy), ("SPY", StockActivity::Thick)];
        let specs = specs.map(|(ticker, thickness)| TickerSpec::new(ticker, thickness));
        let tickers = TickerSet::Own(specs.into());
        let stage = Stage { tickers, history_days: 3, ..stage };
        let hands = market_backbone_emulator::EmulatorClock::manual(ELEVEN);
        let scenario = Scenario { clock: hands.clone(), massive: stage, ..Scenario::default() };
        let venue = Emulator::start(scenario).await.unwrap();
        Self { venue, hands, clock: Arc::new(ManualClock::new(Timestamp::from_millis(ELEVEN))) }
    }

    fn router(&self) -> Router {
        let endpoint = Endpoint::new(self.venue.rest_url(), self.venue.stocks_ws_url());
        router(&endpoint, Arc::clone(&self.clock) as Arc<dyn Clock>)
    }

    fn tick(&self) {
        self.hands.advance(250);
        self.clock.advance(Duration::from_millis(250));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_put_out_by_another_program_leaves_it_the_place() {
    let market = Market::open().await;
    let (ours, theirs) = (market.router(), market.router());
    let _reader = trades(&ours, &["AAPL"]).await;
    eventually(|| ours.metrics().live.health == Health::Live).await;
    let _other = trades(&theirs, &["AAPL"]).await;
    let put_out = || {
        // A socket is told to go by the venue's clock.
        market.tick();
        ours.metrics().live.health == Health::Evicted
    };
    eventually(put_out).await;
    let until = Instant::now() + Duration::from_secs(3);
    while Instant::now() < until {
        market.tick();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(market.venue.report().sockets.opened, 2, "neither tried again");
    assert_eq!((theirs.metrics().live.health, theirs.metrics().live.drops), (Health::Live, 0));
    ours.shutdown().await;
    theirs.shutdown().await;
    market.venue.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_cut_again_and_again_lose_no_trade() {
    let market = Market::open().await;
    let router = market.router();
    let pages = Arc::new(router.clone());
    let clock = Arc::clone(&market.clock) as Arc<dyn Clock>;
    let coordinator =
        Coordinator::new(Arc::clone(&pages) as Arc<_>, Arc::clone(&clock), CoordinatorConfig::default());
    let continuity = Continuity::new(
        Arc::clone(&pages) as Arc<_>,
        pages,
        Arc::new(coordinator),
        clock,
        ContinuityConfig::default(),
    );
    let subscription = Subscription::new([symbol("AAPL"), symbol("SPY")], [StreamKind::Trade]).unwrap();
    let mut feed = continuity.subscribe(subscription, Start::Now).await.unwrap();
    let mut seen: Vec<Trade> = Vec::new();
    let mut gaps: Vec<Gap> = Vec::new();
    let (mut ticks, mut cuts) = (0, 0);
    let healed = |gaps: &[Gap]| gaps.iter().filter(|gap| gap.state == GapState::Healed).count();
    let deadline = Instant::now() + Duration::from_secs(25);
    while healed(&gaps) < 2 || ticks < 120 {
        assert!(Instant::now() < deadline, "{} trades, {gaps:?}", seen.len());
        market.tick();
        ticks += 1;
        // Each is cut when the reader has had something of it.
        if cuts <= healed(&gaps) && cuts < 2 && seen.len() > 20 * (cuts + 1) {
            cuts += market.venue.drop_sockets();
        }
        while let Ok(event) = timeout(Duration::from_millis(15), feed.next()).await {
            match event.unwrap() {
                FeedEvent::Trade(trade) => seen.push(trade),
                FeedEvent::Gap(gap) => gaps.push(gap),
                _ => {}
            }
        }
    }
    assert!(
        gaps.iter().all(|gap| gap.state != GapState::Lost && gap.cause == GapCause::Disconnected),
        "{gaps:?}"
    );
    for code in ["AAPL", "SPY"] {
        let mut ids: Vec<_> = seen.iter().filter(|trade| trade.symbol == symbol(code)).collect();
        ids.sort_by(|one, other| one.id.cmp(&other.id));
        let all = ids.len();
        ids.dedup_by(|one, other| one.id == other.id);
        assert_eq!(ids.len(), all, "{code}: none twice");
        assert!(all > 20, "{code}: {all}");
        let from = ids[0].time.as_nanos() + 1_000_000;
        let until = (ELEVEN + 250 * (ticks - 8)) * 1_000_000;
        let tape = market.venue.stocks().trades(code, from, until);
        let told = tape.iter().filter(|print| print.is_streamed && print.known_ns < until);
        let name = |id: String| id.splitn(3, ':').take(2).collect::<Vec<_>>().join(":");
        let names: BTreeSet<String> = ids.iter().map(|trade| name(trade.id.to_string())).collect();
        let missing: Vec<_> = told
            .filter(|print| !names.contains(&format!("{}:{:012}", print.sip_ns / 1_000_000, print.sequence)))
            .collect();
        assert!(
            missing.is_empty(),
            "{code}: {} of {} are missing: {:?}",
            missing.len(),
            tape.len(),
            missing[0]
        );
    }
    router.shutdown().await;
    market.venue.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_are_named_carry_what_is_theirs_and_too_many_are_refused() {
    let market = Market::with_seats(2).await;
    let account = |connections: u32| {
        let (rest, socket) = (market.venue.rest_url(), market.venue.stocks_ws_url());
        let codes =
            |codes: &[&str]| PinnedMarkets::Codes(codes.iter().map(|code| (*code).to_owned()).collect());
        let account =
            MassiveAccount::new(KEY, MassivePlan::Advanced).at(&rest, &socket).connections(connections);
        account.pin("core", codes(&["AAPL"])).pin("rest", codes(&["AAPL", "SPY"]))
    };
    let build = |account| Backbone::builder().in_memory().massive_account(account).build();
    let refused = build(account(1)).await.unwrap_err().to_string();
    assert!(refused.contains("2 connections are configured (core, rest)"), "{refused}");
    assert!(refused.contains("the account may have 1"), "{refused}");
    let unknown = account(3).pin("third", PinnedMarkets::Universe("nasdaq100".to_owned()));
    assert!(matches!(build(unknown).await, Err(Error::Universe(_))), "nothing takes its place");

    let backbone = build(account(2)).await.unwrap();
    let client = backbone.client(Priority::High);
    let _feed = client.subscribe(["AAPL", "SPY"], [StreamKind::Trade]).await.unwrap();
    let told = || {
        let connections = backbone.metrics().router.live.connections;
        let told = |one: &market_backbone_routing::ConnectionHealth| {
            (one.name.as_deref().unwrap_or_default().to_owned(), one.channels, one.health)
        };
        connections.iter().map(told).collect::<Vec<_>>()
    };
    let want = [("core".to_owned(), 1, Health::Live), ("rest".to_owned(), 1, Health::Live)];
    eventually(|| told() == want).await;
    assert_eq!((market.venue.report().sockets.opened, market.venue.report().sockets.evicted), (2, 0));
    backbone.shutdown().await;
    market.venue.stop().await;
}

/// Nobody can be asked for the trades of all shares at once, so nothing is made up.
#[tokio::test(flavor = "multi_thread")]
async fn a_gap_of_all_shares_is_reported_lost_and_they_go_on() {
    let market = Market::open().await;
    let (rest, socket) = (market.venue.rest_url(), market.venue.stocks_ws_url());
    let account = MassiveAccount::new(KEY, MassivePlan::Advanced).at(&rest, &socket);
    let clock = Arc::clone(&market.clock) as Arc<dyn Clock>;
    let backbone =
        Backbone::builder().in_memory().clock(clock).massive_account(account).build().await.unwrap();
    let mut feed = backbone.client(Priority::High).subscribe(["*"], [StreamKind::Trade]).await.unwrap();
    let mut told = Vec::new();
    let deadline = Instant::now() + Duration::from_secs(20);
    let (mut trades, mut later) = (0, 0);
    while later < 20 {
        assert!(Instant::now() < deadline, "{trades} trades, {told:?}");
        market.tick();
        if trades > 20 && told.is_empty() && market.venue.sockets().len() == 1 {
            market.venue.drop_sockets();
        }
        while let Ok(event) = timeout(Duration::from_millis(15), feed.next()).await {
            match event.unwrap() {
                FeedEvent::Trade(trade) => {
                    assert!(!trade.symbol.is_any());
                    trades += 1;
                    later += u32::from(told.contains(&GapState::Lost));
                }
                FeedEvent::Gap(gap) => told.push(gap.state),
                _ => {}
            }
        }
    }
    assert_eq!((told.first(), told.last()), (Some(&GapState::Opened), Some(&GapState::Lost)), "{told:?}");
    assert!(!told.contains(&GapState::Healed), "{told:?}");
    backbone.shutdown().await;
    market.venue.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bars_that_are_sent_again_reach_the_reader_and_agree_with_the_tape_in_the_end() {
    const MINUTES: StreamKind = StreamKind::Candle(Timeframe::M1);
    let market = Market::of(Stage { late_share: 0.2, ..Stage::default() }).await;
    let router = market.router();
    let subscription = Subscription::new([symbol("SPY")], [MINUTES]).unwrap();
    let mut reader = router.subscribe(subscription).await.unwrap();
    eventually(|| router.metrics().live.health == Health::Live).await;
    // Opening time and volume of each bar, as told last; and how often an earlier one was told again.
    let (mut bars, mut again) = (BTreeMap::new(), 0);
    let mut now = ELEVEN;
    for _ in 0..100 {
        now += 5_000;
        market.hands.advance(5_000);
        market.clock.advance(Duration::from_secs(5));
        while let Ok(event) = timeout(Duration::from_millis(40), reader.next()).await {
            // Where the first connection takes its time, that is a gap.
            let FeedEvent::Candle { candle, .. } = event.unwrap() else { continue };
            let open = candle.open_time.as_millis();
            again += u32::from(bars.last_key_value().is_some_and(|(newest, _)| open < *newest));
            let latest = router.latest_candle(&Series::new(symbol("SPY"), Timeframe::M1));
            assert!(latest.is_some());
            bars.insert(open, candle.volume);
        }
    }
    assert!(again > 3, "{again}");
    let tape = market.venue.stocks().minutes("SPY", ELEVEN, ELEVEN + 7 * 60_000, now);
    assert_eq!(tape.len(), 7);
    for bar in tape {
        assert_eq!(bars.get(&bar.start_ms), Some(&(bar.volume_e8 as f64 / 1e8)), "{}", bar.start_ms);
    }
    router.shutdown().await;
    market.venue.stop().await;
}
