//! Pages of trades.

use market_backbone_core::{
    SourceErrorKind, Timestamp, TradeCursor, TradeId, TradePage, TradePageRequest, Venue,
};

use crate::{NOON, advanced, at, symbol};

const ROWS: [&str; 3] = [
    r#"{"conditions":[12,41],"exchange":11,"id":"2","participant_timestamp":1517562000015577088,"price":171.55,"sequence_number":1064,"sip_timestamp":1517562000016036599,"size":0,"decimal_size":"0.711800","tape":3}"#,
    r#"{"exchange":4,"id":"1","participant_timestamp":1517562000015577088,"price":171.5501,"sequence_number":1063,"sip_timestamp":1517562000016036581,"size":100,"decimal_size":"100.0","tape":3,"trf_id":202,"trf_timestamp":1517562000016036500}"#,
    r#"{"exchange":11,"id":"1","price":171.5,"sequence_number":1060,"sip_timestamp":1517561999999999999,"size":7,"tape":3,"correction":1}"#,
];

fn page(rows: &[&str], before: Option<&str>, count: u32) -> TradePage {
    let cursor = before.map_or(TradeCursor::Latest, |id| TradeCursor::Before(TradeId::Text(id.into())));
    page_from(rows, cursor, count)
}

fn page_from(rows: &[&str], cursor: TradeCursor, count: u32) -> TradePage {
    let body = format!(r#"{{"results":[{}],"status":"OK","request_id":"1"}}"#, rows.join(","));
    let request = TradePageRequest { symbol: symbol("AAPL"), cursor, count, newest: None };
    advanced().decode_trades(&request, body.as_bytes(), at(NOON)).unwrap()
}

#[test]
fn a_page_reads_oldest_first_and_keeps_every_nanosecond() {
    let page = page(&ROWS, None, 10);
    let nanos: Vec<_> = page.trades.iter().map(|trade| trade.time.as_nanos()).collect();
    assert_eq!(nanos, [1_517_561_999_999_999_999, 1_517_562_000_016_036_581, 1_517_562_000_016_036_599]);
    let ids: Vec<_> = page.trades.iter().map(|trade| trade.id.to_string()).collect();
    assert_eq!(ids[1], "1517562000016:000000001063:4:202:1");
    assert_eq!(ids[2], "1517562000016:000000001064:11:0:2");
    assert_eq!((page.trades[2].size, page.trades[1].size, page.trades[0].size), (0.7118, 100.0, 7.0));
    assert!(page.trades.iter().all(|trade| trade.side.is_none()));
}

#[test]
fn a_page_holds_what_is_before_a_trade_and_no_more_than_was_asked() {
    let before = page(&ROWS, Some("1517562000016:000000001064:11:0:2"), 10);
    assert_eq!(before.trades.len(), 2, "the trade itself came again");
    assert_eq!(page(&ROWS, Some("1517562000016:000000001064:11:0:2"), 1).trades, before.trades[1..]);
    assert_eq!(page(&[ROWS[0], ROWS[0]], None, 10).trades.len(), 1, "the tape repeats itself");
}

#[test]
fn what_cannot_be_a_trade_is_left_out_and_counted() {
    let bad = [
        ROWS[0].replace("171.55", "0"),
        ROWS[0].replace("\"price\"", "\"cost\""),
        ROWS[0].replace("1517562000016036599", "1.5e18"),
        ROWS[0].replace("\"id\":\"2\"", "\"id\":2"),
    ];
    for bad in &bad {
        let page = page(&[bad, ROWS[1]], None, 10);
        assert_eq!((page.trades.len(), page.dropped), (1, 1), "{bad}");
    }
    let request =
        TradePageRequest { symbol: symbol("AAPL"), cursor: TradeCursor::Latest, count: 1, newest: None };
    let only_bad = format!(r#"{{"results":[{}]}}"#, bad[0]);
    let error = advanced().decode_trades(&request, only_bad.as_bytes(), at(NOON)).unwrap_err();
    assert_eq!(error.kind(), SourceErrorKind::Malformed);
    for none in [r#"{"status":"OK"}"#, r#"{"results":null}"#] {
        assert_eq!(advanced().decode_trades(&request, none.as_bytes(), at(NOON)).unwrap().trades, []);
    }
}

#[test]
fn a_page_goes_on_before_its_oldest_trade_until_one_is_empty() {
    let first = page(&ROWS, None, 2);
    let next = TradeCursor::Before(TradeId::Text("1517562000016:000000001063:4:202:1".into()));
    assert_eq!(first.next, Some(next));
    let short = page(&ROWS, None, 10);
    assert_eq!(short.next, short.before_oldest(), "a page may be short by mistake");
    assert_eq!(page(&[], None, 10).next, None);
}

#[test]
fn a_page_that_ends_at_a_moment_holds_what_was_before_it_to_the_nanosecond() {
    let end = Timestamp::from_nanos(1_517_562_000_016_036_599);
    let page = page_from(&ROWS, TradeCursor::At(end), 10);
    assert_eq!(page.trades.last().map(|trade| trade.time.as_nanos()), Some(1_517_562_000_016_036_581));
}
