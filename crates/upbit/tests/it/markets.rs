//! The list of markets, and price increments.

use market_backbone_core::{SourceErrorKind, Venue};
use market_backbone_upbit::Upbit;

use crate::symbol;

#[test]
fn markets_are_read_with_and_without_details() {
    let body = r#"[
        {"market":"KRW-BTC","korean_name":"비트코인","english_name":"Bitcoin","market_event":{"warning":false,"caution":{"PRICE_FLUCTUATIONS":true}}},
        {"market":"BTC-1INCH","korean_name":"\uc778\uce58","english_name":"1inch","market_event":{"warning":true,"caution":{}}},
        {"market":"IDR-XRP","english_name":"XRP","market_warning":"CAUTION"},
        {"market":"USDT-ETH","korean_name":"이더리움","english_name":"Ethereum"},
        {"market":"NONSENSE"},{"market":null},17]"#;
    let markets = Upbit::new().decode_markets(body.as_bytes()).unwrap();
    let codes: Vec<_> = markets.iter().map(|market| (market.symbol.code(), market.warning)).collect();
    assert_eq!(codes, [("KRW-BTC", false), ("BTC-1INCH", true), ("IDR-XRP", true), ("USDT-ETH", false)]);
    let inch = &markets[1];
    assert_eq!((inch.quote.as_str(), inch.base.as_str(), inch.name.as_str()), ("BTC", "1INCH", "1inch"));
    assert_eq!(inch.local_name.as_deref(), Some("인치"));
    assert_eq!(markets[2].local_name, None);
}

#[test]
fn price_steps_are_numbers_in_texts() {
    let body = r#"[{"market":"KRW-BTC","quote_currency":"KRW","tick_size":"1000","supported_levels":["0","10000"]},
        {"market":"BTC-ETH","quote_currency":"BTC","tick_size":"0.00000001","supported_levels":["0"]},
        {"market":"KRW-X","tick_size":"soon"},{"market":"KRW-X","tick_size":"0"},{"market":"KRW-X","tick_size":"inf"}]"#;
    let instruments = Upbit::new().decode_price_increments(body.as_bytes()).unwrap();
    let steps: Vec<_> = instruments.into_iter().map(|step| (step.symbol, step.tick_size)).collect();
    assert_eq!(steps, [(symbol("KRW-BTC"), 1000.0), (symbol("BTC-ETH"), 1e-8)]);
}

#[test]
fn a_list_in_another_language_is_malformed() {
    for body in [r#"[{"symbol":"KRW-BTC"}]"#, "{}", ""] {
        assert_eq!(
            Upbit::new().decode_markets(body.as_bytes()).unwrap_err().kind(),
            SourceErrorKind::Malformed
        );
    }
    assert!(Upbit::new().decode_markets(b"[]").unwrap().is_empty());
}
