//! Records and recorders of the tests.

use std::path::Path;
use std::time::Duration;

use market_backbone_core::{Channel, StreamKind, Symbol, Timestamp, VenueId, WireObserver};
use market_backbone_tape::{RecorderLimits, TapeEntry, TapeReader, TapeRecord, TapeRecorder, TapeSession};
use tokio::time::Instant;

/// The longest that anything may take.
const DEADLINE: Duration = Duration::from_secs(120);

pub(crate) fn session() -> TapeSession {
    let venue = VenueId::new("model");
    let channel = |code, kind| Channel { symbol: Symbol::new(venue, code).unwrap(), kind };
    let all = Channel { symbol: Symbol::any(venue), kind: StreamKind::Ticker };
    TapeSession { venue, channels: vec![channel("KRW-BTC", StreamKind::Trade), all] }
}

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_secs(1_800_000_000 + seconds)
}

pub(crate) fn frame(seconds: i64) -> TapeEntry {
    let bytes = format!("frame {seconds}").into_bytes();
    TapeEntry { time: at(seconds), record: TapeRecord::Frame { connection: 7, bytes } }
}

pub(crate) fn begin(dir: &Path, limits: RecorderLimits) -> TapeRecorder {
    let recorder = TapeRecorder::prepare(dir, limits).unwrap();
    recorder.begin(session());
    recorder
}

/// Begins a recording that writes each record at once.
pub(crate) fn prompt(dir: &Path) -> TapeRecorder {
    let limits = RecorderLimits { block_bytes: 1, ..RecorderLimits::default() };
    begin(dir, limits)
}

/// Shows `entries` to a recorder as they would arrive.
pub(crate) fn show(observer: &dyn WireObserver, entry: &TapeEntry) {
    match &entry.record {
        TapeRecord::Connected { connection } => observer.on_connected(*connection, entry.time),
        TapeRecord::Disconnected { connection } => observer.on_disconnected(*connection, entry.time),
        TapeRecord::Frame { connection, bytes } => observer.on_frame(*connection, entry.time, bytes),
        TapeRecord::Reply { target, status, headers, body } => {
            let pair = |line: &str| line.split_once(": ").map(|(name, value)| (name.into(), value.into()));
            let headers: Vec<(String, String)> = headers.lines().filter_map(pair).collect();
            observer.on_reply(entry.time, target, (*status, &headers), body);
        }
        other => panic!("{other:?} does not arrive"),
    }
}

/// Waits until `is_met`, which another thread brings about.
pub(crate) fn wait_for(is_met: impl Fn() -> bool) {
    let begin = Instant::now();
    while !is_met() {
        assert!(begin.elapsed() < DEADLINE, "it does not happen");
        std::thread::yield_now();
    }
}

/// Records `entries`, each in a block of its own.
pub(crate) fn record(dir: &Path, entries: &[TapeEntry]) {
    let recorder = prompt(dir);
    for entry in entries {
        let before = recorder.stats().bytes;
        show(&*recorder.observer(), entry);
        wait_for(|| recorder.stats().bytes > before);
    }
    recorder.finish().unwrap();
}

/// Reads on to the end, without the sessions at the beginning of files.
pub(crate) fn rest(reader: &mut TapeReader) -> Vec<TapeEntry> {
    let mut entries = Vec::new();
    while let Some(entry) = reader.next().unwrap() {
        if !matches!(entry.record, TapeRecord::Session(_)) {
            entries.push(entry);
        }
    }
    entries
}
