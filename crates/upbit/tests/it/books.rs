//! Answers to book requests.

use market_backbone_core::{Level, OrderBook, Timestamp, Venue};
use market_backbone_upbit::Upbit;

use crate::{NOON, at};

const ROW: &str = r#"{"market":"BTC-ETH","timestamp":1778570215100,"total_ask_size":3.5,"total_bid_size":0.00077720,"orderbook_units":[{"bid_price":0.02512,"bid_size":7.772E-4,"ask_price":0.02513,"ask_size":1.5},{"bid_price":0,"bid_size":0,"ask_price":2.514E-2,"ask_size":2},{"bid_price":0.0,"bid_size":0.00000000,"ask_price":0,"ask_size":0}],"level":0}"#;

fn list(body: &str) -> (Vec<OrderBook>, u32) {
    Upbit::new().decode_books(body.as_bytes(), at(NOON)).unwrap()
}

#[test]
fn padding_is_no_level_and_the_totals_are_kept() {
    let (books, dropped) = list(&format!("[{ROW}]"));
    let book = &books[0];
    assert_eq!(book.asks, [Level { price: 0.02513, size: 1.5 }, Level { price: 0.02514, size: 2.0 }]);
    assert_eq!(book.bids, [Level { price: 0.02512, size: 0.0007772 }]);
    assert_eq!((book.total_ask_size, book.total_bid_size), (Some(3.5), Some(0.0007772)));
    assert_eq!((book.time, book.received), (Timestamp::from_millis(1_778_570_215_100), at(NOON)));
    assert!(book.is_valid());
    assert_eq!(dropped, 0);
}

#[test]
fn a_book_with_a_side_missing_is_a_book() {
    let row = ROW.replace("0.02513", "null").replace("2.514E-2", "0");
    let (books, _) = list(&format!("[{row}]"));
    assert_eq!((books[0].best_ask(), books[0].bids.len()), (None, 1));
}

#[test]
fn half_a_book_is_no_book() {
    let broken = ROW.replace("2.514E-2", "\"high\"");
    let nameless = ROW.replace("BTC-ETH", "BTC ETH");
    let (books, dropped) = list(&format!("[{broken},{nameless},{ROW}]"));
    assert_eq!((books.len(), dropped), (1, 2));
}
