//! The other regions: the same protocol with fields left out, English errors and quotes of their own.

use market_backbone_core::{
    BookRequest, Call, FeedEvent, HttpReply, SourceErrorKind, StreamKind, Subscription, Symbol, SymbolTable,
    Ticker, TickerRequest, Venue, VenueId,
};
use market_backbone_upbit::{Upbit, UpbitRegion};

use crate::{NOON, at};

const INDONESIA: VenueId = UpbitRegion::Indonesia.source();

fn abroad() -> Upbit {
    Upbit::for_source(INDONESIA)
}

fn symbol(code: &str) -> Symbol {
    Symbol::new(INDONESIA, code).unwrap()
}

#[test]
fn a_listing_without_korean_names_and_events_is_read() {
    let body = br#"[{"market":"IDR-BTC","english_name":"Bitcoin","market_warning":"NONE"},
        {"market":"BTC-ETH","english_name":"Ethereum","market_warning":"CAUTION"},{"market":"SGD-XRP"}]"#;
    let markets = abroad().decode_markets(body).unwrap();
    assert_eq!(markets.iter().map(|market| market.warning).collect::<Vec<_>>(), [false, true, false]);
    assert_eq!((markets[0].symbol.clone(), markets[0].quote.as_str()), (symbol("IDR-BTC"), "IDR"));
    assert_eq!((markets[0].name.as_str(), markets[0].local_name.as_deref()), ("Bitcoin", None));
    assert!(markets.iter().all(|market| market.symbol.venue() == INDONESIA));
}

#[test]
fn a_book_without_a_level_is_read_and_no_level_is_asked_for() {
    let body = br#"[{"market":"IDR-BTC","timestamp":1778570215100,"total_ask_size":3.5,"total_bid_size":1.0,
        "orderbook_units":[{"bid_price":1500000000,"bid_size":1.0,"ask_price":1500100000,"ask_size":3.5}]}]"#;
    let (books, dropped) = abroad().decode_books(body, at(NOON)).unwrap();
    assert_eq!((books.len(), dropped, books[0].symbol.clone()), (1, 0, symbol("IDR-BTC")));
    let request = BookRequest { symbols: vec![symbol("IDR-BTC")], depth: 30 };
    let call = abroad().encode(&Call::Books(request), at(NOON)).unwrap();
    assert!(call.query.iter().all(|(name, _)| name != "level"), "{call:?}");
    let subscription = Subscription::new([symbol("IDR-BTC")], [StreamKind::Book]).unwrap();
    let sent = abroad().subscribe(&[], subscription.channels()).concat();
    assert!(sent.contains("IDR-BTC") && !sent.contains("level"), "{sent}");
}

#[test]
fn a_frame_of_a_book_without_a_level_is_read() {
    let frame = r#"{"ty":"orderbook","cd":"IDR-BTC","tas":3.5,"tbs":1.0,
        "obu":[{"ap":1500100000,"bp":1500000000,"as":3.5,"bs":1.0}],"tms":1778570215100,"st":"REALTIME"}"#;
    let symbols: SymbolTable = [symbol("IDR-BTC")].into_iter().collect();
    for frame in [frame.to_owned(), frame.replace("\n        ", "")] {
        let mut events = Vec::new();
        let outcome = abroad().decoder().decode(frame.as_bytes(), at(NOON), &symbols, &mut events).unwrap();
        assert_eq!((outcome.dropped, events.len()), (0, 1));
        let FeedEvent::Book(book) = &events[0] else { panic!("{events:?}") };
        assert_eq!((book.symbol.clone(), book.asks.len()), (symbol("IDR-BTC"), 1));
    }
}

fn ticker(fields: &str) -> Ticker {
    let body = format!(
        r#"[{{"market":"IDR-BTC","trade_date":"20260512","trade_time":"120000",{fields}"trade_timestamp":1778587200000,
        "opening_price":1,"high_price":3,"low_price":1,"trade_price":2,"prev_closing_price":1,"change":"RISE",
        "trade_volume":0.5,"acc_trade_price":9,"acc_trade_price_24h":9,"acc_trade_volume":4,
        "acc_trade_volume_24h":4,"timestamp":1778587200000}}]"#
    );
    let (mut tickers, dropped) = abroad().decode_tickers(body.as_bytes(), at(NOON)).unwrap();
    assert_eq!(dropped, 0);
    tickers.remove(0)
}

#[test]
fn times_of_korea_may_be_missing() {
    let here = ticker(r#""trade_date_kst":"20260512","trade_time_kst":"210000","#);
    assert_eq!(ticker(""), here);
    assert_eq!(here.symbol, symbol("IDR-BTC"));
}

#[test]
fn a_refusal_names_the_region_and_keeps_its_english_words() {
    let call = Call::Tickers(TickerRequest::Symbols(vec![symbol("KRW-BTC")]));
    let check = |status, body: &[u8]| {
        let reply = HttpReply { status, headers: &[], body };
        abroad().check(&call, &reply).unwrap_err()
    };
    let unknown = check(404, br#"{"error":{"name":404,"message":"Code not found"}}"#);
    assert_eq!((unknown.kind(), unknown.venue()), (SourceErrorKind::UnknownMarket, Some(INDONESIA)));
    assert_eq!(unknown.to_string(), "unknown market KRW-BTC on upbit-id");
    let refused =
        check(400, br#"{"error":{"name":400,"message":"Invalid parameter. Check the given value!"}}"#);
    assert_eq!(refused.kind(), SourceErrorKind::BadRequest);
    assert!(refused.to_string().contains("Check the given value"), "{refused}");
}
