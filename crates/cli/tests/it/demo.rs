//! `demo`: the first command of a newcomer.

use crate::run::{Said, bare};

#[test]
fn the_demo_shows_history_and_live_prices_and_ends_by_itself() {
    let said = Said::of(bare(&["demo", "--for", "3s"]).output().unwrap());
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stdout.contains("first: 5 requests"), "{}", said.stdout);
    assert!(said.stdout.contains("trade"), "live trades are shown: {}", said.stdout);
    assert!(said.stdout.contains(" 0 of them refused"), "{}", said.stdout);
}

#[test]
fn the_demo_shows_shares_too_at_any_hour() {
    let said = Said::of(bare(&["demo", "--venue", "massive", "--for", "5s"]).output().unwrap());
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stdout.contains("AAPL, first: 1 requests"), "{}", said.stdout);
    assert!(said.stdout.contains("AAPL, again: 0 requests"), "{}", said.stdout);
    assert!(said.stdout.contains("trade"), "live trades are shown: {}", said.stdout);
    assert!(said.stdout.contains(" 0 of them refused"), "{}", said.stdout);
}
