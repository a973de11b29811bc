//! Sealed files as a user meets them: they are there after a fetch, and a bad one is found and made again.

use std::fs;
use std::path::{Path, PathBuf};

use market_backbone::{Clock, SystemClock, Timestamp};
use serde_json::Value;
use tempfile::tempdir;

use crate::run::{Said, Venue, bare};

const COUNT: usize = 3_000;

fn store(data: &Path, args: &[&str]) -> Said {
    Said::of(bare(&[&["store"], args].concat()).arg("--data-dir").arg(data).output().unwrap())
}

/// Minutes that ended so long ago that all of them are final.
fn ask(venue: &Venue, data: &Path, end: &str) -> Said {
    let count = COUNT.to_string();
    let args = [
        "candles",
        "KRW-BTC",
        "1m",
        "--count",
        &count,
        "--to",
        end,
        "--closed",
        "--format",
        "csv",
        "--stats",
        "--same-as",
        "upbit",
    ];
    venue.run(data, &args)
}

fn files(data: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(data.join("upbit/shard-0000.sealed")).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

fn total(data: &Path) -> Value {
    let said = store(data, &["stats", "--format", "json"]);
    serde_json::from_str(said.stdout.lines().last().unwrap()).unwrap()
}

#[test]
fn a_plain_fetch_leaves_sealed_files_and_a_bad_one_is_made_again() {
    let (venue, data) = (Venue::healthy(), tempdir().unwrap());
    let end = Timestamp::from_secs(SystemClock.now().as_secs() / 60 * 60 - 120).to_string();
    let rows = ask(&venue, data.path(), &end).rows();
    assert_eq!(rows.len(), COUNT);
    // All but a few that begin a new segment, if one begins among them. A program that ends gives sealing a second,
    // which may be too little on a busy machine: then the next one does it.
    let wanted = COUNT as u64 - 512;
    let has_files = |sealed: &Value| sealed["sealed_rows"].as_u64() >= Some(wanted);
    let mut sealed = total(data.path());
    for _ in 0..30 {
        if has_files(&sealed) {
            break;
        }
        assert_eq!(ask(&venue, data.path(), &end).rows(), rows);
        sealed = total(data.path());
    }
    assert!(has_files(&sealed), "{sealed}");
    assert!(sealed["sealed_bytes"].as_u64() > Some(wanted * 56), "{sealed}");
    let again = ask(&venue, data.path(), &end);
    assert_eq!((again.requests(), again.rows()), (0, rows.clone()));

    let all = files(data.path());
    for file in &all {
        let mut bytes = fs::read(file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(file, bytes).unwrap();
    }
    let found = store(data.path(), &["check", "--format", "json"]);
    assert_eq!(found.code, Some(1), "{found:?}");
    let findings: Vec<Value> = found.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(findings[..all.len()].iter().all(|finding| finding["flaw"] == "sealed"), "{found:?}");
    let plan = findings.last().unwrap();
    assert_eq!((plan["sealed"].as_array().unwrap().len(), plan["slots"].as_u64()), (all.len(), Some(0)));
    let repaired = venue.run(data.path(), &["store", "check", "--repair", "--same-as", "upbit"]);
    assert_eq!(repaired.code, Some(0), "{repaired:?}");
    assert_eq!(store(data.path(), &["check"]).stdout, "no issues found\n");
    assert!(has_files(&total(data.path())));
    assert_eq!(ask(&venue, data.path(), &end).rows(), rows);

    // Whoever does not wait seals by hand.
    fs::remove_dir_all(data.path().join("upbit/shard-0000.sealed")).unwrap();
    assert_eq!(ask(&venue, data.path(), &end).rows(), rows, "without a file, the table answers");
    let said = store(data.path(), &["seal"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stdout.contains("all sealed files"), "{said:?}");
    assert!(!files(data.path()).is_empty());
    venue.stop();
}
