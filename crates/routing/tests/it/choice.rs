//! The route of a live value: every switch, both ways.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use market_backbone_core::{
    LiveSource, ManualClock, Priority, SourceErrorKind, StreamKind, Subscription, TickerRequest, Timestamp,
};
use market_backbone_routing::{
    ChoiceConfig, Endpoint, ReconnectConfig, RequestOptions, RouteReason, Router, RouterConfig, SessionConfig,
};
use market_backbone_testkit::{PlainVenue, eventually_async, symbol};

use crate::router::count;
use crate::server::{Scripted, Server};

const NORMAL: Priority = Priority::Normal;

struct House {
    server: Server,
    router: Router,
    clock: Arc<ManualClock>,
}

impl House {
    async fn new(config: RouterConfig) -> Self {
        let server = Server::start(Scripted::new(200, "KRW-BTC 1")).await;
        server.greet_with(["ticker KRW-BTC 2".to_owned()]);
        let address = server.address;
        let endpoint = Endpoint::new(format!("http://{address}/"), format!("ws://{address}/socket"));
        let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_785_753_630)));
        let shown: Arc<ManualClock> = Arc::clone(&clock);
        let router = Router::start(Arc::new(PlainVenue::limited()), &endpoint, shown, config).unwrap();
        Self { server, router, clock }
    }

    async fn ask(&self, priority: Priority) -> f64 {
        self.ask_on(priority.into()).await
    }

    async fn ask_on(&self, terms: RequestOptions) -> f64 {
        let request = TickerRequest::Symbols(vec![symbol("KRW-BTC")]);
        self.router.tickers_with(&request, terms).await.unwrap()[0].price
    }

    /// Requests a market often enough that it is followed, and until the socket delivers it.
    async fn follow(&self) {
        for _ in 0..3 {
            self.ask(NORMAL).await;
        }
        eventually_async(async || self.ask(NORMAL).await == 2.0).await;
    }

    fn asked(&self) -> usize {
        self.server.asked().len()
    }
}

fn quick() -> RouterConfig {
    let (first, cap) = (Duration::from_millis(50), Duration::from_millis(50));
    let reconnect = ReconnectConfig::default()
        .max_immediate_delay(Duration::from_millis(1))
        .initial_delay(first)
        .max_delay(cap);
    let session = SessionConfig::default().reconnect(reconnect);
    RouterConfig::default().session(session).reply_ttl(Duration::ZERO)
}

#[tokio::test]
async fn who_asks_often_is_subscribed_and_who_stops_is_not() {
    let choice = ChoiceConfig::default().idle(Duration::from_millis(200));
    let house = House::new(quick().choice(choice)).await;
    // Another reader keeps the socket open all the while.
    let other = Subscription::new([symbol("KRW-ETH")], [StreamKind::Ticker]).unwrap();
    let reader = house.router.subscribe(other).await.unwrap();
    eventually_async(async || house.server.last_message().contains("KRW-ETH")).await;
    assert!(!house.server.last_message().contains("KRW-BTC"));
    house.follow().await;
    assert!(house.server.last_message().contains("KRW-BTC"));
    assert_eq!(house.router.metrics().followed, 1);
    // Nobody asks any more.
    eventually_async(async || house.router.metrics().followed == 0).await;
    eventually_async(async || !house.server.last_message().contains("KRW-BTC")).await;
    assert!(house.server.last_message().contains("KRW-ETH"));
    drop(reader);
    house.router.shutdown().await;
}

#[tokio::test]
async fn a_sick_socket_means_rest_at_once_and_a_well_one_means_memory_again() {
    let house = House::new(quick()).await;
    house.follow().await;
    house.server.sick(true);
    eventually_async(async || !house.router.metrics().live.connected).await;
    let before = (house.asked(), count(&house.router, RouteReason::NotDelivering));
    assert_eq!(house.ask(NORMAL).await, 1.0);
    assert_eq!(
        (house.asked(), count(&house.router, RouteReason::NotDelivering)),
        (before.0 + 1, before.1 + 1)
    );
    house.server.sick(false);
    eventually_async(async || house.ask(NORMAL).await == 2.0).await;
    let well = house.asked();
    for _ in 0..50 {
        assert_eq!(house.ask(NORMAL).await, 2.0);
    }
    assert_eq!(house.asked(), well);
    house.router.shutdown().await;
}

#[tokio::test]
async fn a_crowd_turned_away_from_the_socket_is_no_storm() {
    let house = House::new(quick().reply_ttl(Duration::from_secs(5))).await;
    house.follow().await;
    house.server.sick(true);
    house.server.otherwise(Scripted { after: Duration::from_millis(50), ..Scripted::new(200, "KRW-BTC 3") });
    eventually_async(async || !house.router.metrics().live.connected).await;
    let request = TickerRequest::Symbols(vec![symbol("KRW-BTC")]);
    // What was asked for before the crowd came does not serve those who want it fresh.
    let fresh = |priority| RequestOptions::from(priority).max_age(Some(Duration::ZERO));
    let ask = |priority| house.router.tickers_with(&request, fresh(priority));
    let classes = [Priority::High, Priority::Normal, Priority::Low, Priority::High];
    let before = house.asked();
    let crowd = join_all((0..400).map(|i| ask(classes[i % 4]))).await;
    assert!(crowd.into_iter().all(|answer| answer.unwrap()[0].price == 3.0));
    assert_eq!(house.asked(), before + 1);
    assert_eq!(house.ask(Priority::Low).await, 3.0);
    assert_eq!(house.asked(), before + 1, "what has just landed serves too");
    house.router.shutdown().await;
}

#[tokio::test]
async fn who_asks_says_how_old_is_too_old() {
    let house = House::new(quick()).await;
    house.follow().await;
    let (before, old) = (house.asked(), Duration::from_secs(8));
    house.clock.advance(old);
    let not_older_than = |secs| RequestOptions::from(NORMAL).max_age(Some(Duration::from_secs(secs)));
    assert_eq!(house.ask(NORMAL).await, 2.0);
    assert_eq!(house.ask_on(not_older_than(8)).await, 2.0);
    assert_eq!(house.asked(), before);
    assert_eq!(house.ask_on(not_older_than(7)).await, 1.0);
    assert_eq!((house.asked(), count(&house.router, RouteReason::TooOld)), (before + 1, 1));
    let known = house.router.latest_ticker(&symbol("KRW-BTC")).unwrap();
    assert_eq!(known.age(Timestamp::from_secs(1_785_753_638)), old);
    house.router.shutdown().await;
}

#[tokio::test]
async fn what_would_take_longer_than_allowed_is_refused_before_it_is_asked() {
    let house = House::new(quick()).await;
    let many: Vec<_> = (0..20_000).map(|i| symbol(&format!("KRW-{i}"))).collect();
    let timeout = Some(Duration::from_secs(5));
    let request = TickerRequest::Symbols(many);
    let refused =
        house.router.tickers_with(&request, RequestOptions::from(NORMAL).timeout(timeout)).await.unwrap_err();
    let SourceErrorKind::DeadlineExceeded { estimated } = refused.kind() else { panic!("{refused:?}") };
    // A hundred requests at ten a second.
    assert!(Duration::from_secs(9) < estimated && estimated < Duration::from_secs(10), "{estimated:?}");
    assert_eq!(house.asked(), 0);
    house.router.shutdown().await;
}

#[tokio::test]
async fn what_takes_longer_than_it_should_is_given_up_in_time() {
    let house = House::new(quick()).await;
    house.server.otherwise(Scripted { after: Duration::from_secs(30), ..Scripted::new(200, "KRW-BTC 3") });
    let request = TickerRequest::Symbols(vec![symbol("KRW-BTC")]);
    let terms = RequestOptions::from(NORMAL).timeout(Some(Duration::from_millis(200)));
    let refused = house.router.tickers_with(&request, terms).await.unwrap_err();
    assert!(matches!(refused.kind(), SourceErrorKind::DeadlineExceeded { .. }), "{refused:?}");
    house.router.shutdown().await;
}

#[tokio::test]
async fn a_screener_is_followed_from_the_first_time_on() {
    let house = House::new(quick()).await;
    let codes: Vec<_> = (0..30).map(|i| format!("KRW-{i}")).collect();
    let rows: Vec<_> = codes.iter().map(|code| format!("{code} 1")).collect();
    house.server.otherwise(Scripted::new(200, &rows.join("\n")));
    house.server.greet_with(codes.iter().map(|code| format!("ticker {code} 2")));
    let request = TickerRequest::Symbols(codes.iter().map(|code| symbol(code)).collect());
    let ask = async || house.router.tickers(&request, Priority::High).await.unwrap();
    assert_eq!(ask().await.len(), 30);
    assert_eq!((house.asked(), house.router.metrics().followed), (1, 30));
    for _ in 0..20 {
        let tickers = ask().await;
        assert!(tickers.len() == 30 && tickers.iter().all(|ticker| ticker.price == 2.0));
    }
    assert_eq!(house.asked(), 1, "the socket was waited for");
    // A chart that looks at as many once is not.
    let chart = House::new(quick()).await;
    chart.server.otherwise(Scripted::new(200, &rows.join("\n")));
    chart.router.tickers(&request, NORMAL).await.unwrap();
    assert_eq!(chart.router.metrics().followed, 0);
    house.router.shutdown().await;
    chart.router.shutdown().await;
}

#[tokio::test]
async fn only_what_memory_lacks_is_asked_for() {
    let house = House::new(quick()).await;
    house.follow().await;
    house.server.otherwise(Scripted::new(200, "KRW-ETH 5"));
    let before = house.asked();
    let request = TickerRequest::Symbols(vec![symbol("KRW-BTC"), symbol("KRW-ETH")]);
    let mut tickers = house.router.tickers(&request, NORMAL).await.unwrap();
    tickers.sort_by(|a, b| a.price.total_cmp(&b.price));
    assert_eq!(tickers.iter().map(|ticker| ticker.price).collect::<Vec<_>>(), [2.0, 5.0]);
    assert_eq!(house.server.asked()[before..], ["/tickers?codes=KRW-ETH"]);
    house.router.shutdown().await;
}
