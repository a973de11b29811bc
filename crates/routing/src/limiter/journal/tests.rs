//! Tests of processes that share one journal.

use std::fs;
use std::sync::Arc;

use market_backbone_core::{ManualClock, RateLimitGroup};

use super::file::{COMPACT_ABOVE, HEADER_LEN};
use super::*;

const SECOND: Duration = Duration::from_secs(1);
const RULES: [RateLimitRule; 2] = [
    RateLimitRule::new(RateLimitGroup("candles"), 10, SECOND),
    RateLimitRule::new(RateLimitGroup("trades"), 10, SECOND),
];

struct JournalFixture {
    folder: tempfile::TempDir,
    clock: Arc<ManualClock>,
}

impl JournalFixture {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_000)));
        Self { folder: tempfile::tempdir().unwrap(), clock }
    }

    fn config(&self) -> JournalConfig {
        let clock: Arc<ManualClock> = Arc::clone(&self.clock);
        JournalConfig { path: self.folder.path().join("deep/upbit.sends"), clock, steady: None }
    }

    fn open(&self) -> Journal {
        Journal::open(self.config(), &RULES).unwrap()
    }

    fn size(&self) -> u64 {
        fs::metadata(self.config().path).unwrap().len()
    }
}

fn take_events(journal: &Journal, group: &str) -> Vec<PeerEvent> {
    journal.try_lock().unwrap().take_events(group)
}

/// Returns the candle events that `journal` has read, in short form.
fn candle_events(journal: &Journal) -> Vec<(RecordKind, u64, u64)> {
    let events = take_events(journal, "candles").into_iter();
    events.map(|event| (event.kind, event.number, event.age.as_secs())).collect()
}

#[test]
fn the_next_run_knows_what_the_last_had_sent() {
    let place = JournalFixture::new();
    let journal = place.open();
    assert_eq!(candle_events(&journal), []);
    for number in 1..=4 {
        journal.append(RecordKind::Sent, "candles", number);
    }
    place.clock.advance(SECOND);
    journal.append(RecordKind::Answered, "candles", 1);
    journal.append(RecordKind::Lost, "candles", 2);
    journal.append(RecordKind::Unused, "candles", 3);
    drop(journal);
    place.clock.advance(2 * SECOND);
    let next = place.open();
    let sent = [1, 2, 3].map(|number| (RecordKind::Sent, number, 3));
    let over = [(RecordKind::Answered, 1, 2), (RecordKind::Lost, 2, 2), (RecordKind::Unused, 3, 2)];
    let orphan = [(RecordKind::Lost, 4, 0)];
    assert_eq!(candle_events(&next), [sent.as_slice(), &orphan, &over].concat());
    assert_eq!(candle_events(&next), [], "each is told once");
}

#[test]
fn two_at_once_know_of_each_other() {
    let place = JournalFixture::new();
    let one = place.open();
    one.append(RecordKind::Sent, "candles", 1);
    let other = place.open();
    assert_eq!(candle_events(&other), [(RecordKind::Sent, 1, 0)], "who sent it lives");
    one.append(RecordKind::Answered, "candles", 1);
    one.append(RecordKind::Sent, "trades", 1);
    let mut guard = other.try_lock().unwrap();
    assert!(one.try_lock().is_none(), "one at a time");
    assert_eq!(guard.take_events("candles").len(), 1);
    guard.record_grant("candles", 1, 1);
    drop(guard);
    let mut guard = one.try_lock().unwrap();
    assert_eq!(
        guard.take_events("candles").iter().map(|event| event.kind).collect::<Vec<_>>(),
        [RecordKind::Sent]
    );
    assert_eq!(guard.take_events("trades"), [], "its own are no events");
}

#[test]
fn a_ban_is_one_for_all_and_outlives_the_process() {
    let place = JournalFixture::new();
    let (one, other) = (place.open(), place.open());
    one.append(RecordKind::Banned, "-", 60_000);
    for group in ["candles", "trades"] {
        assert_eq!(take_events(&other, group)[0].kind, RecordKind::Banned);
    }
    drop((one, other));
    place.clock.advance(45 * SECOND);
    assert_eq!(candle_events(&place.open()), [(RecordKind::Banned, 60_000, 45)]);
    place.clock.advance(15 * SECOND);
    assert_eq!(candle_events(&place.open()), [], "it is over");
}

#[test]
fn a_pause_is_of_its_group_and_outlives_the_process() {
    let place = JournalFixture::new();
    place.open().append(RecordKind::Paused, "candles", 900_000);
    place.clock.advance(300 * SECOND);
    let next = place.open();
    assert_eq!(candle_events(&next), [(RecordKind::Paused, 900_000, 300)]);
    assert_eq!(take_events(&next, "trades"), []);
    place.clock.advance(600 * SECOND);
    assert_eq!(candle_events(&place.open()), [], "it is over");
}

#[test]
fn a_file_cut_short_or_spoilt_is_read_as_far_as_it_makes_sense() {
    for alone in [true, false] {
        let place = JournalFixture::new();
        let first = place.open();
        first.append(RecordKind::Sent, "candles", 1);
        let _first = (!alone).then_some(first);
        let path = place.config().path;
        let mut bytes = fs::read(&path).unwrap();
        bytes.extend([0xFF, 0, b'\n']);
        bytes.extend(b"s 1000000000000 - 7 cand");
        fs::write(&path, bytes).unwrap();
        let journal = place.open();
        assert_eq!(candle_events(&journal).len(), 1);
        journal.append(RecordKind::Sent, "candles", 2);
        assert_eq!(candle_events(&place.open()).len(), 2);
    }
}

#[test]
fn what_cannot_matter_any_more_is_dropped_while_others_write() {
    let place = JournalFixture::new();
    let journal = place.open();
    journal.append(RecordKind::Sent, "candles", 1);
    let other = place.open();
    assert_eq!(candle_events(&other).len(), 1);
    other.append(RecordKind::Sent, "candles", 1);
    place.clock.advance(60 * SECOND);
    other.append(RecordKind::Sent, "candles", 2);
    // The next process cuts off what is old, and all others find their position.
    let third = place.open();
    assert!(place.size() < 100, "{}", place.size());
    assert_eq!(candle_events(&third), [(RecordKind::Sent, 2, 0)]);
    third.append(RecordKind::Answered, "candles", 1);
    assert_eq!(candle_events(&journal), [(RecordKind::Sent, 2, 0), (RecordKind::Answered, 1, 0)]);
    assert_eq!(candle_events(&other), [(RecordKind::Answered, 1, 0)]);
}

#[test]
fn a_file_that_is_as_long_as_before_may_be_another() {
    let place = JournalFixture::new();
    let journal = place.open();
    journal.append(RecordKind::Lost, "candles", 1);
    assert_eq!(candle_events(&journal), [], "its own");
    // Compacted, and then grown by as much as was cut off.
    let text = fs::read_to_string(place.config().path).unwrap();
    let writer = journal.writer.to_string();
    let other = writer.replace(|digit| digit != '1', "1").replacen('1', "2", 1);
    let changed = format!("{:010}{}", 7, &text[HEADER_LEN - 1..]).replace(&writer, &other);
    assert_eq!(changed.len(), text.len());
    fs::write(place.config().path, changed).unwrap();
    assert_eq!(candle_events(&journal), [(RecordKind::Lost, 1, 0)]);
}

#[test]
fn it_does_not_grow_for_ever() {
    let place = JournalFixture::new();
    let journal = place.open();
    let other = place.open();
    for number in 0..40_000 {
        journal.try_lock().unwrap().record_grant("candles", number, 1);
        place.clock.advance(SECOND / 10);
    }
    assert!(place.size() < 2 * COMPACT_ABOVE, "{}", place.size());
    assert!(candle_events(&other).len() < 40_000, "only what can matter, and what is after");
    drop((journal, other));
    let left = candle_events(&place.open());
    assert_eq!(left.iter().filter(|(what, ..)| *what == RecordKind::Lost).count(), 299);
}

#[test]
fn a_weight_is_reported_and_outlives_the_process() {
    let place = JournalFixture::new();
    let (one, other) = (place.open(), place.open());
    one.try_lock().unwrap().record_grant("candles", 1, 250);
    let weights = |journal: &Journal| -> Vec<_> {
        take_events(journal, "candles").iter().map(|event| (event.kind, event.weight)).collect()
    };
    assert_eq!(weights(&other), [(RecordKind::Sent, 250)]);
    drop((one, other));
    assert_eq!(weights(&place.open()), [(RecordKind::Lost, 250)]);
}

#[test]
fn a_file_of_the_first_version_is_read_and_brought_up_to_date() {
    for alone in [true, false] {
        let place = JournalFixture::new();
        let path = place.config().path;
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let old = "0123456789\ns 999000000000 - 41 candles 12 .\na 1000000000000 - 41 candles 12 .\n";
        fs::write(&path, old).unwrap();
        // A process of that version may be deciding.
        let inside = ProcessLock::open(&path.with_extension("sends.gate")).unwrap();
        let inside = (!alone).then(|| inside.try_lock().unwrap());
        let journal = place.open();
        drop(inside);
        assert_eq!(candle_events(&journal), [(RecordKind::Sent, 12, 1), (RecordKind::Answered, 12, 0)]);
        assert_eq!(fs::read_to_string(&path).unwrap().starts_with("v2."), alone);
    }
}

#[test]
fn a_file_of_a_later_version_is_neither_used_nor_touched() {
    let place = JournalFixture::new();
    let path = place.config().path;
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let later = "v3.1234567\ns 999000000000 - 41 candles 12 .\n";
    fs::write(&path, later).unwrap();
    let error = Journal::open(place.config(), &RULES).unwrap_err();
    assert!(error.to_string().contains("format 3"), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), later);
    // Nor where another process migrates it while this one runs.
    fs::remove_file(&path).unwrap();
    let journal = place.open();
    fs::write(&path, later).unwrap();
    assert_eq!(candle_events(&journal), []);
    journal.append(RecordKind::Sent, "candles", 1);
    assert_eq!(fs::read_to_string(&path).unwrap(), later);
}

#[test]
fn what_cannot_be_written_at_once_is_written_later_and_keeps_its_date() {
    let place = JournalFixture::new();
    let (one, other) = (place.open(), place.open());
    let inside = other.try_lock().unwrap();
    one.append(RecordKind::Answered, "candles", 1);
    drop(inside);
    place.clock.advance(3 * SECOND);
    assert_eq!(candle_events(&other), [], "nothing has happened since");
    one.append(RecordKind::Answered, "candles", 2);
    assert_eq!(candle_events(&other), [(RecordKind::Answered, 1, 3), (RecordKind::Answered, 2, 0)]);
    // A ban is written, whoever uses the file.
    let inside = other.try_lock().unwrap();
    one.append(RecordKind::Banned, "-", 60_000);
    drop(inside);
    assert_eq!(candle_events(&other), [(RecordKind::Banned, 60_000, 0)]);
    // The rest is written when the process ends.
    let inside = other.try_lock().unwrap();
    one.append(RecordKind::Lost, "candles", 3);
    drop(one);
    drop(inside);
    assert_eq!(candle_events(&other), [(RecordKind::Lost, 3, 0)]);
}

#[test]
fn whoever_finds_it_taken_leaves_the_record_to_whoever_is_inside() {
    let place = JournalFixture::new();
    let journal = place.open();
    let guard = journal.try_lock().unwrap();
    journal.append(RecordKind::Answered, "candles", 1);
    assert!(journal.try_lock().is_none(), "another group of the same process");
    let other = place.open();
    drop(guard);
    assert_eq!(candle_events(&other), [(RecordKind::Answered, 1, 0)]);
}

#[test]
fn a_file_of_which_most_matters_is_not_shortened_again_and_again() {
    let place = JournalFixture::new();
    let journal = place.open();
    let mut headers = std::collections::HashSet::new();
    for number in 0..40_000 {
        journal.try_lock().unwrap().record_grant("candles", number, 25);
        if number % 100 == 0 {
            headers.insert(fs::read(place.config().path).unwrap()[..HEADER_LEN].to_vec());
        }
    }
    assert!(place.size() > COMPACT_ABOVE);
    assert!(headers.len() <= 2, "{} times", headers.len());
}
