//! A permanent refusal ends a watch with its reason; a long one is reported, and remembered by the next
//! process.

use std::io::Write;
use std::net::TcpStream;

use market_backbone_emulator::{BanBody, BanRule, ExchangeHours, Faults, Scenario, StocksScenario};
use tempfile::tempdir;

use crate::crash::until;
use crate::run::{Said, Venue, bare};

#[track_caller]
fn refused(said: &Said, needles: &[&str]) {
    assert_eq!(said.code, Some(1), "{said:?}");
    let last = said.stderr.lines().last().unwrap_or_default();
    assert!(last.starts_with("error: "), "{said:?}");
    for needle in needles {
        assert!(last.contains(needle), "`{needle}` in {last}");
    }
}

#[test]
fn an_address_that_is_no_socket_ends_a_watch_with_its_reason() {
    let (venue, data) = (Venue::healthy(), tempdir().unwrap());
    let place = venue.emulator.address();
    let watch = |address: &str, whose: &[&str]| {
        let mut command = bare(&["watch", "KRW-BTC", "--rest-url", &venue.emulator.rest_url()]);
        command.args(["--ws-url", address]).args(whose).arg("--data-dir").arg(data.path());
        Said::of(command.output().unwrap())
    };
    for whose in [&[][..], &["--same-as", "upbit@here"]] {
        for address in ["nonsense", "ws://", &format!("http://{place}/websocket/v1")] {
            refused(&watch(address, whose), &["address", "write it like ws"]);
        }
        let elsewhere = watch(&format!("ws://{place}/nowhere"), whose);
        refused(&elsewhere, &["answers 404 Not Found instead of opening a socket", "check the address"]);
    }
    venue.stop();
}

#[test]
fn a_bad_key_ends_a_watch_with_its_reason_also_where_only_the_socket_says_so() {
    let massive = StocksScenario { hours: ExchangeHours::Always, ..StocksScenario::default() };
    let (venue, data) = (Venue::start(Scenario { massive, ..Scenario::default() }), tempdir().unwrap());
    for (market, reason) in [("AAPL", "check MASSIVE_API_KEY"), ("*", "authentication failed")] {
        let mut command = bare(&["watch", market, "--venue", "massive"]);
        command.args(["--rest-url", &venue.emulator.rest_url()]).env("MASSIVE_API_KEY", "no-key-of-theirs");
        let said = Said::of(command.arg("--data-dir").arg(data.path()).output().unwrap());
        refused(&said, &["massive", reason]);
        assert!(!said.stderr.contains("no-key-of-theirs"), "{}", said.stderr);
    }
    venue.stop();
}

#[test]
fn a_wait_of_minutes_is_reported_and_the_next_program_asks_nothing_until_it_is_over() {
    let data = tempdir().unwrap();
    let faults = Faults { throttle: 1.0, retry_after: 900, ..Faults::default() };
    let venue = Venue::start(Scenario { faults, ..Scenario::default() });
    let limits = data.path().join("limits-of-all");
    let ask = |folder: &str| {
        let mut command = venue.command(&data.path().join(folder), &["candles", "KRW-BTC", "1m"]);
        Said::of(command.arg("--limits-dir").arg(&limits).output().unwrap())
    };
    let named = limits.display().to_string();
    refused(&ask("one"), &["asks to slow down", "until 20", "900 s from now", &named]);
    venue.emulator.set_faults(Faults::default());
    let asked = venue.candle_requests();
    refused(&ask("other"), &["the venue accepts no requests of group candles until 20", &named]);
    assert_eq!(venue.candle_requests(), asked);
    venue.stop();
}

#[test]
fn a_ban_names_until_when_it_lasts_and_the_file_that_says_so() {
    let data = tempdir().unwrap();
    let ban = Some(BanRule { after: 1, within_ms: 60_000, seconds: 600, body: BanBody::Json });
    let venue = Venue::start(Scenario { ban, ..Scenario::default() });
    // Another client on this address exceeds the limit.
    let page = "GET /v1/candles/minutes/1?market=KRW-BTC&count=1 HTTP/1.1\r\nhost: venue\r\n\r\n";
    let mut stream = TcpStream::connect(venue.emulator.address()).unwrap();
    stream.write_all(page.repeat(40).as_bytes()).unwrap();
    until(|| venue.candle_requests() >= 40);
    let ask = || venue.run(data.path(), &["candles", "KRW-BTC", "1m"]);
    let named = data.path().join("limits").display().to_string();
    refused(&ask(), &["upbit has banned this address", "until 20", "s from now", &named]);
    let asked = venue.candle_requests();
    refused(&ask(), &["the venue has banned this address until 20", &named]);
    assert_eq!(venue.candle_requests(), asked);
    venue.stop();
}
