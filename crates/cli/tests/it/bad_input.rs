//! An error is reported in one clear line, with the right exit code, and no stored data is harmed.

use std::fs::File;
use std::path::Path;

use tempfile::tempdir;

use crate::run::{Said, Venue, bare};

#[track_caller]
fn check(said: &Said, code: i32, needles: &[&str]) {
    assert_eq!(said.code, Some(code), "{said:?}");
    for needle in needles {
        assert!(said.stderr.contains(needle), "`{needle}` in {}", said.stderr);
    }
    assert_eq!(said.stdout, "", "no data with a failure");
    if code == 1 {
        assert_eq!(said.stderr.lines().count(), 1, "one line: {}", said.stderr);
    }
}

#[test]
fn an_unknown_market_is_named_and_another_suggested() {
    let (venue, data) = (Venue::healthy(), tempdir().unwrap());
    let said = venue.run(data.path(), &["candles", "KRW-NOPE", "1m"]);
    check(&said, 1, &["unknown market KRW-NOPE on upbit", "did you mean"]);
    check(
        &venue.run(data.path(), &["ticker", "KRW-BTX"]),
        1,
        &["unknown market KRW-BTX on upbit", "KRW-BTC"],
    );
    check(&venue.run(data.path(), &["watch", "ethbtc"]), 1, &["unknown market ETHBTC on upbit", "BTC-ETH"]);
    venue.stop();
}

#[test]
fn wrong_usage_exits_with_two() {
    let data = tempdir().unwrap();
    let run = |args: &[&str]| Said::of(bare(args).arg("--data-dir").arg(data.path()).output().unwrap());
    check(
        &run(&["candles", "KRW-BTC", "7m"]),
        2,
        &["7m", "1s 1m 3m 5m 10m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1M 1y"],
    );
    check(&run(&["candles", "KRW-BTC", "1m", "--count", "0"]), 2, &["0 candles"]);
    let backwards = ["candles", "KRW-BTC", "1m", "--from", "2026-02-01", "--to", "2026-01-01"];
    check(&run(&backwards), 2, &["2026-02-01T00:00:00Z", "backwards"]);
    check(
        &run(&["candles", "KRW-BTC", "1m", "--from", "yesterday"]),
        2,
        &["yesterday", "2026-08-03T10:40:00Z"],
    );
    check(&run(&["ticker", "KRW BTC"]), 2, &["`KRW BTC`", "KRW-BTC"]);
    check(&run(&["watch", "KRW-BTC", "--kinds", "trades"]), 2, &["trade, ticker, book, band"]);
    check(&run(&["candles", "KRW-BTC", "1m", "--rest-url", "nonsense"]), 2, &["--rest-url", "http://"]);
}

#[test]
fn an_unknown_setting_is_refused() {
    let data = tempdir().unwrap();
    let file = data.path().join("settings.toml");
    std::fs::write(&file, "data_dir = \"x\"\n[upbit]\nrest_ulr = \"http://127.0.0.1:1\"\n").unwrap();
    let said = Said::of(bare(&["markets", "--config", file.to_str().unwrap()]).output().unwrap());
    check(&said, 2, &["settings.toml", "line 3", "rest_ulr", "rest_url"]);
    let missing = Said::of(bare(&["markets", "--config", "no-such-file.toml"]).output().unwrap());
    check(&missing, 1, &["no-such-file.toml"]);
}

#[test]
fn an_unreachable_host_is_named() {
    let data = tempdir().unwrap();
    let mut command = bare(&["candles", "KRW-BTC", "1m", "--rest-url", "http://127.0.0.1:1"]);
    let said = Said::of(command.arg("--data-dir").arg(data.path()).output().unwrap());
    check(&said, 1, &["127.0.0.1:1", "refused"]);
}

#[test]
fn a_folder_held_by_a_program_that_does_not_share_it_is_said() {
    let (venue, data) = (Venue::healthy(), tempdir().unwrap());
    assert_eq!(venue.run(data.path(), &["candles", "KRW-BTC", "1m"]).code, Some(0));
    // As versions without sharing did.
    let holder = File::options().read(true).write(true).open(data.path().join("LOCK")).unwrap();
    holder.try_lock().unwrap();
    let said = venue.run(data.path(), &["candles", "KRW-BTC", "1m"]);
    check(&said, 1, &["held by another process", &data.path().display().to_string(), "--data-dir"]);
    for glance in [&["ticker", "KRW-BTC"] as &[_], &["markets"]] {
        let said = venue.run(data.path(), glance);
        assert_eq!(said.code, Some(0), "needs no store: {said:?}");
    }
    drop(holder);
    assert_eq!(venue.run(data.path(), &["candles", "KRW-BTC", "1m"]).code, Some(0), "free again");
    venue.stop();
}

#[test]
fn a_folder_that_cannot_be_written_is_said() {
    let data = tempdir().unwrap();
    let file = data.path().join("a-file");
    std::fs::write(&file, "not a folder").unwrap();
    let said =
        Said::of(bare(&["plan", "KRW-BTC", "1m", "--data-dir", file.to_str().unwrap()]).output().unwrap());
    check(&said, 1, &["a-file"]);
}

#[test]
fn a_corrupt_shard_is_named_and_put_aside_and_its_candles_are_asked_for_again() {
    let (venue, data) = (Venue::healthy(), tempdir().unwrap());
    assert_eq!(venue.run(data.path(), &["candles", "KRW-BTC", "1m", "--closed"]).code, Some(0));
    let shard = shards(data.path()).pop().expect("a shard was written");
    let garbage = vec![b'x'; 8_192];
    std::fs::write(&shard, &garbage).unwrap();
    for leftover in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{leftover}", shard.display()));
    }
    let said = venue.run(data.path(), &["candles", "KRW-BTC", "1m", "--closed"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let name = shard.file_name().unwrap().to_str().unwrap();
    assert!(said.stderr.contains(name) && said.stderr.contains("damaged"), "{}", said.stderr);
    let beside = std::fs::read_dir(shard.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    let aside = beside.into_iter().find(|path| path.to_str().unwrap().contains(".damaged"));
    assert_eq!(std::fs::read(aside.unwrap()).unwrap(), garbage, "nothing was written over it");
    venue.stop();
}

/// The shard files below `folder`, the index left out.
fn shards(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(shards(&path));
        } else if path.extension().is_some_and(|extension| extension == "db")
            && path.to_str().unwrap().contains("shard")
        {
            found.push(path);
        }
    }
    found
}
