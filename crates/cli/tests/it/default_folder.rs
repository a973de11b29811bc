//! The default place of candles.

use std::path::Path;

use tempfile::tempdir;

use crate::run::{Said, bare};

/// Runs the command in the folder `place`, as a user whose data are in `home`.
fn run(place: &Path, home: &Path, args: &[&str]) -> Said {
    let mut command = bare(args);
    command.current_dir(place).env("XDG_DATA_HOME", home).env("HOME", home);
    Said::of(command.output().unwrap())
}

const ADD: [&str; 4] = ["universe", "add", "majors", "KRW-BTC"];
const SHOW: [&str; 3] = ["universe", "show", "majors"];

#[test]
fn data_are_with_the_users_whatever_folder_a_command_is_run_in() {
    let (home, here, there) = (tempdir().unwrap(), tempdir().unwrap(), tempdir().unwrap());
    let added = run(here.path(), home.path(), &ADD);
    assert_eq!(added.code, Some(0), "{added:?}");
    assert!(home.path().join("market-backbone/universes.db").is_file());
    let shown = run(there.path(), home.path(), &SHOW);
    assert_eq!((shown.stdout.as_str(), shown.stderr.as_str()), ("KRW-BTC\n", ""));
    for place in [here, there] {
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0, "nothing is left where it was run");
    }
}

#[test]
fn the_folder_of_an_older_version_is_found_and_said() {
    let (home, here) = (tempdir().unwrap(), tempdir().unwrap());
    let old = here.path().join("market-data");
    let added = run(here.path(), home.path(), &[&ADD[..], &["--data-dir", old.to_str().unwrap()]].concat());
    assert_eq!((added.code, added.stderr.contains("older version")), (Some(0), false), "{added:?}");
    let shown = run(here.path(), home.path(), &SHOW);
    assert_eq!(shown.stdout, "KRW-BTC\n", "what is kept there is still found");
    let want = ["./market-data", "older version", &home.path().join("market-backbone").display().to_string()];
    assert!(want.iter().all(|want| shown.stderr.contains(want)), "{}", shown.stderr);
    assert_eq!(shown.stderr.lines().count(), 1, "{}", shown.stderr);
    let named = run(here.path(), home.path(), &[&SHOW[..], &["--data-dir", "market-data"]].concat());
    assert_eq!(
        (named.stdout.as_str(), named.stderr.as_str()),
        ("KRW-BTC\n", ""),
        "who names it hears nothing"
    );
}

#[test]
fn a_folder_of_that_name_that_holds_no_data_of_ours_is_left_alone() {
    let (home, here) = (tempdir().unwrap(), tempdir().unwrap());
    let other = here.path().join("market-data");
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("notes.txt"), "mine").unwrap();
    let added = run(here.path(), home.path(), &ADD);
    assert_eq!((added.code, added.stderr.contains("older")), (Some(0), false), "{added:?}");
    assert_eq!(std::fs::read_dir(&other).unwrap().count(), 1);
}
