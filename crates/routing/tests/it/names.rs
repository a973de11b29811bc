//! An unlisted market is told from one that nobody trades, where the venue does not tell.

use std::sync::Arc;

use market_backbone_core::{
    CandlePageRequest, ManualClock, PageProof, PageSource, Priority, Series, SourceErrorKind, Timeframe,
    Timestamp, TradeCursor, TradePageRequest,
};
use market_backbone_routing::{Endpoint, RetryConfig, Router, RouterConfig};
use market_backbone_testkit::{PlainVenue, symbol};

use crate::server::{Scripted, Server};

const NORMAL: Priority = Priority::Normal;
const EMPTY: &str = "";

fn router(server: &Server) -> Router {
    let address = server.address;
    let endpoint = Endpoint::new(format!("http://{address}/"), format!("ws://{address}/socket"));
    let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_785_753_630)));
    let retry = RetryConfig::default().max_attempts(1);
    Router::start(Arc::new(PlainVenue::limited()), &endpoint, clock, RouterConfig::default().retry(retry))
        .unwrap()
}

fn page(code: &str) -> CandlePageRequest {
    let before = Some(Timestamp::from_secs(1_785_750_000));
    CandlePageRequest { series: Series::new(symbol(code), Timeframe::M1), before, count: 200 }
}

fn ok(body: &str) -> Scripted {
    Scripted::new(200, body)
}

fn paths(server: &Server) -> Vec<String> {
    server.asked().iter().map(|asked| asked.split('?').next().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn an_empty_page_of_what_is_not_listed_is_an_error_and_remembered_for_a_while() {
    let server = Server::start(ok(EMPTY)).await;
    let router = router(&server);
    for _ in 0..2 {
        let error = router.candle_page(&page("DARK"), NORMAL).await.unwrap_err();
        assert_eq!(error.kind(), SourceErrorKind::UnknownMarket);
        assert_eq!(error.to_string(), "unknown market DARK on fake");
    }
    let trades =
        TradePageRequest { symbol: symbol("DARK"), cursor: TradeCursor::Latest, count: 10, newest: None };
    assert_eq!(router.trade_page(&trades, NORMAL).await.unwrap_err().kind(), SourceErrorKind::UnknownMarket);
    assert_eq!(paths(&server), ["/candles", "/now", "/ever", "/candles", "/trades"]);
    router.shutdown().await;
}

#[tokio::test]
async fn an_empty_page_of_what_is_listed_or_was_counts_and_costs_one_look() {
    for (answers, looks) in
        [(vec![EMPTY, "DARK1\nDARK"], vec!["/now"]), (vec![EMPTY, "DARK1", "DARK"], vec!["/now", "/ever"])]
    {
        let server = Server::start(ok(EMPTY)).await;
        server.then(answers.into_iter().map(ok));
        let router = router(&server);
        for _ in 0..2 {
            assert_eq!(router.candle_page(&page("DARK"), NORMAL).await.unwrap().candles, []);
        }
        let want: Vec<_> = ["/candles"].into_iter().chain(looks).chain(["/candles"]).collect();
        assert_eq!(paths(&server), want);
        router.shutdown().await;
    }
}

#[tokio::test]
async fn a_row_says_that_it_is_listed_and_nobody_else_is_asked() {
    let server = Server::start(ok(EMPTY)).await;
    server.then([ok("1785753000 1.5")]);
    let router = router(&server);
    assert_eq!(router.candle_page(&page("DARK"), NORMAL).await.unwrap().candles.len(), 1);
    assert_eq!(router.candle_page(&page("DARK"), NORMAL).await.unwrap().candles.len(), 0);
    // Nor of a market whose venue would say so itself.
    assert_eq!(router.candle_page(&page("KRW-BTC"), NORMAL).await.unwrap().candles.len(), 0);
    assert_eq!(paths(&server), ["/candles"; 3]);
    router.shutdown().await;
}

#[tokio::test]
async fn where_nobody_can_say_whether_it_is_listed_a_page_proves_nothing() {
    let server = Server::start(Scripted::new(500, "")).await;
    server.then([ok(EMPTY)]);
    let router = router(&server);
    let page = router.candle_page(&page("DARK"), NORMAL).await.unwrap();
    assert_eq!((page.candles.len(), page.proof), (0, PageProof::default()));
    router.shutdown().await;
}

#[tokio::test]
async fn a_few_names_are_looked_up_and_many_are_found_in_the_list() {
    let server = Server::start(ok("DARK1\nDARK2\nDARK3\nDARK4\nDARK5\nDARK6")).await;
    let router = router(&server);
    let symbols = |codes: &[&str]| codes.iter().map(|code| symbol(code)).collect::<Vec<_>>();
    let asked = symbols(&["DARK1", "DARK9"]);
    assert_eq!(router.unlisted(&asked, NORMAL).await.unwrap(), symbols(&["DARK9"]));
    assert_eq!(paths(&server), ["/now", "/now"]);
    let asked = symbols(&["DARK1", "DARK2", "DARK3", "DARK4", "DARK5", "DARK6", "DARK7"]);
    assert_eq!(router.unlisted(&asked, NORMAL).await.unwrap(), symbols(&["DARK7"]));
    assert_eq!(router.unlisted(&symbols(&["KRW-BTC"]), NORMAL).await.unwrap(), symbols(&["KRW-BTC"]));
    assert_eq!(paths(&server), ["/now", "/now", "/markets"]);
    assert_eq!(router.spelling("krw-btc"), "KRW-BTC");
    router.shutdown().await;
}
