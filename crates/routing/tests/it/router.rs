//! Which route a value takes, and what is refused before anything is sent.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use market_backbone_core::{
    BookRequest, CandlePageRequest, ClockReading, FeedEvent, LiveSource, ManualClock, PageSource, Priority,
    Series, SourceErrorKind, StreamKind, Subscription, TickerRequest, Timeframe, Timestamp,
};
use market_backbone_routing::{Endpoint, RouteReason, Router, RouterConfig};
use market_backbone_testkit::{PlainVenue, eventually_async, symbol};
use tokio::time::timeout;

use crate::server::{Scripted, Server};

const NORMAL: Priority = Priority::Normal;

/// 2026-08-03T10:40:30Z, and the minute it lies in.
const NOW: i64 = 1_785_753_630;
const SLOT: i64 = NOW - 30;

async fn router(server: &Server) -> Router {
    let address = server.address;
    let endpoint = Endpoint::new(format!("http://{address}/"), format!("ws://{address}/socket"));
    let clock = Arc::new(ManualClock::new(Timestamp::from_secs(NOW)));
    Router::start(Arc::new(PlainVenue::limited()), &endpoint, clock, RouterConfig::default()).unwrap()
}

fn series(timeframe: Timeframe) -> Series {
    Series::new(symbol("KRW-BTC"), timeframe)
}

fn page(count: u32) -> CandlePageRequest {
    CandlePageRequest { series: series(Timeframe::M1), before: None, count }
}

pub(crate) fn count(router: &Router, reason: RouteReason) -> u64 {
    router.metrics().decisions.iter().find(|(found, _)| *found == reason).map_or(0, |(_, count)| *count)
}

#[tokio::test]
async fn more_than_a_page_is_refused_before_anything_is_sent() {
    let server = Server::start(Scripted::new(200, "")).await;
    let router = router(&server).await;
    let error = router.candle_page(&page(400), NORMAL).await.unwrap_err();
    assert_eq!(error.kind(), SourceErrorKind::PageTooLarge { asked: 400, limit: 200 });
    assert_eq!(error.to_string(), "asked for 400 candles at once; fake gives at most 200");
    assert_eq!(router.candle_page(&page(0), NORMAL).await.unwrap_err().kind(), SourceErrorKind::BadRequest);
    let weekly = CandlePageRequest { series: series(Timeframe::W1), before: None, count: 1 };
    assert_eq!(router.candle_page(&weekly, NORMAL).await.unwrap_err().kind(), SourceErrorKind::Unsupported);
    assert!(server.asked().is_empty());
    router.shutdown().await;
}

#[tokio::test]
async fn a_candle_is_final_by_the_venues_clock_whatever_ours_says() {
    let body = format!("{} 1.5\n{SLOT} 2", SLOT - 60);
    for (date, at, finals) in [
        ("Mon, 03 Aug 2026 09:39:59 GMT", SLOT - 3_601, [false, false]),
        ("Mon, 03 Aug 2026 10:40:30 GMT", NOW, [true, false]),
        ("Mon, 03 Aug 2026 11:39:59 GMT", SLOT + 3_599, [true, true]),
    ] {
        let server = Server::start(Scripted::new(200, &body).header("date", date)).await;
        let router = router(&server).await;
        let page = router.candle_page(&page(2), NORMAL).await.unwrap();
        assert_eq!(page.asked_at, Timestamp::from_secs(at), "{date}");
        assert_eq!(page.candles.iter().map(|candle| candle.is_final).collect::<Vec<_>>(), finals, "{date}");
        let off = router.metrics().clock.offset_ms - (at - NOW) * 1_000;
        assert!((0..=1_000).contains(&off), "{off}");
        router.shutdown().await;
    }
}

#[tokio::test]
async fn an_answer_without_a_date_makes_nothing_final_that_is_young() {
    let body = format!("{} 1.5\n{} 2", SLOT - 2 * 86_400 - 60, SLOT - 86_400);
    let server = Server::start(Scripted::new(200, &body).header("date", "")).await;
    let router = router(&server).await;
    let page = router.candle_page(&page(2), NORMAL).await.unwrap();
    assert_eq!(page.candles.iter().map(|candle| candle.is_final).collect::<Vec<_>>(), [true, false]);
    assert_eq!(router.metrics().clock, ClockReading::default());
    router.shutdown().await;
}

#[tokio::test]
async fn the_list_of_markets_is_asked_for_once() {
    let server = Server::start(Scripted::new(200, "KRW-BTC\nKRW-ETH")).await;
    let router = router(&server).await;
    let (a, b) = tokio::join!(router.markets(NORMAL), router.markets(NORMAL));
    assert_eq!((a.unwrap().len(), b.unwrap().len()), (2, 2));
    router.markets(NORMAL).await.unwrap();
    assert_eq!(server.asked(), ["/markets"]);
    router.shutdown().await;
}

#[tokio::test]
async fn many_markets_are_asked_for_in_few_requests() {
    let server = Server::start(Scripted::new(200, "")).await;
    let router = router(&server).await;
    let request = TickerRequest::Symbols((0..250).map(|i| symbol(&format!("KRW-{i}"))).collect());
    router.tickers(&request, NORMAL).await.unwrap();
    assert_eq!(server.asked().len(), 2);
    router.tickers(&TickerRequest::Quotes(vec!["KRW".into()]), NORMAL).await.unwrap();
    assert_eq!(server.asked().len(), 3);
    assert_eq!(count(&router, RouteReason::WholeMarket), 1);
    router.shutdown().await;
}

#[tokio::test]
async fn a_ticker_or_book_of_an_answer_that_is_stamped_in_the_future_is_left_out_and_counted() {
    let body = "A 1\nB+3600 1\nC+4 1\nD 1";
    let server = Server::start(Scripted::new(200, body)).await;
    let router = router(&server).await;
    let symbols: Vec<_> = ["A", "B", "C", "D"].map(symbol).into();
    let tickers = router.tickers(&TickerRequest::Symbols(symbols.clone()), NORMAL).await.unwrap();
    let books = router.books(&BookRequest { symbols, depth: 5 }, NORMAL).await.unwrap();
    let codes: Vec<_> = tickers.iter().map(|ticker| ticker.symbol.code()).collect();
    assert_eq!(codes, ["A", "C", "D"], "up to the bound of live events");
    assert_eq!(books.iter().map(|book| book.symbol.code()).collect::<Vec<_>>(), codes);
    assert_eq!(router.metrics().future, 2);
    router.shutdown().await;
}

#[tokio::test]
async fn where_nothing_says_what_time_it_is_or_most_stamps_agree_no_ticker_is_left_out() {
    for (date, body) in
        [("", "A+3600 1"), ("Mon, 03 Aug 2026 10:40:30 GMT", "A+3600 1\nB+3600 1\nC+3600 1\nD 1")]
    {
        let server = Server::start(Scripted::new(200, body).header("date", date)).await;
        let router = router(&server).await;
        let request = TickerRequest::Quotes(vec!["KRW".into()]);
        let tickers = router.tickers(&request, NORMAL).await.unwrap();
        assert_eq!((tickers.len(), router.metrics().future), (body.lines().count(), 0));
        router.shutdown().await;
    }
}

#[tokio::test]
async fn who_asks_often_is_served_from_the_socket() {
    let server = Server::start(Scripted::new(200, "KRW-BTC 1")).await;
    server.greet_with(["ticker KRW-BTC 2".to_owned()]);
    let router = router(&server).await;
    let request = TickerRequest::Symbols(vec![symbol("KRW-BTC")]);
    let ask = async || router.tickers(&request, NORMAL).await.unwrap()[0].price;
    assert_eq!((ask().await, ask().await, ask().await), (1.0, 1.0, 1.0));
    assert_eq!((count(&router, RouteReason::Rare), count(&router, RouteReason::Starting)), (2, 1));
    eventually_async(async || ask().await == 2.0).await;
    let sent = server.asked().len();
    for _ in 0..100 {
        assert_eq!(ask().await, 2.0);
    }
    assert_eq!(server.asked().len(), sent);
    assert!(count(&router, RouteReason::Live) > 100);
    assert_eq!(router.metrics().followed, 1);
    router.shutdown().await;
}

#[tokio::test]
async fn what_a_reader_follows_costs_no_request_and_books_are_cut_to_the_depth_asked() {
    let server = Server::start(Scripted::new(200, "")).await;
    server.greet_with(["book KRW-BTC 100".to_owned()]);
    let router = router(&server).await;
    let subscription = Subscription::new([symbol("KRW-BTC")], [StreamKind::Book]).unwrap();
    let mut reader = router.subscribe(subscription).await.unwrap();
    let first = timeout(Duration::from_secs(5), reader.next()).await.unwrap();
    assert!(matches!(first, Some(FeedEvent::Book(_))));
    let request = BookRequest { symbols: vec![symbol("KRW-BTC")], depth: 3 };
    let books = router.books(&request, NORMAL).await.unwrap();
    assert_eq!((books[0].asks.len(), books[0].bids.len()), (3, 3));
    assert!(server.asked().is_empty());
    router.shutdown().await;
}

#[tokio::test]
async fn what_the_socket_has_not_cannot_be_subscribed_to() {
    let server = Server::start(Scripted::new(200, "")).await;
    let router = router(&server).await;
    let subscription = Subscription::new([symbol("KRW-BTC")], [StreamKind::Candle(Timeframe::D1)]).unwrap();
    let Err(error) = router.subscribe(subscription).await else { panic!("it was accepted") };
    assert_eq!(error.kind(), SourceErrorKind::Unsupported);
    router.shutdown().await;
}

#[tokio::test]
async fn the_candle_in_progress_comes_as_a_page_while_requests_are_free() {
    let rows = format!("{} 1\n{} 2\n{SLOT} 3", SLOT - 120, SLOT - 60);
    let server = Server::start(Scripted::new(200, &rows)).await;
    let router = router(&server).await;
    let part = router.forming(&series(Timeframe::M1), NORMAL).await.unwrap().unwrap();
    let finals: Vec<_> = part.candles.iter().map(|candle| candle.is_final).collect();
    assert_eq!(finals, [true, true, false]);
    let slot = Timestamp::from_secs(SLOT);
    assert!(part.coverage.is_known(slot.minus(Duration::from_secs(60))) && !part.coverage.is_known(slot));
    assert_eq!((part.stats.venue_rows, part.stats.requests), (3, 1));
    assert_eq!(server.asked(), ["/candles?count=200"]);
    assert_eq!(count(&router, RouteReason::Rare), 1);
    router.shutdown().await;
}

#[tokio::test]
async fn the_candle_in_progress_comes_from_the_socket_while_requests_are_scarce() {
    let server = Server::start(Scripted::new(200, &format!("{} 1", SLOT - 60))).await;
    server.greet_with([format!("candle KRW-BTC {SLOT} 7")]);
    let router = router(&server).await;
    router.candle_page(&page(200), NORMAL).await.unwrap();
    let part = router.forming(&series(Timeframe::M1), NORMAL).await.unwrap().unwrap();
    assert_eq!(
        (part.candles.first().unwrap().close, part.stats.memory_rows, part.stats.requests),
        (7.0, 1, 0)
    );
    assert_eq!(count(&router, RouteReason::BudgetBusy), 1);
    // From now on it is there without waiting.
    router.forming(&series(Timeframe::M1), NORMAL).await.unwrap().unwrap();
    assert_eq!(count(&router, RouteReason::Live), 1);
    assert_eq!(server.asked().len(), 1);
    router.shutdown().await;
}

#[tokio::test]
async fn an_older_candle_on_the_socket_means_that_nothing_has_traded_yet() {
    let server = Server::start(Scripted::new(200, "")).await;
    server.greet_with([format!("candle KRW-BTC {} 7", SLOT - 60)]);
    let router = router(&server).await;
    router.candle_page(&page(200), NORMAL).await.unwrap();
    assert_eq!(router.forming(&series(Timeframe::M1), NORMAL).await.unwrap(), None);
    assert_eq!(server.asked().len(), 1);
    router.shutdown().await;
}

#[tokio::test]
async fn a_socket_that_says_nothing_is_not_waited_for_long() {
    let server = Server::start(Scripted::new(200, &format!("{SLOT} 1"))).await;
    let router = router(&server).await;
    router.candle_page(&page(200), NORMAL).await.unwrap();
    let part = router.forming(&series(Timeframe::M1), NORMAL).await.unwrap().unwrap();
    assert_eq!((part.stats.venue_rows, part.stats.requests), (1, 1));
    assert_eq!(count(&router, RouteReason::TooSlow), 1);
    router.shutdown().await;
}

#[tokio::test]
async fn a_timeframe_the_socket_has_not_is_asked_for_over_rest() {
    let server = Server::start(Scripted::new(200, "")).await;
    let router = router(&server).await;
    assert_eq!(router.forming(&series(Timeframe::D1), NORMAL).await.unwrap(), None);
    assert_eq!(count(&router, RouteReason::NotStreamed), 1);
    router.shutdown().await;
}
