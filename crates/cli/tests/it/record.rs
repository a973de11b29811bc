//! `record`: what the venue sent is in the folder, connections and answers included, also after a kill.

use std::collections::HashSet;
use std::time::Duration;

use market_backbone::tape::{TapeEntry, TapeReader, TapeRecord};
use market_backbone_emulator::{Faults, Scenario};
use tempfile::tempdir;
use tokio::time::Instant;

use crate::run::Venue;

/// The longest that a recording may take to begin.
const DEADLINE: Duration = Duration::from_secs(120);

fn entries(dir: &std::path::Path) -> (Vec<TapeEntry>, usize) {
    let mut reader = TapeReader::open(dir).unwrap();
    let mut entries = Vec::new();
    while let Some(entry) = reader.next().unwrap() {
        entries.push(entry);
    }
    (entries, reader.torn_tails().len())
}

#[test]
fn frames_breaks_and_answers_are_recorded_in_order() {
    let (data, dir) = (tempdir().unwrap(), tempdir().unwrap());
    let faults = Faults { drop_after_ms: 2_500, ..Faults::default() };
    let venue = Venue::start(Scenario { faults, ..Scenario::default() });
    let tape = dir.path().join("tape");
    let folder = tape.to_str().unwrap();
    let args = ["record", folder, "KRW-BTC", "KRW-ETH", "--kinds", "trade,book", "--for", "8s"];
    let said = venue.run(data.path(), &args);
    assert_eq!((said.code, said.stdout.as_str()), (Some(0), ""), "{}", said.stderr);
    assert!(said.stderr.contains("recorded ") && said.stderr.contains(folder), "{}", said.stderr);
    let dropped = venue.emulator.report().sockets.dropped;
    venue.stop();
    let session = TapeReader::open(&tape).unwrap().session().clone();
    let channels: Vec<_> = session
        .channels
        .iter()
        .map(|channel| format!("{} {}", channel.symbol.code(), channel.kind))
        .collect();
    assert_eq!(channels, ["KRW-BTC trade", "KRW-BTC book", "KRW-ETH trade", "KRW-ETH book"]);
    let (entries, torn) = entries(&tape);
    assert_eq!(torn, 0);
    let (mut open, mut ended, mut markets, mut replies) = (HashSet::new(), 0, HashSet::new(), 0);
    for entry in &entries {
        match &entry.record {
            TapeRecord::Connected { connection } => assert!(open.insert(*connection), "{connection} again"),
            TapeRecord::Frame { connection, bytes } => {
                assert!(open.contains(connection), "a frame of {connection}, which is not open");
                let text = String::from_utf8_lossy(bytes);
                markets.extend(["KRW-BTC", "KRW-ETH"].into_iter().filter(|code| text.contains(code)));
            }
            TapeRecord::Disconnected { connection } => {
                assert!(open.remove(connection), "{connection} was not open");
                ended += 1;
            }
            TapeRecord::Reply { target, status, .. } => {
                assert!(target.starts_with('/') && *status == 200, "{target} {status}");
                replies += 1;
            }
            TapeRecord::Session(_) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((open.len(), markets.len()), (0, 2), "all connections are closed in the end");
    assert!(dropped > 0 && ended >= dropped, "{ended} ended, {dropped} dropped");
    assert!(replies > 0, "the gaps were healed by pages");
    assert!(entries.is_sorted_by_key(|entry| entry.time), "one clock stamps them all");
}

#[cfg(unix)]
#[test]
fn a_killed_recording_can_be_read_and_another_goes_beside_it() {
    let (data, dir) = (tempdir().unwrap(), tempdir().unwrap());
    let venue = Venue::healthy();
    let folder = dir.path().to_str().unwrap();
    let mut recording = venue.command(data.path(), &["record", folder, "KRW-BTC"]).spawn().unwrap();
    let begin = Instant::now();
    let has_frames = || {
        let has_file = std::fs::read_dir(dir.path()).unwrap().next().is_some();
        has_file
            && TapeReader::open(dir.path()).is_ok()
            && entries(dir.path()).0.iter().any(|entry| matches!(entry.record, TapeRecord::Frame { .. }))
    };
    while !has_frames() {
        assert!(begin.elapsed() < DEADLINE, "nothing is recorded");
        std::thread::yield_now();
    }
    recording.kill().unwrap();
    recording.wait().unwrap();
    let (before, _) = entries(dir.path());
    let said = venue.run(data.path(), &["record", folder, "KRW-BTC", "--for", "3s"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    venue.stop();
    let (after, _) = entries(dir.path());
    assert_eq!(after[..before.len()], before);
    assert!(after.len() > before.len());
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error() {
    let (data, dir) = (tempdir().unwrap(), tempdir().unwrap());
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let venue = Venue::healthy();
    let said = venue.run(data.path(), &["record", file.to_str().unwrap(), "KRW-BTC"]);
    venue.stop();
    assert_eq!(said.code, Some(1), "{}", said.stderr);
    assert!(
        said.stderr.contains("cannot create the folder") && said.stderr.contains("file"),
        "{}",
        said.stderr
    );
}
