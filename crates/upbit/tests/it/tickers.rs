//! Answers to ticker requests.

use market_backbone_core::{Ticker, Timestamp, Venue};
use market_backbone_upbit::Upbit;

use crate::{NOON, at, symbol};

const ROW: &str = r#"{"market":"KRW-BTC","trade_date":"20260512","trade_time":"071655","trade_date_kst":"20260512","trade_time_kst":"161655","trade_timestamp":1778570215021,"opening_price":90012000,"high_price":91800000.00000000,"low_price":8.9654E7,"trade_price":91361000.0,"prev_closing_price":90000000.0,"change":"RISE","change_price":1361000.0,"change_rate":0.0151,"signed_change_price":1361000.0,"signed_change_rate":0.0151,"trade_volume":0.00079276,"acc_trade_price":100515242207.58107000,"acc_trade_price_24h":228827082483.70729,"acc_trade_volume":1108.48123881,"acc_trade_volume_24h":2532.88231706,"highest_52_week_price":166348000.0,"highest_52_week_date":"2025-10-09","lowest_52_week_price":null,"lowest_52_week_date":null,"timestamp":1778570215064}"#;

fn list(body: &str) -> (Vec<Ticker>, u32) {
    Upbit::new().decode_tickers(body.as_bytes(), at(NOON)).unwrap()
}

#[test]
fn every_figure_is_read() {
    let (tickers, dropped) = list(&format!("[{ROW}]"));
    let expected = Ticker {
        symbol: symbol("KRW-BTC"),
        price: 91_361_000.0,
        open: 90_012_000.0,
        high: 91_800_000.0,
        low: 89_654_000.0,
        previous_close: 90_000_000.0,
        size: 0.00079276,
        side: None,
        day_volume: 1108.48123881,
        day_turnover: 100515242207.58107,
        volume_24h: 2532.88231706,
        turnover_24h: 228827082483.70729,
        trade_time: Timestamp::from_millis(1_778_570_215_021),
        time: Timestamp::from_millis(1_778_570_215_064),
        received: at(NOON),
    };
    assert_eq!((tickers, dropped), (vec![expected], 0));
}

#[test]
fn a_market_on_its_first_day_counts_from_its_first_price() {
    let row = ROW.replace(r#""prev_closing_price":90000000.0"#, r#""prev_closing_price":null"#);
    let row = row.replace("2532.88231706", "null");
    let (tickers, _) = list(&format!("[{row}]"));
    assert_eq!((tickers[0].previous_close, tickers[0].volume_24h), (90_012_000.0, 0.0));
}

#[test]
fn a_market_without_a_price_never_drops_its_neighbours() {
    let never_traded = ROW.replace("KRW-BTC", "KRW-NEW").replace("91361000.0", "null");
    let nameless = ROW.replace("KRW-BTC", "");
    let (tickers, dropped) = list(&format!(r#"[{never_traded},{ROW},{nameless},"x"]"#));
    assert_eq!((tickers.len(), dropped), (1, 3));
}
