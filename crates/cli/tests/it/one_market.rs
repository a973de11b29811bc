//! A failure of one market does not stop the others: a hanging listing stops no socket, and an unlisted
//! market takes no other with it.

use market_backbone_emulator::{Faults, MarketSet, Scenario};
use serde_json::Value;
use tempfile::tempdir;

use crate::run::{Said, Venue};

fn symbols(said: &Said) -> Vec<String> {
    let lines = said.stdout.lines().map(|line| serde_json::from_str::<Value>(line).expect(line));
    let mut symbols: Vec<_> = lines.filter_map(|line| Some(line["symbol"].as_str()?.to_owned())).collect();
    symbols.sort();
    symbols.dedup();
    symbols
}

/// Two markets, and a universe that still has a third.
fn two_of_three(data: &std::path::Path) -> Venue {
    let markets = MarketSet::Only(vec!["KRW-BTC".to_owned(), "KRW-ETH".to_owned()]);
    let venue = Venue::start(Scenario { markets, ..Scenario::default() });
    let kept = venue.run(data, &["universe", "add", "three", "KRW-BTC", "KRW-XRP", "KRW-ETH", "--unlisted"]);
    assert_eq!(kept.code, Some(0), "{kept:?}");
    venue
}

#[test]
fn a_socket_starts_though_the_listing_hangs() {
    let data = tempdir().unwrap();
    let faults = Faults { mute_listing: 1.0, ..Faults::default() };
    let venue = Venue::start(Scenario { faults, ..Scenario::default() });
    let said = venue.run(data.path(), &["watch", "KRW-BTC", "--format", "json", "--for", "4s"]);
    assert_eq!((said.code, symbols(&said)), (Some(0), vec!["KRW-BTC".to_owned()]), "{said:?}");
    assert!(said.stderr.contains("has not sent its listing within 2 s"), "{}", said.stderr);
    assert!(venue.emulator.report().played("mute_listing") > 0);
    venue.stop();
}

#[test]
fn a_market_of_a_universe_that_is_gone_is_reported_once_and_left_out() {
    let data = tempdir().unwrap();
    let venue = two_of_three(data.path());
    let told = |said: &Said| said.stderr.matches("left out: KRW-XRP; upbit").count();
    let two = vec!["KRW-BTC".to_owned(), "KRW-ETH".to_owned()];
    let watch = ["watch", "--universe", "three", "--kinds", "ticker", "--format", "json", "--for", "4s"];
    for args in [&watch[..], &["ticker", "--universe", "three", "--format", "json"]] {
        let said = venue.run(data.path(), args);
        assert_eq!((said.code, symbols(&said), told(&said)), (Some(0), two.clone(), 1), "{said:?}");
    }
    venue.stop();
}

#[test]
fn a_market_that_was_named_is_not_left_out_in_silence() {
    let data = tempdir().unwrap();
    let venue = two_of_three(data.path());
    for command in ["watch", "ticker"] {
        let said = venue.run(data.path(), &[command, "KRW-XRP", "--universe", "three"]);
        assert_eq!((said.code, said.stdout.as_str()), (Some(1), ""), "{said:?}");
        assert!(said.stderr.contains("unknown market KRW-XRP on upbit"), "{}", said.stderr);
    }
    venue.stop();
}
