//! The list of markets.

use market_backbone_core::{SourceErrorKind, Venue};

use crate::advanced;

#[test]
fn a_listing_reads_and_odd_rows_are_left_out() {
    let body = r#"{"count":3,"results":[
        {"active":true,"currency_name":"usd","locale":"us","market":"stocks","name":"Agilent Technologies Inc.","ticker":"A","type":"CS"},
        {"active":true,"market":"stocks","ticker":"BRK.B"},
        {"active":true,"ticker":"not one"}],"status":"OK"}"#;
    let markets = advanced().decode_markets(body.as_bytes()).unwrap();
    let read: Vec<_> = markets
        .iter()
        .map(|market| (market.base.as_str(), market.quote.as_str(), market.name.as_str()))
        .collect();
    assert_eq!(read, [("A", "USD", "Agilent Technologies Inc."), ("BRK.B", "USD", "BRK.B")]);
    assert!(markets.iter().all(|market| !market.warning && market.local_name.is_none()));
}

#[test]
fn price_steps_are_not_reported() {
    assert_eq!(advanced().decode_price_increments(b"[]").unwrap_err().kind(), SourceErrorKind::Unsupported);
    assert_eq!(advanced().decode_markets(b"<html>").unwrap_err().kind(), SourceErrorKind::Malformed);
}
