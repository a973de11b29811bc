//! Live data: one socket, memory first.

use std::collections::HashSet;
use std::time::Duration;

use market_backbone::config::SessionConfig;
use market_backbone::{Feed, FeedEvent, Interest, Priority, RouterConfig, StreamKind, SubscriptionLimits};
use market_backbone_emulator::Scenario;
use market_backbone_tests::House;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);

/// Reads events until `enough` of them say so.
async fn read(events: &mut Feed, mut enough: impl FnMut(FeedEvent) -> bool) {
    timeout(PATIENCE, async {
        while let Some(event) = events.next().await {
            if enough(event) {
                return;
            }
        }
        panic!("the feed ended");
    })
    .await
    .expect("in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_market_of_a_quote_comes_over_one_socket() {
    let house = House::on(Scenario::default()).await.unwrap();
    let screener = house.backbone.client(Priority::High);
    let markets: Vec<String> =
        screener.tickers_in("KRW").await.unwrap().iter().map(|ticker| ticker.symbol.to_string()).collect();
    assert!(markets.len() > 100);
    let subscription =
        screener.subscribe(markets.iter().map(String::as_str), [StreamKind::Ticker]).conflated();
    let mut events = subscription.await.unwrap();
    let mut heard = HashSet::new();
    read(&mut events, |event| {
        if let FeedEvent::Ticker(ticker) = event {
            heard.insert(ticker.symbol.to_string());
        }
        heard.len() == markets.len()
    })
    .await;
    assert_eq!(house.venue.report().sockets.opened, 1);
    assert_eq!(house.asked("ticker"), 1);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_followed_market_answers_from_memory() {
    let house = House::on(Scenario::default()).await.unwrap();
    let bot = house.backbone.client(Priority::Critical);
    assert_eq!(bot.latest_ticker("KRW-BTC"), None, "nothing is made up before anything was heard");
    let mut events = bot.subscribe(["KRW-BTC"], [StreamKind::Ticker]).await.unwrap();
    read(&mut events, |event| matches!(event, FeedEvent::Ticker(_))).await;
    for _ in 0..50 {
        let ticker = bot.ticker("KRW-BTC").await.unwrap();
        assert!(ticker.price > 0.0);
    }
    assert!(bot.latest_ticker("KRW-BTC").is_some());
    assert_eq!(house.asked("ticker"), 0);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trades_arrive_once_each_and_as_the_tape_has_them() {
    let house = House::on(Scenario::default()).await.unwrap();
    let bot = house.backbone.client(Priority::Critical);
    let mut events = bot.subscribe(["KRW-BTC"], [StreamKind::Trade]).await.unwrap();
    let mut trades = Vec::new();
    read(&mut events, |event| {
        if let FeedEvent::Trade(trade) = event {
            trades.push(trade);
        }
        trades.len() == 8
    })
    .await;
    let ids: HashSet<_> = trades.iter().map(|trade| trade.id.clone()).collect();
    assert_eq!(ids.len(), trades.len());
    let (first, last) = (trades[0].time.as_millis() - 120_000, trades[7].time.as_millis() + 120_000);
    let tape = house.venue.tape().trades("KRW-BTC", first, last);
    for trade in &trades {
        let known = tape.iter().any(|print| {
            print.time_ms == trade.time.as_millis()
                && print.price() == trade.price
                && print.size() == trade.size
        });
        assert!(known, "{trade:?}");
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn books_and_trades_can_be_asked_for_too() {
    let house = House::on(Scenario::default()).await.unwrap();
    let client = house.backbone.client(Priority::Normal);
    let book = client.book("KRW-BTC", 15).await.unwrap();
    assert!(book.is_valid() && book.asks.len() == 15 && book.bids.len() == 15, "{book:?}");
    let trades = client.trades("KRW-BTC", 1_200).await.unwrap();
    assert_eq!(trades.len(), 1_200);
    assert!(trades.is_sorted_by(|a, b| a.id < b.id), "oldest first, none twice");
    assert_eq!(house.asked("crix-trades"), 3);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_there_is_room_for_two_an_order_goes_before_the_watchlist() {
    let limits = SubscriptionLimits::default().total(2);
    let router = RouterConfig::default().session(SessionConfig::default().subscription_limits(limits));
    let house =
        House::built(Scenario::default(), |builder| builder.in_memory().router(router)).await.unwrap();
    let bot = house.backbone.client(Priority::Critical);
    let scores = [("KRW-ETH", 3.0), ("KRW-XRP", 2.0), ("KRW-BTC", 1.0)];
    bot.set_watchlist(scores, StreamKind::Trade).unwrap();
    let followed = async |market: &str| {
        while bot.latest_trade(market).is_none() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, followed("KRW-ETH")).await.expect("the best of the list");
    assert_eq!(bot.latest_trade("KRW-BTC"), None, "there is no room");
    let held = bot.follow(["KRW-BTC"], [StreamKind::Trade], Interest::ActiveOrder).unwrap();
    timeout(PATIENCE, followed("KRW-BTC")).await.expect("an order goes first");
    assert_eq!(house.backbone.metrics().router.live.waiting.len(), 1, "the worse one of the list");
    drop(held);
    house.close().await;
}
