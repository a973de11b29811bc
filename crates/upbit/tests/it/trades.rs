//! Pages of trades.

use market_backbone_core::{Side, SourceErrorKind, Timestamp, TradeCursor, TradeId, TradePageRequest, Venue};
use market_backbone_upbit::Upbit;

use crate::{NOON, at, symbol};

fn row(id: i64, side: &str) -> String {
    format!(
        r#"{{"market":"KRW-BTC","trade_date_utc":"2026-05-12","trade_time_utc":"07:16:55","timestamp":1778570215021,"trade_price":91361000.00000000,"trade_volume":7.9276E-4,"prev_closing_price":90012000.0,"change_price":1349000.0,"ask_bid":{side},"sequential_id":{id}}}"#
    )
}

fn request(before: Option<i64>) -> TradePageRequest {
    let cursor = before.map_or(TradeCursor::Latest, |id| TradeCursor::Before(TradeId::Number(id)));
    TradePageRequest { symbol: symbol("KRW-BTC"), cursor, count: 500, newest: None }
}

#[test]
fn a_page_reads_oldest_first_by_id_and_keeps_every_digit_of_it() {
    let ids = [17_785_702_150_210_003, 17_785_702_150_210_001, 17_785_702_150_210_000];
    let rows = [row(ids[0], r#""ASK""#), row(ids[2], r#""BID""#), row(ids[1], "null"), row(ids[1], "null")];
    let body = format!("[{}]", rows.join(","));
    let page = Upbit::new().decode_trades(&request(None), body.as_bytes(), at(NOON)).unwrap();
    let read: Vec<_> = page.trades.iter().map(|trade| (trade.id.clone(), trade.side)).collect();
    let expected = [(ids[2], Some(Side::Buy)), (ids[1], None), (ids[0], Some(Side::Sell))];
    assert_eq!(read, expected.map(|(id, side)| (TradeId::Number(id), side)));
    let trade = &page.trades[0];
    assert_eq!((trade.price, trade.size), (91_361_000.0, 0.00079276));
    assert_eq!((trade.time, trade.received), (Timestamp::from_millis(1_778_570_215_021), at(NOON)));
}

#[test]
fn what_cannot_be_a_trade_of_this_page_is_left_out_and_counted() {
    let bad = [
        row(9, r#""ASK""#).replace("KRW-BTC", "KRW-ETH"),
        row(9, r#""ASK""#).replace("91361000.00000000", "0"),
        row(9, r#""ASK""#).replace("91361000.00000000", "null"),
        row(9, r#""ASK""#).replace(":9}", ":9.5}"),
        row(10, r#""ASK""#),
        row(11, r#""ASK""#),
    ];
    for bad in bad {
        let body = format!("[{bad},{}]", row(8, r#""ASK""#));
        let page = Upbit::new().decode_trades(&request(Some(10)), body.as_bytes(), at(NOON)).unwrap();
        assert_eq!((page.trades.len(), page.dropped), (1, 1), "{bad}");
    }
}

#[test]
fn no_trades_are_an_answer_and_a_page_of_html_is_not() {
    let read = |body: &str| Upbit::new().decode_trades(&request(None), body.as_bytes(), at(NOON));
    assert_eq!(read("[]").unwrap().trades, []);
    assert_eq!(read("<html></html>").unwrap_err().kind(), SourceErrorKind::Malformed);
}

#[test]
fn a_full_page_goes_on_before_its_oldest_trade_and_a_short_one_with_the_day_before() {
    let next = |cursor, count, body: &str| {
        let request = TradePageRequest { symbol: symbol("KRW-BTC"), cursor, count, newest: None };
        Upbit::new().decode_trades(&request, body.as_bytes(), at("2026-05-12T08:00:00Z")).unwrap().next
    };
    let day = |text| Some(TradeCursor::At(at(text)));
    let ids = [17_785_702_150_210_003, 17_785_702_150_210_001];
    let body = format!("[{},{}]", row(ids[0], r#""ASK""#), row(ids[1], r#""BID""#));
    assert_eq!(next(TradeCursor::Latest, 2, &body), Some(TradeCursor::Before(TradeId::Number(ids[1]))));
    assert_eq!(next(TradeCursor::Latest, 3, &body), day("2026-05-12"));
    assert_eq!(next(TradeCursor::Latest, 3, "[]"), day("2026-05-12"));
    assert_eq!(next(TradeCursor::Before(TradeId::Number(ids[1])), 3, "[]"), day("2026-05-12"));
    assert_eq!(next(TradeCursor::At(at("2026-05-12")), 3, "[]"), day("2026-05-11"));
    // Whether a page that is asked for at midnight is of the new day or the old one, nobody can tell.
    let request =
        TradePageRequest { symbol: symbol("KRW-BTC"), cursor: TradeCursor::Latest, count: 3, newest: None };
    let page = Upbit::new().decode_trades(&request, b"[]", at("2026-05-11T23:59:59.9Z")).unwrap();
    assert_eq!(page.next, day("2026-05-12"));
}

#[test]
fn a_page_without_a_trade_of_the_day_asked_for_may_be_of_another_day() {
    let is_uncertain = |cursor, newest: Option<&str>, body: &str, received| {
        let newest = newest.map(at);
        let request = TradePageRequest { symbol: symbol("KRW-BTC"), cursor, count: 500, newest };
        Upbit::new().decode_trades(&request, body.as_bytes(), at(received)).unwrap().is_day_uncertain
    };
    let id = 17_785_702_150_210_001; // of 2026-05-12
    let body = format!("[{}]", row(id, r#""ASK""#));
    let day = |text| TradeCursor::At(at(text));
    let noon = "2026-05-14T12:00:00Z";
    // It shows a trade of the day, or any day will do.
    assert!(!is_uncertain(day("2026-05-13"), None, &body, noon));
    assert!(!is_uncertain(TradeCursor::Latest, None, "[]", noon));
    // It does not, and days may have been counted from another one.
    assert!(is_uncertain(day("2026-05-13"), None, "[]", noon));
    assert!(is_uncertain(day("2026-05-14"), None, &body, noon));
    assert!(is_uncertain(day("2026-05-14"), Some("2026-05-13T23:00:00Z"), "[]", noon));
    assert!(is_uncertain(day("2026-05-14"), Some("2026-05-14T11:00:00Z"), "[]", "2026-05-14T23:59:30Z"));
    // The market has traded today, and today has not ended.
    assert!(!is_uncertain(day("2026-05-14"), Some("2026-05-14T11:00:00Z"), "[]", noon));
    assert!(!is_uncertain(TradeCursor::Before(TradeId::Number(id)), Some(noon), "[]", noon));
    assert!(is_uncertain(TradeCursor::Before(TradeId::Number(id)), None, "[]", noon));
}
