//! Requests, and what is refused before a request is sent.

use market_backbone_core::{
    BookRequest, Call, CandlePageRequest, HttpReply, Series, SourceErrorKind as Kind, TickerRequest,
    Timeframe, Timestamp, TradeCursor, TradeId, TradePageRequest, Venue,
};
use market_backbone_upbit::Upbit;

use crate::{at, symbol};

fn candles(timeframe: Timeframe, before: Option<Timestamp>, count: u32) -> Call {
    Call::Candles(CandlePageRequest { series: Series::new(symbol("KRW-BTC"), timeframe), before, count })
}

fn trades(cursor: TradeCursor, count: u32) -> Call {
    Call::Trades(TradePageRequest { symbol: symbol("KRW-BTC"), cursor, count, newest: None })
}

/// All that is asked here is asked then: a week after the day of the trade with the id 17785702150210001.
const NOW: &str = "2026-05-19T12:00:00Z";

/// Returns a request as `group path key=value&key=value`.
fn written(call: &Call) -> String {
    let call = Upbit::new().encode(call, at(NOW)).unwrap();
    let query: Vec<_> = call.query.iter().map(|(key, value)| format!("{key}={value}")).collect();
    format!("{} {} {}", call.group, call.path, query.join("&"))
}

#[test]
fn candles_are_asked_by_timeframe() {
    let check = |timeframe, path: &str| {
        let asked = written(&candles(timeframe, None, 200));
        assert_eq!(asked, format!("candles /v1/candles/{path} market=KRW-BTC&count=200"));
    };
    check(Timeframe::S1, "seconds");
    check(Timeframe::M1, "minutes/1");
    check(Timeframe::H4, "minutes/240");
    check(Timeframe::D1, "days");
    check(Timeframe::W1, "weeks");
    check(Timeframe::Month, "months");
    check(Timeframe::Year, "years");
}

#[test]
fn the_end_is_written_in_utc_and_whole_seconds() {
    let check = |before, to: &str| {
        let asked = written(&candles(Timeframe::M1, Some(before), 2));
        assert_eq!(asked, format!("candles /v1/candles/minutes/1 market=KRW-BTC&count=2{to}"));
    };
    check(at("2026-08-03T19:40:00+09:00"), "&to=2026-08-03T10:40:00Z");
    // The candle of 10:40:00 opens before this, that of 10:40:01 does not.
    check(at("2026-08-03T10:40:00.25Z"), "&to=2026-08-03T10:40:01Z");
    check(Timestamp::MAX, "");
    check(Timestamp::MIN, "&to=1970-01-01T00:00:00Z");
}

#[test]
fn trades_are_paged_by_id() {
    let check = |cursor, count, query: &str| {
        let want = format!("crix-trades /v1/trades/ticks market=KRW-BTC&count={count}{query}");
        assert_eq!(written(&trades(cursor, count)), want);
    };
    check(TradeCursor::Latest, 500, "");
    let id = TradeId::Number(17_785_702_150_210_001);
    check(TradeCursor::Before(id), 1, "&cursor=17785702150210001&days_ago=7");
    let today = TradeId::Number(17_791_906_000_000_001);
    check(TradeCursor::Before(today), 1, "&cursor=17791906000000001");
    check(TradeCursor::At(at("2026-05-19T00:00:00.001Z")), 1, "&cursor=17791488000010000");
    // What is before midnight is of the day before.
    check(TradeCursor::At(at("2026-05-19")), 1, "&cursor=17791488000000000&days_ago=1");
    check(TradeCursor::At(at("2026-05-13")), 1, "&cursor=17786304000000000&days_ago=7");
    check(TradeCursor::At(at("2026-05-20T06:00:00Z")), 1, "&cursor=17792568000000000");
}

#[test]
fn days_are_counted_from_the_newest_trade_where_it_is_known() {
    let check = |newest: &str, cursor, query: &str| {
        let request = TradePageRequest {
            symbol: symbol("KRW-BTC"),
            cursor: TradeCursor::At(at(cursor)),
            count: 1,
            newest: Some(at(newest)),
        };
        let want = format!("crix-trades /v1/trades/ticks market=KRW-BTC&count=1{query}");
        assert_eq!(written(&Call::Trades(request)), want);
    };
    // Nothing has been traded since midnight.
    check("2026-05-18T23:59:59Z", "2026-05-18T12:00:00Z", "&cursor=17791056000000000");
    check("2026-05-18T23:59:59Z", "2026-05-18", "&cursor=17790624000000000&days_ago=1");
    // It has not been traded for a year, and is asked for the week before that.
    check("2025-05-18T10:00:00Z", "2025-05-12", "&cursor=17470080000000000&days_ago=7");
    check("2026-05-19T10:00:00Z", "2026-05-19", "&cursor=17791488000000000&days_ago=1");
}

#[test]
fn the_rest_is_asked_of_many_at_once() {
    let both = vec![symbol("KRW-BTC"), symbol("KRW-ETH")];
    let of = Call::Tickers(TickerRequest::Symbols(both.clone()));
    assert_eq!(written(&of), "ticker /v1/ticker markets=KRW-BTC,KRW-ETH");
    let all = Call::Tickers(TickerRequest::Quotes(vec!["KRW".to_owned(), "BTC".to_owned()]));
    assert_eq!(written(&all), "ticker /v1/ticker/all quote_currencies=KRW,BTC");
    let books = Call::Books(BookRequest { symbols: both.clone(), depth: 30 });
    assert_eq!(written(&books), "orderbook /v1/orderbook markets=KRW-BTC,KRW-ETH&count=30");
    assert_eq!(written(&Call::Markets), "market /v1/market/all is_details=true");
    let steps = written(&Call::PriceIncrements(both));
    assert_eq!(steps, "orderbook /v1/orderbook/instruments markets=KRW-BTC,KRW-ETH");
}

#[test]
fn more_than_a_page_is_refused_with_the_limit() {
    let check = |call: Call, asked, limit| {
        let error = Upbit::new().encode(&call, at(NOW)).unwrap_err();
        assert_eq!(error.kind(), Kind::PageTooLarge { asked, limit });
        assert!(error.to_string().contains(&limit.to_string()), "{error}");
    };
    check(candles(Timeframe::M1, None, 201), 201, 200);
    check(candles(Timeframe::M1, None, u32::MAX), u32::MAX, 200);
    check(trades(TradeCursor::Latest, 501), 501, 500);
    check(Call::Books(BookRequest { symbols: vec![symbol("KRW-BTC")], depth: 31 }), 31, 30);
}

#[test]
fn what_upbit_cannot_answer_is_not_asked() {
    let check = |call: Call, kind| {
        assert_eq!(Upbit::new().encode(&call, at(NOW)).unwrap_err().kind(), kind, "{call:?}")
    };
    check(candles(Timeframe::M1, None, 0), Kind::BadRequest);
    check(trades(TradeCursor::At(at("2026-05-12")), 1), Kind::Unsupported);
    check(trades(TradeCursor::Before(TradeId::Number(17)), 1), Kind::Unsupported);
    check(trades(TradeCursor::Before(TradeId::Text("x".into())), 1), Kind::BadRequest);
    check(candles(Timeframe::H12, None, 1), Kind::Unsupported);
    check(Call::Tickers(TickerRequest::Symbols(Vec::new())), Kind::BadRequest);
    check(Call::Tickers(TickerRequest::Quotes(Vec::new())), Kind::BadRequest);
    check(Call::Books(BookRequest { symbols: Vec::new(), depth: 1 }), Kind::BadRequest);
    check(Call::PriceIncrements(Vec::new()), Kind::BadRequest);
}

#[test]
fn what_is_left_of_a_group_is_read_from_the_reply() {
    let check = |header: &str, left: Option<(&str, u32)>| {
        let headers = [("remaining-req".to_owned(), header.to_owned())];
        let reply = HttpReply { status: 200, headers: &headers, body: b"[]" };
        let read = Upbit::new().remaining(&reply);
        assert_eq!(read.map(|(group, left)| (group.0, left)), left, "{header}");
    };
    check("group=candles; min=600; sec=9", Some(("candles", 9)));
    check("sec=0;group=crix-trades", Some(("crix-trades", 0)));
    check("group=origin; min=6; sec=0", None);
    check("group=candles; min=600", None);
    check("group=candles; min=600; sec=-1", None);
    check("", None);
    let bare = HttpReply { status: 404, headers: &[], body: b"" };
    assert_eq!(Upbit::new().remaining(&bare), None);
}
