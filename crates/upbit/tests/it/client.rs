//! Requests that only Upbit has.

use std::sync::Arc;

use futures::executor::block_on;
use market_backbone_core::{Priority, SourceErrorKind};
use market_backbone_testkit::CannedCalls;
use market_backbone_upbit::{UPBIT, UpbitClient};

use crate::symbol;

fn canned(body: &str) -> Arc<CannedCalls> {
    Arc::new(CannedCalls::new(UPBIT).then([body]))
}

#[test]
fn the_steps_of_a_book_are_texts_on_the_wire() {
    let path = "/v1/orderbook/instruments?markets=KRW-BTC,BTC-ETH";
    let body = r#"[{"market":"KRW-BTC","quote_currency":"KRW","tick_size":"1000","supported_levels":["0","10000"]},
        {"market":"BTC-ETH","quote_currency":"BTC","tick_size":"0.00000001","supported_levels":["0"]}]"#;
    let canned = canned(body);
    let client = UpbitClient::new(Arc::clone(&canned) as _);
    let groupings = block_on(client.groupings(&[symbol("KRW-BTC"), symbol("BTC-ETH")])).unwrap();
    assert_eq!(canned.asked(), path);
    assert_eq!((groupings[0].steps.as_slice(), groupings[1].steps.as_slice()), (&[0.0, 1e4][..], &[0.0][..]));
}

#[test]
fn a_row_that_cannot_be_read_fails_the_answer() {
    let path = "/v1/orderbook/instruments?markets=KRW-BTC";
    let body = r#"[{"market":"KRW-BTC","supported_levels":["many"]}]"#;
    let canned = canned(body);
    let client = UpbitClient::new(Arc::clone(&canned) as _).with_priority(Priority::Low);
    let error = block_on(client.groupings(&[symbol("KRW-BTC")])).unwrap_err();
    assert_eq!(canned.asked(), path);
    assert_eq!(error.kind(), SourceErrorKind::Malformed);
    assert_eq!(block_on(client.groupings(&[])).unwrap_err().kind(), SourceErrorKind::BadRequest);
}
