//! Frames of the socket.

use std::time::Duration;

use market_backbone_core::{
    Candle, Channel, ControlMessage, FeedEvent, Level, SourceErrorKind, StreamKind, Symbol, SymbolTable,
    Timeframe, Venue,
};
use market_backbone_massive::MASSIVE;

use crate::{NOON, advanced, at, only, read, symbol};

const TRADE: &str = r#"{"ev":"T","sym":"MSFT","x":4,"i":"12345","z":3,"p":114.125,"s":100,"c":[0,12],"t":1536036818784,"q":3681328}"#;
const MINUTE: &str = r#"{"ev":"AM","sym":"AAPL","v":4110,"av":9470157,"op":0.4372,"vw":0.4488,"o":0.4488,"c":0.4486,"h":0.4489,"l":0.4486,"a":0.4352,"z":685.5,"s":1610144640000,"e":1610144700000}"#;
const QUOTE: &str = r#"{"ev":"Q","sym":"MSFT","bx":4,"bp":114.125,"bs":100,"ax":7,"ap":114.128,"as":160,"c":0,"i":[604],"t":1536036818784,"q":50385480,"z":3}"#;

fn list(events: &[&str]) -> String {
    format!("[{}]", events.join(","))
}

fn candle(frame: &str) -> (Timeframe, Candle) {
    let FeedEvent::Candle { series, candle, .. } = only(frame) else { panic!("{frame}") };
    (series.timeframe, candle)
}

#[test]
fn a_trade_has_no_side_and_the_name_it_has_on_a_page() {
    let FeedEvent::Trade(trade) = only(&list(&[TRADE])) else { panic!("{TRADE}") };
    assert_eq!((trade.symbol.code(), trade.price, trade.size, trade.side), ("MSFT", 114.125, 100.0, None));
    assert_eq!(trade.id.to_string(), "1536036818784:000003681328:4:0:12345");
    assert_eq!((trade.time.as_millis(), trade.received), (1_536_036_818_784, at(NOON)));
}

#[test]
fn parts_of_a_share_and_late_reports_are_told_apart() {
    let part = TRADE.replace("\"s\":100", "\"s\":0,\"ds\":\"0.7118\",\"trfi\":202,\"trft\":1536036818700");
    let FeedEvent::Trade(trade) = only(&list(&[&part])) else { panic!("{part}") };
    assert_eq!(
        (trade.size, trade.id.to_string().as_str()),
        (0.7118, "1536036818784:000003681328:4:202:12345")
    );
}

#[test]
fn a_bar_is_the_windows_not_the_days() {
    let (timeframe, bar) = candle(&list(&[MINUTE]));
    assert_eq!(
        (timeframe, bar.open_time.as_millis(), bar.is_final),
        (Timeframe::M1, 1_610_144_640_000, false)
    );
    assert_eq!((bar.open, bar.high, bar.low, bar.close), (0.4488, 0.4489, 0.4486, 0.4486));
    assert_eq!((bar.volume, bar.turnover), (4110.0, 4110.0 * 0.4488));
    let second = MINUTE.replace("\"AM\"", "\"A\"").replace("1610144640000", "1610144641000");
    assert_eq!(candle(&list(&[&second])).0, Timeframe::S1);
}

#[test]
fn the_old_name_of_a_bars_time_is_read_and_so_are_parts_of_shares() {
    let old = MINUTE.replace("\"s\":1610144640000,\"e\":1610144700000", "\"t\":1610144640000");
    assert_eq!(candle(&list(&[&old])), candle(&list(&[MINUTE])));
    let part = MINUTE.replace("\"v\":4110", "\"v\":4110,\"dv\":\"4110.25\"");
    assert_eq!(candle(&list(&[&part])).1.volume, 4110.25);
    let exponent = MINUTE.replace("\"v\":4110", "\"v\":5.617399e+07");
    assert_eq!(candle(&list(&[&exponent])).1.volume, 56_173_990.0);
}

#[test]
fn a_quote_is_a_book_of_one_level() {
    let FeedEvent::Book(book) = only(&list(&[QUOTE])) else { panic!("{QUOTE}") };
    assert_eq!(book.best_bid(), Some(Level { price: 114.125, size: 100.0 }));
    assert_eq!(book.best_ask(), Some(Level { price: 114.128, size: 160.0 }));
    let half = QUOTE.replace("\"ap\":114.128,\"as\":160,", "");
    let FeedEvent::Book(book) = only(&list(&[&half])) else { panic!("{half}") };
    assert_eq!((book.asks.len(), book.bids.len()), (0, 1));
}

#[test]
fn a_bad_event_is_dropped_and_counted_alone() {
    let bad = [
        TRADE.replace("114.125", "\"114.125\""),
        TRADE.replace("114.125", "-1"),
        TRADE.replace("\"sym\":\"MSFT\",", ""),
        TRADE.replace("MSFT", "UNASKED"),
        TRADE.replace("\"T\"", "\"ZZ\""),
        TRADE.replace("\"ev\":\"T\",", ""),
        MINUTE.replace("1610144640000", "1610144640001"),
        MINUTE.replace("\"h\":0.4489", "\"h\":0.1"),
        "7".to_owned(),
        "null".to_owned(),
        "[]".to_owned(),
    ];
    for bad in &bad {
        let (events, outcome) = read(&list(&[TRADE, bad, MINUTE])).unwrap();
        assert_eq!((events.len(), outcome.dropped, outcome.control), (2, 1, None), "{bad}");
    }
}

#[test]
fn a_frame_cut_short_keeps_what_came_before_the_cut() {
    let whole = list(&[TRADE, MINUTE, QUOTE]);
    let (events, outcome) = read(&whole[..whole.len() - 20]).unwrap();
    assert_eq!((events.len(), outcome.dropped), (2, 1));
    for garbage in ["", "x", "[", "[x]", "<html>", "\"text\"", "7", "[\u{0}]"] {
        assert!(read(garbage).is_err(), "{garbage}");
    }
    assert!(
        advanced()
            .decoder()
            .decode(&[0xff, 0xfe], at(NOON), &SymbolTable::default(), &mut Vec::new())
            .is_err()
    );
}

#[test]
fn blanks_an_empty_list_and_a_bare_event_are_fine() {
    assert_eq!(read("[]").unwrap().0, []);
    assert_eq!(read(" [ ] ").unwrap().0, []);
    let loose = format!(" [ {} , {} ]\n", TRADE.replace(',', " , "), TRADE.replace(':', ": "));
    assert_eq!(read(&loose).unwrap().0.len(), 2);
    assert_eq!(read(TRADE).unwrap().0.len(), 1);
}

#[test]
fn a_band_reads_whatever_the_unit_of_its_time() {
    const BAND: &str =
        r#"{"ev":"LULD","T":"MSFT","h":218.96,"l":198.11,"i":[21,17],"z":3,"t":TIME,"q":290317}"#;
    let second = 1_601_316_752;
    let spellings = [
        ("1601316752683", 683_000_000),
        ("1601316752683746", 683_746_000),
        ("1601316752683746123", 683_746_123),
    ];
    for (time, nanos) in spellings {
        let (events, outcome) = read(&list(&[TRADE, &BAND.replace("TIME", time), TRADE])).unwrap();
        assert_eq!((events.len(), outcome.dropped), (3, 0), "{time}");
        let FeedEvent::Band(band) = &events[1] else { panic!("{:?}", events[1]) };
        assert_eq!((band.symbol.code(), band.low, band.high), ("MSFT", 198.11, 218.96));
        assert_eq!(band.indicators.iter().collect::<Vec<_>>(), [21, 17]);
        assert_eq!(band.time.as_nanos(), second * 1_000_000_000 + nanos, "{time}");
        assert_eq!(band.received, at(NOON));
    }
    let whole = BAND.replace("TIME", "1601316752683746123");
    let bad = [
        whole.replace("198.11", "218.97"),
        whole.replace("198.11", "-1"),
        whole.replace("MSFT", "UNASKED"),
        whole.replace("\"h\":218.96,", ""),
        whole.replace("\"T\"", "\"sym\""),
    ];
    for bad in &bad {
        let (events, outcome) = read(&list(&[TRADE, bad, MINUTE])).unwrap();
        assert_eq!((events.len(), outcome.dropped), (2, 1), "{bad}");
    }
    let bare = whole.replace("\"i\":[21,17],", "");
    assert_eq!(read(&list(&[&bare])).unwrap().0.len(), 1, "indicators need not be there");
}

#[test]
fn kinds_that_nobody_can_ask_for_are_passed_over() {
    let others = list(&[
        r#"{"ev":"NOI","T":"NTEST.Q","t":1601318039223013600,"at":930,"a":"M","i":44,"x":10,"o":480,"p":440,"b":25.03}"#,
        r#"{"ev":"FMV","fmv":189.22,"sym":"AAPL","t":1678220098130}"#,
    ]);
    let (events, outcome) = read(&others).unwrap();
    assert_eq!((events.len(), outcome.dropped), (0, 0));
}

#[test]
fn where_all_are_wanted_each_event_bears_its_own_market() {
    let symbols: SymbolTable = [Symbol::any(MASSIVE)].into_iter().collect();
    let mut events = Vec::new();
    let frame = list(&[TRADE, &TRADE.replace("MSFT", "KIMpL")]);
    let outcome = advanced().decoder().decode(frame.as_bytes(), at(NOON), &symbols, &mut events).unwrap();
    let codes: Vec<_> =
        events.iter().filter_map(FeedEvent::channel).map(|(symbol, _)| symbol.code()).collect();
    assert_eq!((codes, outcome.dropped), (vec!["MSFT", "KIMpL"], 0));
}

fn status(status: &str, message: &str) -> String {
    format!(r#"{{"ev":"status","status":"{status}","message":"{message}"}}"#)
}

#[track_caller]
fn control(kind: &str, message: &str) -> Option<ControlMessage> {
    let (events, outcome) = read(&list(&[&status(kind, message)])).unwrap();
    assert_eq!((events.len(), outcome.dropped), (0, 0));
    outcome.control
}

#[test]
fn the_way_in_is_reported_step_by_step() {
    assert_eq!(control("connected", "Connected Successfully"), Some(ControlMessage::LoginPrompt));
    assert_eq!(control("auth_success", "authenticated"), Some(ControlMessage::LoggedIn));
    let refused = |control| match control {
        Some(ControlMessage::Refused { message, kind, terminal }) => (message, (kind, terminal)),
        other => panic!("{other:?}"),
    };
    let (message, _) = refused(control("auth_failed", "unknown key test-key"));
    // The message goes on with what to do about it.
    assert!(message.contains("unknown key (hidden);") && !message.contains("test-key"), "{message}");
    let (message, verdict) = refused(control("auth_failed", "authentication failed"));
    assert_eq!(verdict, (SourceErrorKind::Unauthorized, true));
    assert!(message.contains("does not let this key in: authentication failed"));
    let (message, verdict) = refused(control("auth_failed", "Your plan doesn't include websocket access."));
    assert_eq!(verdict, (SourceErrorKind::Forbidden, true));
    assert!(message.contains("plan doesn't include"));
    assert!(!refused(control("auth_timeout", "No authentication request received.")).1.1);
    let (message, verdict) = refused(control("error", "not authorized"));
    assert_eq!(verdict, (SourceErrorKind::Forbidden, true));
    assert!(message.contains("not in the plan"));
    assert!(refused(control("error", "You don't have access real-time data.")).1.1);
    assert!(!refused(control("error", "try again")).1.1);
}

#[test]
fn whoever_is_put_out_stays_away_for_a_minute() {
    let message = "Maximum number of websocket connections exceeded. ";
    let want = ControlMessage::Evicted { message: message.trim().to_owned(), wait: Duration::from_secs(60) };
    assert_eq!(control("max_connections", message), Some(want));
    assert!(matches!(control("slow_consumer", "too slow"), Some(ControlMessage::TooSlow { .. })));
    assert!(matches!(control("force_disconnect", ""), Some(ControlMessage::TooSlow { .. })));
}

#[test]
fn only_what_is_confirmed_counts() {
    let frame = list(&[
        &status("success", "subscribed to: AM.AAPL"),
        &status("success", "subscribed to: T.BRK.B"),
        &status("success", "subscribed to: A.*"),
        &status("success", "unsubscribed to: T.MSFT"),
        TRADE,
    ]);
    let (events, outcome) = read(&frame).unwrap();
    let channel = |symbol, kind| Channel { symbol, kind };
    let confirmed = vec![
        channel(symbol("AAPL"), StreamKind::Candle(Timeframe::M1)),
        channel(symbol("BRK.B"), StreamKind::Trade),
        channel(Symbol::any(MASSIVE), StreamKind::Candle(Timeframe::S1)),
    ];
    assert_eq!((events.len(), outcome.control), (1, Some(ControlMessage::Confirmed(confirmed))));
    assert_eq!(control("success", "unsubscribed to: T.MSFT"), None);
    // A refusal takes precedence over a confirmation, and names nothing.
    let frame = list(&[&status("error", "not authorized"), &status("success", "subscribed to: AM.AAPL")]);
    assert!(matches!(read(&frame).unwrap().1.control, Some(ControlMessage::Refused { terminal: true, .. })));
}
