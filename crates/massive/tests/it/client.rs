//! Requests that only Massive has: each as it is sent, and each answer as it is read.

use std::sync::Arc;

use futures::executor::block_on;
use market_backbone_core::{Calendar, Session, SourceErrorKind, TimeRange};
use market_backbone_massive::{
    AggregateSpec, Glossary, HolidayKind, MASSIVE, MassiveClient, MoverDirection, Timespan, apply_holidays,
};
use market_backbone_testkit::CannedCalls;

use crate::{at, symbol};

fn client(pages: &[&str]) -> (MassiveClient, Arc<CannedCalls>) {
    client_of(CannedCalls::new(MASSIVE).then(pages.iter().copied()))
}

fn client_of(canned: CannedCalls) -> (MassiveClient, Arc<CannedCalls>) {
    let canned = Arc::new(canned);
    (MassiveClient::new(Arc::clone(&canned) as _), canned)
}

fn may_11() -> TimeRange {
    TimeRange::new(at("2026-05-11T13:30:00Z"), at("2026-05-11T20:00:00Z")).unwrap()
}

#[test]
fn bars_of_any_length_come_from_all_pages() {
    let page = |millis: i64| {
        format!(
            r#"{{"results":[{{"v":1.5,"vw":2,"o":1,"c":2,"h":3,"l":1,"t":{millis},"n":7}}],"status":"DELAYED"}}"#
        )
    };
    let pages = [page(1_778_506_200_000), page(1_778_506_620_000), r#"{"status":"OK"}"#.to_owned()];
    let (client, canned) = client(&pages.each_ref().map(String::as_str));
    let kind = AggregateSpec { multiplier: 7, timespan: Timespan::Minute, adjusted: true };
    let bars = block_on(client.aggregates(&symbol("AAPL"), kind, may_11())).unwrap();
    let want =
        "/v2/aggs/ticker/AAPL/range/7/minute/1778506200000/1778529599999?adjusted=true&sort=asc&limit=50000";
    assert_eq!(canned.asked(), want);
    assert_eq!((bars.len(), bars[1].open_time.as_millis()), (2, 1_778_506_620_000));
    assert_eq!((bars[0].volume, bars[0].trades, bars[0].vwap), (1.5, Some(7), Some(2.0)));
    let none = AggregateSpec { multiplier: 0, ..kind };
    let error = block_on(client.aggregates(&symbol("AAPL"), none, may_11())).unwrap_err();
    assert_eq!(error.kind(), SourceErrorKind::BadRequest);
}

#[test]
fn a_day_reported_after_its_session_opens_when_the_day_does() {
    let body = r#"{"adjusted":true,"results":[{"T":"KIMpL","c":25.9102,"h":26.25,"l":25.91,"n":74,"o":26.07,"t":1602705600000,"v":4369,"vw":26.0407}],"status":"OK"}"#;
    let (client, canned) = client(&[body]);
    let bars = block_on(client.grouped_daily("2020-10-14".parse().unwrap(), true)).unwrap();
    let want = "/v2/aggs/grouped/locale/us/market/stocks/2020-10-14?adjusted=true&include_otc=false";
    assert_eq!(canned.asked(), want);
    assert_eq!((bars[0].symbol.code(), bars[0].day.to_string().as_str()), ("KIMpL", "2020-10-14"));
    assert_eq!(bars[0].bar.open_time, at("2020-10-14T04:00:00Z"));
    assert_eq!(bars[0].venue_time, at("2020-10-14T20:00:00Z"));
}

#[test]
fn a_day_without_a_session_has_no_figures() {
    let body = r#"{"status":"NOT_FOUND","message":"Data not found."}"#;
    let (client, canned) = client_of(CannedCalls::new(MASSIVE).then([body]).with_status(404));
    let day = "2026-05-10".parse().unwrap();
    assert_eq!(block_on(client.open_close(&symbol("AAPL"), day)).unwrap(), None);
    assert_eq!(canned.asked(), "/v1/open-close/AAPL/2026-05-10?adjusted=false");
}

#[test]
fn trades_of_a_range_say_all_that_the_tape_does() {
    let body = r#"{"results":[{"conditions":[12,37],"correction":1,"exchange":4,"id":"183276","participant_timestamp":1651181822461636601,"price":156.43,"sequence_number":7179341,"sip_timestamp":1651181822461979403,"size":10,"tape":3,"trf_id":202,"trf_timestamp":1651181557090806500}]}"#;
    let (client, canned) = client(&[body, body]);
    let trades = block_on(client.trades(&symbol("AAPL"), may_11())).unwrap();
    let want = "/v3/trades/AAPL?timestamp.gte=1778506200000000000&timestamp.lt=1778529600000000000&order=asc&sort=timestamp&limit=50000";
    assert_eq!(canned.asked(), want);
    let record = &trades[1];
    assert_eq!((trades.len(), record.trade.time.as_nanos()), (2, 1_651_181_822_461_979_403));
    assert_eq!(record.participant_time.map(|time| time.as_nanos()), Some(1_651_181_822_461_636_601));
    assert_eq!(
        (record.conditions.as_slice(), record.correction, record.facility),
        (&[12, 37][..], Some(1), Some(202))
    );
}

#[test]
fn what_the_venue_says_of_holidays_reaches_the_calendar() {
    let body = r#"[{"date":"2026-11-26","exchange":"NYSE","name":"Thanksgiving","status":"closed"},
        {"date":"2026-11-27","exchange":"NYSE","name":"Thanksgiving","status":"early-close","open":"2026-11-27T14:30:00.000Z","close":"2026-11-27T17:00:00.000Z"},
        {"date":"2026-11-25","exchange":"OTC","name":"Elsewhere","status":"closed"}]"#;
    let (client, canned) = client(&[body]);
    let holidays = block_on(client.holidays()).unwrap();
    assert_eq!(canned.asked(), "/v1/marketstatus/upcoming?");
    assert_eq!(holidays[1].kind, HolidayKind::ClosesEarly(at("2026-11-27T17:00:00Z")));
    let mut calendar = Calendar::new();
    apply_holidays(&mut calendar, &holidays);
    assert_eq!(calendar.session(at("2026-11-27T17:00:00Z")), Session::After, "the rules say 18:00");
    assert_eq!(calendar.session(at("2026-11-26T15:00:00Z")), Session::Closed);
    assert_eq!(calendar.session(at("2026-11-25T15:00:00Z")), Session::Regular);
}

#[test]
fn splits_take_effect_at_midnight_in_new_york() {
    let body = r#"{"results":[{"execution_date":"2022-07-18","split_from":1,"split_to":20,"ticker":"GOOGL"}],"status":"OK"}"#;
    let (client, canned) = client(&[body]);
    let since = Some("2022-01-01".parse().unwrap());
    let splits = block_on(client.splits(Some(&symbol("GOOGL")), since)).unwrap();
    let want =
        "/stocks/v1/splits?sort=execution_date.asc&limit=1000&ticker=GOOGL&execution_date.gte=2022-01-01";
    assert_eq!(canned.asked(), want);
    assert_eq!((splits[0].effective, splits[0].price_factor()), (at("2022-07-18T04:00:00Z"), Some(0.05)));
}

#[test]
fn a_split_without_figures_is_known_by_its_day_alone() {
    let body =
        r#"{"results":[{"execution_date":"2022-07-18","split_from":null,"ticker":"GOOGL"}],"status":"OK"}"#;
    let (client, _) = client(&[body]);
    let splits = block_on(client.splits(Some(&symbol("GOOGL")), None)).unwrap();
    assert_eq!((splits[0].effective, splits[0].price_factor()), (at("2022-07-18T04:00:00Z"), None));
}

#[test]
fn what_is_asked_of_one_share_or_all_has_a_path_of_its_own() {
    let path = |ask: &dyn Fn(&MassiveClient)| {
        let (client, canned) = client(&[]);
        ask(&client);
        canned.asked()
    };
    let tickers = "/v2/snapshot/locale/us/markets/stocks";
    let apple = symbol("AAPL");
    assert_eq!(path(&|client| drop(block_on(client.snapshot(&apple)))), format!("{tickers}/tickers/AAPL?"));
    assert_eq!(path(&|client| drop(block_on(client.snapshots(&[])))), format!("{tickers}/tickers?"));
    assert_eq!(
        path(&|client| drop(block_on(client.movers(MoverDirection::Losers)))),
        format!("{tickers}/losers?")
    );
    assert_eq!(path(&|client| drop(block_on(client.last_trade(&apple)))), "/v2/last/trade/AAPL?");
    assert_eq!(path(&|client| drop(block_on(client.market_status()))), "/v1/marketstatus/now?");
    let dated = path(&|client| drop(block_on(client.listing(&apple, "2020-10-01".parse().ok()))));
    assert_eq!(dated, "/v3/reference/tickers/AAPL?date=2020-10-01");
    let terms = path(&|client| drop(block_on(client.glossary(Glossary::Conditions))));
    assert_eq!(terms, "/v3/reference/conditions?asset_class=stocks&limit=1000");
    let dividends = path(&|client| drop(block_on(client.dividends(Some(&apple), None))));
    assert_eq!(dividends, "/stocks/v1/dividends?sort=ex_dividend_date.asc&limit=1000&ticker=AAPL");
    let quotes = path(&|client| drop(block_on(client.quotes(&apple, may_11()))));
    assert!(
        quotes.starts_with("/v3/quotes/AAPL?timestamp.gte=1778506200000000000&timestamp.lt="),
        "{quotes}"
    );
    let listings = "/v3/reference/tickers?market=stocks&active=true&sort=ticker&order=asc&limit=1000";
    assert_eq!(path(&|client| drop(block_on(client.listings()))), listings);
    assert_eq!(
        path(&|client| drop(block_on(client.previous_close(&apple)))),
        "/v2/aggs/ticker/AAPL/prev?adjusted=false"
    );
}

#[test]
fn a_row_that_cannot_be_read_fails_the_answer() {
    let (client, _) = client(&[r#"{"tickers":[{"ticker":"AAPL","updated":1},{"ticker":7}],"status":"OK"}"#]);
    let error = block_on(client.snapshots(&[symbol("AAPL")])).unwrap_err();
    assert_eq!(error.kind(), SourceErrorKind::Malformed);
}
