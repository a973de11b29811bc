//! The messages of a subscription.

use market_backbone_core::{Channel, ControlMessage, StreamKind, Symbol, SymbolTable, Timeframe, Venue};
use market_backbone_massive::{MASSIVE, Massive, MassivePlan};

use crate::{NOON, advanced, at, massive, symbol};

const MINUTES: StreamKind = StreamKind::Candle(Timeframe::M1);

fn channel(code: &str, kind: StreamKind) -> Channel {
    let symbol = if code == "*" { Symbol::any(MASSIVE) } else { symbol(code) };
    Channel { symbol, kind }
}

fn channels(names: &[(&str, StreamKind)]) -> Vec<Channel> {
    let mut channels: Vec<_> = names.iter().map(|(code, kind)| channel(code, *kind)).collect();
    channels.sort();
    channels
}

#[track_caller]
fn check(has: &[(&str, StreamKind)], wanted: &[(&str, StreamKind)], want: &[&str]) {
    assert_eq!(advanced().subscribe(&channels(has), &channels(wanted)), want);
}

#[test]
fn only_what_changes_is_sent() {
    let both = [("AAPL", StreamKind::Trade), ("BRK.B", MINUTES)];
    check(&[], &both, &[r#"{"action":"subscribe","params":"AM.BRK.B,T.AAPL"}"#]);
    check(&both, &both, &[]);
    check(&both, &both[..1], &[r#"{"action":"unsubscribe","params":"AM.BRK.B"}"#]);
    check(&both[..1], &[], &[r#"{"action":"unsubscribe","params":"T.AAPL"}"#]);
    let quote = [("AAPL", StreamKind::Book)];
    check(
        &both[..1],
        &quote,
        &[r#"{"action":"subscribe","params":"Q.AAPL"}"#, r#"{"action":"unsubscribe","params":"T.AAPL"}"#],
    );
}

#[test]
fn a_share_and_all_shares_are_not_sent_twice() {
    let (one, all) = (("AAPL", StreamKind::Trade), ("*", StreamKind::Trade));
    check(&[], &[one, all], &[r#"{"action":"subscribe","params":"T.*"}"#]);
    check(&[], &[one, ("*", MINUTES)], &[r#"{"action":"subscribe","params":"AM.*,T.AAPL"}"#]);
    check(
        &[one],
        &[one, all],
        &[r#"{"action":"subscribe","params":"T.*"}"#, r#"{"action":"unsubscribe","params":"T.AAPL"}"#],
    );
    check(
        &[one, all],
        &[one],
        &[r#"{"action":"subscribe","params":"T.AAPL"}"#, r#"{"action":"unsubscribe","params":"T.*"}"#],
    );
}

#[test]
fn what_has_no_channel_is_not_asked_for() {
    check(&[], &[("AAPL", StreamKind::Ticker), ("AAPL", StreamKind::Candle(Timeframe::H1))], &[]);
}

#[test]
fn bands_are_asked_for_and_confirmed_by_their_own_name() {
    let (one, all) = (("BRK.B", StreamKind::Band), ("*", StreamKind::Band));
    check(&[], &[one], &[r#"{"action":"subscribe","params":"LULD.BRK.B"}"#]);
    check(&[], &[one, all], &[r#"{"action":"subscribe","params":"LULD.*"}"#]);
    let frame = r#"[{"ev":"status","status":"success","message":"subscribed to: LULD.BRK.B"}]"#;
    let symbols = SymbolTable::default();
    let outcome = advanced().decoder().decode(frame.as_bytes(), at(NOON), &symbols, &mut Vec::new()).unwrap();
    assert_eq!(outcome.control, Some(ControlMessage::Confirmed(vec![channel("BRK.B", StreamKind::Band)])));
}

#[test]
fn thousands_of_names_are_more_than_one_message() {
    let wanted: Vec<_> = (0..10_000).map(|n| channel(&format!("S{n:05}"), StreamKind::Trade)).collect();
    let messages = advanced().subscribe(&[], &wanted);
    assert_eq!(messages.len(), 3);
    let names = messages.iter().map(|message| message.matches("T.S").count()).sum::<usize>();
    assert_eq!(names, 10_000);
}

#[test]
fn the_key_is_given_when_the_venue_has_spoken() {
    let greeting = advanced().login().unwrap();
    assert!(greeting.awaits_prompt);
    assert_eq!(greeting.timeout.as_secs(), 15);
    let said: Vec<_> = greeting.messages.iter().map(|message| message.reveal()).collect();
    assert_eq!(said, [r#"{"action":"auth","params":"test-key"}"#]);
}

#[test]
fn what_is_streamed_is_the_plans_to_say() {
    let streams = |venue: Massive| {
        let can = *venue.capabilities();
        let kinds = [StreamKind::Trade, StreamKind::Ticker, StreamKind::Book, StreamKind::Band, MINUTES];
        kinds.map(|kind| can.streams(kind))
    };
    assert_eq!(streams(massive(MassivePlan::Basic)), [false, false, false, false, false]);
    assert_eq!(streams(massive(MassivePlan::Starter)), [false, false, false, false, true]);
    assert_eq!(streams(massive(MassivePlan::Developer)), [true, false, false, false, true]);
    assert_eq!(streams(advanced()), [true, false, true, true, true]);
}
