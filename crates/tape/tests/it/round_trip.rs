//! What was recorded is read again: whole, in part, from several files.

use market_backbone_core::Timestamp;
use market_backbone_tape::{RecorderLimits, TapeEntry, TapeError, TapeReader, TapeRecord, WriterLimits};
use proptest::prelude::*;
use tempfile::tempdir;

use crate::rig::{at, begin, frame, record, rest, session, show, wait_for};

fn entry(seconds: i64, record: TapeRecord) -> TapeEntry {
    TapeEntry { time: at(seconds), record }
}

fn reply(target: &str, body: &[u8]) -> TapeRecord {
    let (target, headers, body) = (target.to_owned(), "date: today\n".to_owned(), body.to_vec());
    TapeRecord::Reply { target, status: 200, headers, body }
}

#[test]
fn everything_that_was_observed_comes_back_in_order() {
    let dir = tempdir().unwrap();
    let entries = [
        entry(1, TapeRecord::Connected { connection: 7 }),
        frame(2),
        entry(3, reply("/v1/trades?market=KRW-BTC&count=10", b"[]")),
        entry(4, TapeRecord::Frame { connection: u64::MAX, bytes: Vec::new() }),
        entry(5, TapeRecord::Disconnected { connection: 7 }),
    ];
    record(dir.path(), &entries);
    let mut reader = TapeReader::open(dir.path()).unwrap();
    assert_eq!(*reader.session(), session());
    assert_eq!(rest(&mut reader), entries);
    assert_eq!(reader.torn_tails(), []);
}

#[test]
fn a_part_is_read_without_the_blocks_before_and_after_it() {
    let dir = tempdir().unwrap();
    record(dir.path(), &[1, 2, 3, 4, 5].map(frame));
    let mut reader = TapeReader::open_between(dir.path(), at(2), at(4)).unwrap();
    assert_eq!(*reader.session(), session(), "what was recorded is known in the middle too");
    assert_eq!(rest(&mut reader), [2, 3].map(frame));
    let mut nothing = TapeReader::open_between(dir.path(), at(6), Timestamp::MAX).unwrap();
    assert_eq!(rest(&mut nothing), []);
}

#[test]
fn large_recordings_are_several_files_and_a_later_one_goes_beside_them() {
    let dir = tempdir().unwrap();
    let writer = WriterLimits { file_bytes: 1, ..WriterLimits::default() };
    let limits = RecorderLimits { block_bytes: 1, writer, ..RecorderLimits::default() };
    let recorder = begin(dir.path(), limits);
    for number in 1..=3 {
        show(&*recorder.observer(), &frame(number));
        wait_for(|| i64::from(recorder.stats().files) == number);
    }
    let stats = recorder.finish().unwrap();
    assert_eq!((stats.files, stats.frames, stats.missed), (3, 3, 0));
    record(dir.path(), &[frame(4)]);
    record(dir.path(), &[frame(4)]);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 5, "two of one moment are two files");
    let mut reader = TapeReader::open(dir.path()).unwrap();
    assert_eq!(rest(&mut reader), [1, 2, 3, 4, 4].map(frame));
}

#[test]
fn a_folder_without_a_recording_is_an_error_that_says_so() {
    let dir = tempdir().unwrap();
    let error = TapeReader::open(dir.path()).unwrap_err();
    assert!(matches!(error, TapeError::Empty { .. }), "{error}");
    assert!(error.to_string().contains("`record` writes one"), "{error}");
    let error = TapeReader::open(&dir.path().join("nowhere")).unwrap_err();
    assert!(error.to_string().contains("nowhere"), "{error}");
}

fn records() -> impl Strategy<Value = TapeRecord> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..2_000);
    prop_oneof![
        any::<u64>().prop_map(|connection| TapeRecord::Connected { connection }),
        any::<u64>().prop_map(|connection| TapeRecord::Disconnected { connection }),
        (any::<u64>(), bytes()).prop_map(|(connection, bytes)| TapeRecord::Frame { connection, bytes }),
        (".{0,80}", bytes()).prop_map(|(target, body)| reply(&target, &body)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_observed_comes_back(records in prop::collection::vec((0..1_000_i64, records()), 1..60)) {
        let dir = tempdir().unwrap();
        let entries: Vec<_> = records.into_iter().map(|(seconds, record)| entry(seconds, record)).collect();
        let recorder = begin(dir.path(), RecorderLimits::default());
        entries.iter().for_each(|entry| show(&*recorder.observer(), entry));
        recorder.finish().unwrap();
        prop_assert_eq!(rest(&mut TapeReader::open(dir.path()).unwrap()), entries);
    }
}
