//! Requests, and the address of the next page.

use market_backbone_core::{
    BookRequest, Call, HttpCall, HttpReply, RateLimitGroup, SourceErrorKind, TickerRequest, Timeframe,
    TradeCursor, TradeId, TradePageRequest, Venue,
};
use market_backbone_massive::{Massive, MassivePlan, MassiveRate};

use crate::{NOON, advanced, at, massive, page_of, symbol};

fn line(call: &HttpCall) -> String {
    let query: Vec<_> = call.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    if query.is_empty() { call.path.clone() } else { format!("{}?{}", call.path, query.join("&")) }
}

#[track_caller]
fn check(venue: &Massive, call: &Call, want: &str) {
    assert_eq!(line(&venue.encode(call, at(NOON)).unwrap()), want);
}

#[track_caller]
fn refused(venue: &Massive, call: &Call, want: SourceErrorKind) {
    assert_eq!(venue.encode(call, at(NOON)).unwrap_err().kind(), want);
}

#[test]
fn a_page_asks_for_as_many_base_bars_as_its_candles_are_made_of() {
    let before = Some("2026-05-11T16:00:00Z");
    // From the first available day, at midnight in New York, up to the last millisecond before.
    let check = |frame, path: &str, limit: &str| {
        let want = format!(
            "/v2/aggs/ticker/AAPL/range/{path}/883630800000/1778515199999?adjusted=false&sort=desc&limit={limit}"
        );
        check(&advanced(), &Call::Candles(page_of(frame, before, 200)), &want);
    };
    check(Timeframe::S1, "1/second", "200");
    check(Timeframe::M1, "1/minute", "200");
    check(Timeframe::M5, "5/minute", "1000");
    check(Timeframe::H1, "1/hour", "12000");
    check(Timeframe::H4, "4/hour", "48000");
    check(Timeframe::D1, "1/day", "200");
    check(Timeframe::W1, "1/week", "1400");
    let most = page_of(Timeframe::H1, before, 833);
    assert!(line(&advanced().encode(&Call::Candles(most), at(NOON)).unwrap()).ends_with("limit=49980"));
    let too_many = Call::Candles(page_of(Timeframe::H1, before, 834));
    refused(&advanced(), &too_many, SourceErrorKind::PageTooLarge { asked: 834, limit: 833 });
    refused(&advanced(), &Call::Candles(page_of(Timeframe::M1, before, 0)), SourceErrorKind::BadRequest);
    refused(&advanced(), &Call::Candles(page_of(Timeframe::H6, before, 1)), SourceErrorKind::Unsupported);
}

#[test]
fn a_name_is_looked_up_among_what_is_listed_and_what_was() {
    let venue = advanced();
    let asked: Vec<_> = venue.listing_lookups(&symbol("BACpB")).iter().map(line).collect();
    let path = "/v3/reference/tickers?ticker=BACpB&active";
    assert_eq!(asked, [format!("{path}=true"), format!("{path}=false")]);
    assert_eq!(
        venue.listing_lookups(&symbol("A%2FB")),
        [],
        "what cannot be a ticker is refused without a question"
    );
    assert_eq!(
        (venue.normalize_code("aapl"), venue.normalize_code("BACpB")),
        ("AAPL".to_owned(), "BACpB".to_owned())
    );
}

#[test]
fn nothing_is_asked_that_the_plan_does_not_include() {
    let path = |plan, before| {
        let call = massive(plan).encode(&Call::Candles(page_of(Timeframe::M1, before, 1)), at(NOON)).unwrap();
        let ends: Vec<_> = call.path.rsplit('/').take(2).map(str::to_owned).collect();
        (ends[1].parse::<i64>().unwrap(), ends[0].parse::<i64>().unwrap())
    };
    let millis = |text: &str| at(text).as_millis();
    // The running day is not in the free plan.
    assert_eq!(
        path(MassivePlan::Basic, None),
        (millis("2024-05-13T04:00:00Z"), millis("2026-05-12T04:00:00Z") - 1)
    );
    assert_eq!(
        path(MassivePlan::Starter, None),
        (millis("2021-05-14T04:00:00Z"), millis("2026-05-14T04:00:00Z") - 1)
    );
    // A range never runs backwards, not even where the plan has no data.
    let old = path(MassivePlan::Basic, Some("2010-01-01T00:00:00Z"));
    assert_eq!(old, (millis("2010-01-01T00:00:00Z") - 1, millis("2010-01-01T00:00:00Z") - 1));
    refused(
        &massive(MassivePlan::Basic),
        &Call::Candles(page_of(Timeframe::S1, None, 1)),
        SourceErrorKind::Forbidden,
    );
    let trades =
        TradePageRequest { symbol: symbol("AAPL"), cursor: TradeCursor::Latest, count: 1, newest: None };
    refused(&massive(MassivePlan::Starter), &Call::Trades(trades), SourceErrorKind::Forbidden);
}

#[test]
fn pages_of_trades_end_before_a_trade_or_a_day() {
    let page = |cursor, count| {
        Call::Trades(TradePageRequest { symbol: symbol("BRK.B"), cursor, count, newest: None })
    };
    let latest = "/v3/trades/BRK.B?order=desc&sort=timestamp&limit=1050";
    check(&advanced(), &page(TradeCursor::Latest, 50), latest);
    let before =
        |end: &str| format!("/v3/trades/BRK.B?timestamp.lt={end}&order=desc&sort=timestamp&limit=1050");
    // A page begins between milliseconds.
    let id = TradeId::Text("1778511600123:000000000001:4:0:1".into());
    check(&advanced(), &page(TradeCursor::Before(id), 50), &before("1778511600124000000"));
    let moment = TradeCursor::At(at("2026-05-11T15:00:00.123Z"));
    check(&advanced(), &page(moment, 50), &before("1778511600123000000"));
    check(&advanced(), &page(TradeCursor::At(at("2026-05-12")), 50), &before("1778544000000000000"));
    check(
        &advanced(),
        &page(TradeCursor::At(at("2026-05-05T00:00:01Z")), 50),
        &before("1777939201000000000"),
    );
    refused(&advanced(), &page(TradeCursor::At(at("2026-05-05")), 50), SourceErrorKind::Unsupported);
    let foreign = TradeCursor::Before(TradeId::Number(1));
    refused(&advanced(), &page(foreign, 50), SourceErrorKind::BadRequest);
    refused(
        &advanced(),
        &page(TradeCursor::Latest, 49_001),
        SourceErrorKind::PageTooLarge { asked: 49_001, limit: 49_000 },
    );
}

#[test]
fn what_is_now_is_asked_for_several_at_once() {
    let symbols = vec![symbol("AAPL"), symbol("MSFT")];
    let snapshots = "/v2/snapshot/locale/us/markets/stocks/tickers";
    check(
        &advanced(),
        &Call::Tickers(TickerRequest::Symbols(symbols.clone())),
        &format!("{snapshots}?tickers=AAPL,MSFT"),
    );
    check(&advanced(), &Call::Tickers(TickerRequest::Quotes(vec!["USD".into()])), snapshots);
    refused(
        &advanced(),
        &Call::Tickers(TickerRequest::Quotes(vec!["KRW".into()])),
        SourceErrorKind::BadRequest,
    );
    let books = |symbols: &[_], depth| Call::Books(BookRequest { symbols: symbols.to_vec(), depth });
    check(&advanced(), &books(&symbols, 1), &format!("{snapshots}?tickers=AAPL,MSFT"));
    check(&advanced(), &books(&symbols[..1], 1), "/v2/last/nbbo/AAPL");
    refused(&advanced(), &books(&symbols, 2), SourceErrorKind::PageTooLarge { asked: 2, limit: 1 });
    refused(&advanced(), &books(&[], 1), SourceErrorKind::BadRequest);
    let listing = "/v3/reference/tickers?market=stocks&active=true&sort=ticker&order=asc&limit=1000";
    check(&advanced(), &Call::Markets, listing);
    refused(&advanced(), &Call::PriceIncrements(symbols), SourceErrorKind::Unsupported);
}

#[test]
fn a_ticker_that_would_lead_elsewhere_is_unknown() {
    for code in ["..", "*", "A%2F", "A#"] {
        let request =
            TradePageRequest { symbol: symbol(code), cursor: TradeCursor::Latest, count: 1, newest: None };
        refused(&advanced(), &Call::Trades(request), SourceErrorKind::UnknownMarket);
    }
}

#[test]
fn the_key_is_a_header_and_is_not_shown() {
    let venue = advanced();
    let headers = venue.headers();
    assert_eq!((headers[0].0, headers[0].1.reveal()), ("authorization", "Bearer test-key"));
    assert!(!format!("{venue:?}{headers:?}{:?}", venue.login()).contains("test-key"));
}

#[test]
fn limits_go_by_the_plan_unless_one_says_otherwise() {
    let limit = |venue: Massive| {
        let limit = venue.capabilities().limits[0];
        (limit.group, limit.max, limit.window.as_secs())
    };
    let group = RateLimitGroup("massive");
    assert_eq!(limit(massive(MassivePlan::Basic)), (group, 5, 60));
    assert_eq!(limit(advanced()), (group, 100, 1));
    assert_eq!(limit(advanced().with_rate(MassiveRate::HundredPerMinute)), (group, 100, 60));
    let several = advanced().with_connections(3).with_rate(MassiveRate::FivePerMinute);
    assert_eq!(several.capabilities().socket.max_connections, Some(3));
}

const BASE: &str = "https://api.massive.com";

fn next(base: &str, url: &str) -> Result<Option<String>, SourceErrorKind> {
    let sent = advanced().encode(&Call::Markets, at(NOON)).unwrap();
    let body = format!(r#"{{"results":[],"status":"OK","next_url":"{url}"}}"#);
    let reply = HttpReply { status: 200, headers: &[], body: body.as_bytes() };
    let next = advanced().next_page(&sent, &reply, base).map_err(|error| error.kind())?;
    Ok(next.map(|call| line(&call)))
}

#[test]
fn the_rest_is_where_the_answer_says_but_only_at_the_same_address() {
    let cursor = "/v3/reference/tickers?cursor=YXA9MTkyODgxNjYmYXM9";
    assert_eq!(next(BASE, &format!("{BASE}{cursor}")), Ok(Some(cursor.to_owned())));
    assert_eq!(next(&format!("{BASE}/"), &format!("{BASE}{cursor}")), Ok(Some(cursor.to_owned())));
    assert_eq!(
        next("http://127.0.0.1:8080", &format!("http://127.0.0.1:8080{cursor}")),
        Ok(Some(cursor.to_owned()))
    );
    assert_eq!(next(BASE, ""), Ok(None));
    for foreign in [
        format!("https://api.polygon.io{cursor}"),
        format!("http://api.massive.com{cursor}"),
        format!("https://api.massive.com.evil.example{cursor}"),
        format!("https://api.massive.com:444{cursor}"),
        "https://api.massive.com".to_owned(),
        cursor.to_owned(),
    ] {
        assert_eq!(next(BASE, &foreign), Err(SourceErrorKind::Malformed), "{foreign}");
    }
}

#[test]
fn a_page_that_points_back_to_itself_is_refused() {
    let own = "/v3/reference/tickers?market=stocks&active=true&sort=ticker&order=asc&limit=1000";
    assert_eq!(next(BASE, &format!("{BASE}{own}")), Err(SourceErrorKind::Malformed));
}

#[test]
fn the_last_page_and_a_bare_list_have_no_rest() {
    let sent = advanced().encode(&Call::Markets, at(NOON)).unwrap();
    for body in [r#"{"results":[],"status":"OK"}"#, r#"[{"date":"2026-11-26"}]"#, r#"{"next_url":null}"#] {
        let reply = HttpReply { status: 200, headers: &[], body: body.as_bytes() };
        assert_eq!(advanced().next_page(&sent, &reply, BASE).unwrap(), None, "{body}");
    }
}
