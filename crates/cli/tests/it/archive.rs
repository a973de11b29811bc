//! `store export` and `store import`: two folders can prove that they hold the same, and nothing else is
//! imported.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tempfile::{TempDir, tempdir};

use crate::postgres_server::PostgresServer;
use crate::run::{Said, Venue, bare};

const MINUTES: &str = "data/source=upbit/symbol=KRW-BTC/timeframe=1m/candles.csv";

/// A data folder with some series in it, and room for others beside it.
fn furnished() -> (TempDir, PathBuf) {
    let (venue, folder) = (Venue::healthy(), tempdir().unwrap());
    let data = folder.path().join("data");
    for args in [["KRW-BTC", "1m", "300"], ["KRW-BTC", "1M", "3"], ["KRW-ETH", "1h", "20"]] {
        let said = venue.run(
            &data,
            &["candles", args[0], args[1], "--count", args[2], "--format", "csv", "--same-as", "upbit"],
        );
        assert_eq!(said.code, Some(0), "{said:?}");
    }
    venue.stop();
    (folder, data)
}

fn store(data: &Path, args: &[&str]) -> Said {
    Said::of(bare(&[&["store"], args].concat()).arg("--data-dir").arg(data).output().unwrap())
}

fn export(data: &Path, to: &Path, more: &[&str]) -> Said {
    store(data, &[&["export", "--output", to.to_str().unwrap()], more].concat())
}

/// The hash that was printed, alone, after a check that all went well.
#[track_caller]
fn hash(said: &Said) -> String {
    assert_eq!(said.code, Some(0), "{said:?}");
    let hash = said.stdout.strip_suffix('\n').expect("a line");
    assert!(hash.len() == 64 && hash.bytes().all(|digit| digit.is_ascii_hexdigit()), "{hash}");
    hash.to_owned()
}

#[track_caller]
fn refused(said: &Said, code: i32, needles: &[&str]) {
    assert_eq!((said.code, said.stdout.as_str()), (Some(code), ""), "{said:?}");
    for needle in needles {
        assert!(said.stderr.contains(needle), "`{needle}` in {}", said.stderr);
    }
}

#[test]
fn what_is_exported_imported_elsewhere_and_exported_again_has_the_same_hash() {
    let (folder, data) = furnished();
    let path = |name: &str| folder.path().join(name);
    let mut hashes = Vec::new();
    for format in ["csv", "parquet"] {
        let (first, again, elsewhere) =
            (path(format), path(&format!("{format}-2")), path(&format!("data-{format}")));
        hashes.push(hash(&export(&data, &first, &["--format", format])));
        for _ in 0..2 {
            hashes.push(hash(&store(&elsewhere, &["import", first.to_str().unwrap()])));
        }
        hashes.push(hash(&export(&elsewhere, &again, &["--format", format])));
    }
    assert!(hashes.iter().all(|hash| *hash == hashes[0]), "{hashes:?}");
}

#[test]
fn where_a_database_is_named_it_is_filled_and_copied_instead_of_the_folder() {
    let Some(server) = PostgresServer::shared() else { return };
    let (folder, data) = furnished();
    let path = |name: &str| folder.path().join(name);
    let (first, nowhere, database) = (path("first"), path("nowhere"), server.url());
    // A series that no other test stores in this database.
    let hourly = ["--series", "KRW-ETH 1h"];
    let written = hash(&export(&data, &first, &hourly));
    let imported = store(&nowhere, &["import", first.to_str().unwrap(), "--store", &database]);
    assert_eq!(hash(&imported), written);
    let exported = export(&nowhere, &path("again"), &[&hourly[..], &["--store", &database]].concat());
    assert_eq!(hash(&exported), written);
    assert!(!nowhere.exists(), "the folder was not touched");
}

#[test]
fn a_folder_that_another_process_uses_can_be_exported_and_taken_into() {
    let (venue, folder) = (Venue::healthy(), tempdir().unwrap());
    let data = folder.path().join("data");
    let fetched = venue.run(&data, &["candles", "KRW-BTC", "1m", "--count", "300", "--closed"]);
    assert_eq!(fetched.code, Some(0), "{fetched:?}");
    let mut watch = venue.command(&data, &["watch", "KRW-BTC", "--format", "json"]);
    let mut holder = watch.stdout(Stdio::piped()).spawn().unwrap();
    BufReader::new(holder.stdout.as_mut().unwrap()).read_line(&mut String::new()).unwrap();
    let held = export(&data, &folder.path().join("held"), &[]);
    let import = store(&data, &["import", folder.path().join("held").to_str().unwrap()]);
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert_eq!(import.code, Some(0), "{import:?}");
    assert_eq!(hash(&held), hash(&export(&data, &folder.path().join("free"), &[])));
    venue.stop();
}

#[test]
fn one_series_and_one_stretch_can_be_named() {
    let (folder, data) = furnished();
    let all = folder.path().join("all");
    hash(&export(&data, &all, &[]));
    let rows = |archive: &Path, file: &str| {
        fs::read_to_string(archive.join(file))
            .map(|text| text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>())
    };
    let minutes = rows(&all, MINUTES).unwrap();
    let from: i64 = minutes[100].split(',').next().unwrap().parse().unwrap();
    let from = market_backbone::Timestamp::from_millis(from).to_string();
    let part = folder.path().join("part");
    hash(&export(&data, &part, &["--series", "KRW-BTC 1m", "--series", "KRW-ETH 1h", "--from", &from]));
    assert_eq!(rows(&part, MINUTES).unwrap(), minutes[100..]);
    assert!(
        rows(&part, "data/source=upbit/symbol=KRW-BTC/timeframe=1%4D/candles.csv").is_err(),
        "nobody asked for it"
    );
}

#[test]
fn wrong_exports_are_refused_with_a_reason() {
    let (folder, data) = furnished();
    let out = folder.path().join("out");
    refused(&export(&data, &out, &["--series", "KRW-BTC"]), 2, &["KRW-BTC 1m"]);
    refused(&export(&data, &out, &["--series", "KRW-BTC 7m"]), 2, &["7m", "1s 1m 3m"]);
    refused(&export(&data, &out, &["--from", "2026-02-01", "--to", "2026-01-01"]), 2, &["backwards"]);
    refused(&export(&data, &out, &["--series", "KRW-XRP 1m"]), 1, &["nothing is stored of KRW-XRP 1m"]);
    refused(&export(&folder.path().join("empty"), &out, &[]), 1, &["--data-dir"]);
    assert!(!out.exists(), "nothing was written");
    hash(&export(&data, &out, &[]));
    refused(&export(&data, &out, &[]), 1, &["holds an archive already"]);
}

#[test]
fn a_damaged_archive_is_named_to_the_line_and_nothing_of_it_is_stored() {
    const FILE: &str = MINUTES;
    let (folder, data) = furnished();
    let (archive, elsewhere) = (folder.path().join("archive"), folder.path().join("elsewhere"));
    hash(&export(&data, &archive, &[]));
    let sound = fs::read_to_string(archive.join(FILE)).unwrap();
    let mut lines: Vec<&str> = sound.lines().collect();
    lines[41] = "not,a,row";
    fs::write(archive.join(FILE), lines.join("\n") + "\n").unwrap();
    let said = store(&elsewhere, &["import", archive.to_str().unwrap()]);
    refused(&said, 1, &[FILE, "line 42"]);
    assert_eq!(said.stderr.lines().count(), 1, "{}", said.stderr);
    refused(&export(&elsewhere, &folder.path().join("none"), &[]), 1, &["nothing is stored"]);
    fs::write(archive.join(FILE), sound).unwrap();
    hash(&store(&elsewhere, &["import", archive.to_str().unwrap()]));
    refused(&store(&elsewhere, &["import", "no-such-folder"]), 1, &["no-such-folder", "manifest.json"]);
}

#[test]
fn candles_go_to_a_parquet_file_and_not_to_the_terminal() {
    let (venue, data) = (Venue::healthy(), tempdir().unwrap());
    let file = data.path().join("candles.parquet");
    let args = ["candles", "KRW-BTC", "1m", "--count", "20", "--format", "parquet"];
    refused(&venue.run(data.path(), &args), 2, &["--output"]);
    let said = venue.run(data.path(), &[&args[..], &["--output", file.to_str().unwrap()]].concat());
    assert_eq!((said.code, said.stdout.as_str()), (Some(0), ""), "{said:?}");
    let bytes = fs::read(&file).unwrap();
    assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
    assert!(!data.path().join("candles.parquet.part").exists());
    venue.stop();
}
