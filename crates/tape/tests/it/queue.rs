//! The queue of a recorder: what does not fit is counted, and so is what cannot be written.

use std::time::Duration;

use market_backbone_tape::{RecorderLimits, TapeReader, TapeRecord, TapeRecorder};
use tempfile::tempdir;

use crate::rig::{begin, frame, prompt, rest, session, show, wait_for};

#[test]
fn what_does_not_fit_is_dropped_counted_and_said_where_it_is_missing() {
    let dir = tempdir().unwrap();
    // Nothing is written before the recording ends, because no block is ever full.
    let limits = RecorderLimits {
        queue_bytes: 100,
        flush_interval: Duration::from_secs(3_600),
        ..RecorderLimits::default()
    };
    let recorder = begin(dir.path(), limits);
    let observer = recorder.observer();
    (1..=9).for_each(|number| show(&*observer, &frame(number)));
    let stats = recorder.finish().unwrap();
    assert_eq!((stats.frames + stats.missed, stats.frames > 0, stats.missed > 0), (9, true, true));
    let read = rest(&mut TapeReader::open(dir.path()).unwrap());
    assert_eq!(read.len() as u64, stats.frames, "the first ones are there");
}

#[test]
fn a_record_after_dropped_ones_says_how_many_there_were() {
    let dir = tempdir().unwrap();
    let limits = RecorderLimits { queue_bytes: 100, block_bytes: 60, ..RecorderLimits::default() };
    let recorder = begin(dir.path(), limits);
    let observer = recorder.observer();
    wait_for(|| {
        show(&*observer, &frame(1));
        recorder.stats().missed > 0
    });
    let heard = recorder.stats().frames;
    wait_for(|| {
        show(&*observer, &frame(2));
        recorder.stats().frames > heard
    });
    let stats = recorder.finish().unwrap();
    let said = rest(&mut TapeReader::open(dir.path()).unwrap()).into_iter().map(|entry| match entry.record {
        TapeRecord::Missed { records } => records,
        _ => 0,
    });
    assert_eq!(said.sum::<u64>(), stats.missed);
}

#[test]
fn a_recording_that_cannot_be_written_says_so_and_stops_nobody() {
    let dir = tempdir().unwrap();
    let folder = dir.path().join("tape");
    let recorder = prompt(&folder);
    std::fs::remove_dir(&folder).unwrap();
    let observer = recorder.observer();
    show(&*observer, &frame(1));
    wait_for(|| recorder.has_failed());
    show(&*observer, &frame(2));
    assert!(recorder.stats().missed >= 2);
    let error = recorder.finish().unwrap_err();
    assert!(error.to_string().contains("cannot create"), "{error}");
}

#[test]
fn nothing_is_recorded_before_it_is_known_what() {
    let dir = tempdir().unwrap();
    let recorder = TapeRecorder::prepare(dir.path(), RecorderLimits::default()).unwrap();
    let observer = recorder.observer();
    show(&*observer, &frame(1));
    recorder.begin(session());
    show(&*observer, &frame(2));
    let stats = recorder.finish().unwrap();
    assert_eq!((stats.frames, stats.missed), (1, 0));
    assert_eq!(rest(&mut TapeReader::open(dir.path()).unwrap()), [frame(2)]);
}
