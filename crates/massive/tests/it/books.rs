//! Quotes read as books of one level.

use market_backbone_core::{Level, SourceErrorKind, Venue};

use crate::{NOON, advanced, at};

#[test]
fn the_last_quote_of_one_market_is_a_book() {
    let body = r#"{"results":{"p":155.65,"s":1,"x":19,"P":155.66,"S":14,"X":11,"z":3,"T":"AAPL","t":1652192754171838500,"y":1652192754171619000,"q":26006043},"status":"OK"}"#;
    let (books, dropped) = advanced().decode_books(body.as_bytes(), at(NOON)).unwrap();
    assert_eq!((books.len(), dropped, books[0].symbol.code()), (1, 0, "AAPL"));
    assert_eq!(books[0].best_bid(), Some(Level { price: 155.65, size: 1.0 }));
    assert_eq!(books[0].best_ask(), Some(Level { price: 155.66, size: 14.0 }));
    assert_eq!(books[0].time.as_nanos(), 1_652_192_754_171_838_500);
}

#[test]
fn a_side_without_an_offer_has_no_level() {
    for empty in [r#""P":0,"S":0,"#, ""] {
        let body = format!(r#"{{"results":{{"p":102.7,"s":60,{empty}"T":"AAPL","t":1}},"status":"OK"}}"#);
        let (books, _) = advanced().decode_books(body.as_bytes(), at(NOON)).unwrap();
        assert_eq!((books[0].asks.len(), books[0].bids.len()), (0, 1));
    }
}

#[test]
fn several_come_in_snapshots_and_those_without_a_quote_are_counted() {
    let body = r#"{"status":"OK","tickers":[{"ticker":"AAPL","updated":1,"lastQuote":{"P":2,"S":5,"p":1,"s":3,"t":7}},{"ticker":"MSFT","updated":1}]}"#;
    let (books, dropped) = advanced().decode_books(body.as_bytes(), at(NOON)).unwrap();
    assert_eq!((books.len(), dropped), (1, 1));
}

#[test]
fn what_is_no_quote_is_no_empty_book() {
    for body in [r#"{"results":{"p":1}}"#, r#"{"results":{"T":"no market","t":1}}"#, "[]", ""] {
        let error = advanced().decode_books(body.as_bytes(), at(NOON)).unwrap_err();
        assert_eq!(error.kind(), SourceErrorKind::Malformed, "{body}");
    }
}
