//! A full disk does not prevent an answer: it is given, with a message that it was not stored, and leaves no
//! temporary file.

use std::path::Path;
use std::process::Command;

use tempfile::tempdir;

use crate::run::{Said, Venue, bare};

/// The command in a shell that lets no file grow beyond so many KiB. A write beyond it fails, as on a full disk.
fn within(kib: u32, command: &Command) -> Command {
    let mut limited = Command::new("sh");
    let script = format!("trap '' XFSZ; ulimit -f {} && exec \"$@\"", kib * 2);
    limited.args(["-c", &script, "sh"]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    limited
}

fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

const WANTED: [&str; 9] =
    ["candles", "KRW-BTC", "1m", "--count", "4000", "--closed", "--format", "csv", "--stats"];

#[test]
fn a_full_disk_in_a_fetch_gives_the_answer_and_says_that_it_was_not_kept() {
    let (venue, data) = (Venue::healthy(), tempdir().unwrap());
    let said = Said::of(within(128, &venue.command(data.path(), &WANTED)).output().unwrap());
    assert_eq!(said.rows().len(), 4_000);
    let unkept = said.stats()["unkept_rows"].as_u64().unwrap();
    assert!(
        unkept > 0 && said.stderr.contains(&format!("warning: {unkept} candles were not stored")),
        "{said:?}"
    );
    assert!(said.stderr.contains("shard-0000.db"), "{}", said.stderr);

    // Stored data is valid, and with space the rest is fetched.
    let checked = Said::of(bare(&["store", "check"]).arg("--data-dir").arg(data.path()).output().unwrap());
    assert_eq!(checked.code, Some(0), "{checked:?}");
    let again = venue.run(data.path(), &WANTED);
    assert_eq!((again.rows().len(), again.stats()["unkept_rows"].as_u64()), (4_000, Some(0)));
    assert!(again.requests() > 0);
    venue.stop();
}

#[test]
fn a_folder_that_cannot_be_made_for_want_of_room_is_done_without() {
    let (venue, data) = (Venue::healthy(), tempdir().unwrap());
    let said = Said::of(within(0, &venue.command(data.path(), &WANTED)).output().unwrap());
    assert_eq!(said.rows().len(), 4_000);
    assert!(
        said.stderr.contains("warning: 4000 candles were not stored: no space left for"),
        "{}",
        said.stderr
    );
    venue.stop();
}

#[test]
fn a_file_that_does_not_fit_is_named_and_leaves_nothing_behind() {
    let (venue, data, out) = (Venue::healthy(), tempdir().unwrap(), tempdir().unwrap());
    assert_eq!(venue.run(data.path(), &WANTED).code, Some(0));
    for format in ["csv", "json", "parquet"] {
        let file = out.path().join("candles.out");
        std::fs::write(&file, "what was there").unwrap();
        let mut command = venue.command(data.path(), &["candles", "KRW-BTC", "1m", "--count", "400"]);
        command.args(["--closed", "--format", format, "--output", file.to_str().unwrap()]);
        let said = Said::of(within(4, &command).output().unwrap());
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(said.stderr.contains("candles.out"), "{}", said.stderr);
        assert_eq!(files(out.path()), ["candles.out"], "{format}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "what was there", "{format}");
    }
    venue.stop();
}
