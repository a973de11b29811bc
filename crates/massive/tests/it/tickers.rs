//! Snapshots read as tickers.

use market_backbone_core::{Ticker, Venue};

use crate::{NOON, advanced, at};

const TRADED: &str = r#"{"ticker":"AAPL","todaysChange":1.5,"todaysChangePerc":1.0,"updated":1651251948294080343,"day":{"o":161.84,"h":166.2,"l":159.8,"c":160.3,"v":6.8840127e+07,"vw":162.5},"prevDay":{"o":1,"h":1,"l":1,"c":158.5,"v":1,"vw":1},"min":{"o":1,"h":1,"l":1,"c":160.2,"v":1,"vw":1,"t":1651251900000,"n":5,"av":1},"lastTrade":{"c":null,"i":"121351","p":159.99,"s":0,"ds":"0.25","t":1651251948294080343,"x":12},"lastQuote":{"P":159.99,"S":5,"p":159.98,"s":3,"t":1651251948407646487}}"#;

fn tickers(rows: &[&str]) -> (Vec<Ticker>, u32) {
    let body = format!(r#"{{"count":{},"status":"OK","tickers":[{}]}}"#, rows.len(), rows.join(","));
    advanced().decode_tickers(body.as_bytes(), at(NOON)).unwrap()
}

#[test]
fn every_figure_is_read() {
    let (tickers, dropped) = tickers(&[TRADED]);
    let ticker = &tickers[0];
    assert_eq!((ticker.symbol.code(), dropped), ("AAPL", 0));
    assert_eq!((ticker.price, ticker.size, ticker.previous_close), (159.99, 0.25, 158.5));
    assert_eq!((ticker.open, ticker.high, ticker.low), (161.84, 166.2, 159.8));
    assert_eq!((ticker.day_volume, ticker.day_turnover), (68_840_127.0, 68_840_127.0 * 162.5));
    assert_eq!((ticker.volume_24h, ticker.turnover_24h, ticker.side), (0.0, 0.0, None));
    assert_eq!(ticker.trade_time.as_nanos(), 1_651_251_948_294_080_343);
}

#[test]
fn before_the_first_trade_of_a_day_the_price_is_the_last_there_was() {
    let night = r#"{"ticker":"AAPL","updated":0,"day":{"o":0,"h":0,"l":0,"c":0,"v":0,"vw":0},"min":{"o":0,"h":0,"l":0,"c":0,"v":0,"vw":0,"t":0,"n":0,"av":0},"prevDay":{"o":1,"h":1,"l":1,"c":158.5,"v":9,"vw":1}}"#;
    let (tickers, _) = tickers(&[night]);
    let ticker = &tickers[0];
    assert_eq!((ticker.price, ticker.open, ticker.high, ticker.low), (158.5, 158.5, 158.5, 158.5));
    assert_eq!((ticker.change(), ticker.day_volume), (0.0, 0.0));
}

#[test]
fn without_trades_in_the_plan_the_minute_gives_the_price() {
    let row = TRADED.replace("\"lastTrade\"", "\"hidden\"");
    let (tickers, _) = tickers(&[&row]);
    assert_eq!((tickers[0].price, tickers[0].trade_time.as_millis()), (160.2, 1_651_251_900_000));
}

#[test]
fn a_market_without_a_price_is_left_out_and_counted() {
    let never = r#"{"ticker":"ZZZ","updated":0,"day":null,"prevDay":null,"min":null}"#;
    let (tickers, dropped) = tickers(&[never, TRADED, r#"{"ticker":"no market"}"#]);
    assert_eq!((tickers.len(), dropped), (1, 2));
}
