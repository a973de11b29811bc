//! `replay`: a recording gives the same lines at any speed, without the venue it was recorded from.

use std::path::Path;

use market_backbone::Timestamp;
use market_backbone_emulator::{Faults, Scenario};
use serde_json::Value;
use tempfile::tempdir;

use crate::run::{Said, Venue, bare};

/// Replays with `--format json`, after the venue has gone.
fn replayed(tape: &Path, more: &[&str]) -> Said {
    let said =
        Said::of(bare(&["replay", tape.to_str().unwrap(), "--format", "json"]).args(more).output().unwrap());
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(said.stderr.contains("replayed "), "{}", said.stderr);
    said
}

/// The lines of this kind.
fn lines_of(said: &Said, kind: &str) -> Vec<Value> {
    let lines = said.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["kind"] == kind).collect()
}

fn record(tape: &Path) {
    let data = tempdir().unwrap();
    let faults = Faults { drop_after_ms: 3_000, ..Faults::default() };
    let venue = Venue::start(Scenario { faults, ..Scenario::default() });
    let tape = tape.to_str().unwrap();
    let args = ["record", tape, "KRW-BTC", "KRW-ETH", "--kinds", "trade,book,candle.1s", "--for", "8s"];
    let said = venue.run(data.path(), &args);
    venue.stop();
    assert_eq!(said.code, Some(0), "{}", said.stderr);
}

#[test]
fn a_recording_gives_the_same_lines_at_any_speed() {
    let dir = tempdir().unwrap();
    let tape = dir.path().join("tape");
    record(&tape);
    let at_once = replayed(&tape, &["--speed", "max"]);
    let paced = replayed(&tape, &["--speed", "10"]);
    assert_eq!(at_once.stdout, paced.stdout);
    for kind in ["trade", "book", "candle", "gap"] {
        assert!(!lines_of(&at_once, kind).is_empty(), "no {kind}: {}", at_once.stdout);
    }
    let bars = replayed(&tape, &["--kinds", "bar.1s"]);
    assert!(!lines_of(&bars, "bar").is_empty() && lines_of(&bars, "trade").is_empty(), "{}", bars.stdout);
    let other = Said::of(bare(&["replay", tape.to_str().unwrap(), "--kinds", "ticker"]).output().unwrap());
    assert_eq!(other.code, Some(1), "{}", other.stderr);
    assert!(other.stderr.contains("no ticker; it has book, candle.1s, trade"), "{}", other.stderr);
    // A part begins where it should, although its connection was opened before.
    let books = lines_of(&at_once, "book");
    let time = |at: usize| Timestamp::from_nanos(books[at]["received_ns"].as_i64().unwrap());
    let (from, to) = (time(books.len() / 4), time(books.len() / 2));
    let range = ["--from", &from.to_string(), "--to", &to.to_string()];
    let part = replayed(&tape, &[&["--kinds", "book"][..], &range].concat());
    let part = lines_of(&part, "book");
    assert!(!part.is_empty() && part.len() < books.len(), "{} of {}", part.len(), books.len());
    let range = from.as_nanos()..to.as_nanos();
    assert!(part.iter().all(|book| range.contains(&book["received_ns"].as_i64().unwrap())), "{part:?}");
}

#[test]
fn what_cannot_be_replayed_is_an_error_that_says_what() {
    let dir = tempdir().unwrap();
    let folder = dir.path().to_str().unwrap();
    let said = Said::of(bare(&["replay", folder]).output().unwrap());
    assert_eq!(said.code, Some(1), "{}", said.stderr);
    assert!(said.stderr.contains(folder), "{}", said.stderr);
    for speed in ["0", "-1", "fast", "NaN"] {
        let said = Said::of(bare(&["replay", folder, &format!("--speed={speed}")]).output().unwrap());
        assert_eq!(said.code, Some(2), "{}", said.stderr);
        assert!(said.stderr.contains("max"), "{}", said.stderr);
    }
}
