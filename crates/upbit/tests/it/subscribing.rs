//! The messages of a subscription.

use market_backbone_core::{Channel, StreamKind, Timeframe, Venue};
use market_backbone_upbit::Upbit;

use crate::symbol;

fn channel(code: &str, kind: StreamKind) -> Channel {
    Channel { symbol: symbol(code), kind }
}

fn wanted() -> Vec<Channel> {
    let mut wanted = vec![
        channel("KRW-ETH", StreamKind::Trade),
        channel("KRW-BTC", StreamKind::Trade),
        channel("KRW-BTC", StreamKind::Ticker),
        channel("KRW-BTC", StreamKind::Book),
        channel("KRW-BTC", StreamKind::Candle(Timeframe::H1)),
    ];
    wanted.sort();
    wanted
}

#[test]
fn one_message_holds_the_whole_set() {
    let expected = concat!(
        r#"[{"ticket":"market-backbone"},{"type":"candle.60m","codes":["KRW-BTC"]},"#,
        r#"{"type":"orderbook","codes":["KRW-BTC"]},{"type":"ticker","codes":["KRW-BTC"]},"#,
        r#"{"type":"trade","codes":["KRW-BTC","KRW-ETH"]},{"format":"SIMPLE"}]"#
    );
    assert_eq!(Upbit::new().subscribe(&[], &wanted()), [expected]);
    // An addition sends the whole set again: the new request replaces the old one.
    assert_eq!(Upbit::new().subscribe(&wanted()[..2], &wanted()), [expected]);
}

#[test]
fn nothing_is_sent_where_nothing_changes_or_nothing_is_wanted() {
    assert!(Upbit::new().subscribe(&wanted(), &wanted()).is_empty());
    assert!(Upbit::new().subscribe(&wanted(), &[]).is_empty());
    let daily = [channel("KRW-BTC", StreamKind::Candle(Timeframe::D1))];
    assert!(Upbit::new().subscribe(&[], &daily).is_empty());
}

#[test]
fn the_limits_are_those_of_the_venue() {
    let venue = Upbit::new();
    let can = venue.capabilities();
    assert_eq!((can.candle_page, can.trade_page, can.book_depth), (200, 500, 30));
    assert!(can.limits.iter().all(|limit| limit.max == 10 && limit.window.as_secs() == 1));
    assert!(
        can.streams(StreamKind::Candle(Timeframe::H4)) && !can.streams(StreamKind::Candle(Timeframe::D1))
    );
    assert!(!can.streams(StreamKind::Band));
    // Upbit drops a silent socket after 60 s, whatever its documentation says.
    assert!(can.socket.keep_alive_every < can.socket.idle_timeout && can.socket.idle_timeout.as_secs() < 60);
}
