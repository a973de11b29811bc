//! Work whose length is not known before says on a terminal what is being done, and its line is gone at the end.

use std::path::Path;
use std::process::Command;

use market_backbone_emulator::{ExchangeHours, Scenario, StocksScenario, TickerSet};
use tempfile::tempdir;

use crate::run::{Said, Venue, bare};
use crate::terminal::{TerminalStream, on_terminal};

/// Runs a command whose messages go to a terminal, and returns what that has shown.
fn messages(mut command: Command) -> String {
    command.env("TERM", "xterm-256color").env_remove("NO_COLOR");
    on_terminal(command, TerminalStream::Stderr)
}

/// A command of the store in `data`.
fn store(data: &Path, args: &[&str]) -> Command {
    let mut command = bare(&[&["store"], args].concat());
    command.arg("--data-dir").arg(data);
    command
}

/// Checks that the line was shown, and that it was cleared after it.
#[track_caller]
fn assert_shown(shown: &str, line: &str) {
    let at = shown.rfind(line).unwrap_or_else(|| panic!("`{line}` in {shown:?}"));
    assert!(shown[at..].contains("\u{1b}[2K"), "the line is cleared: {shown:?}");
}

#[test]
fn the_commands_of_the_store_say_what_they_are_doing() {
    let (venue, folder) = (Venue::healthy(), tempdir().unwrap());
    let (data, archive) = (folder.path().join("data"), folder.path().join("archive"));
    let said = venue.run(&data, &["candles", "KRW-BTC", "1m", "--count", "20", "--same-as", "upbit"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    venue.stop();
    let to = archive.to_str().unwrap();
    assert_shown(&messages(store(&data, &["vacuum"])), "giving space back");
    assert_shown(&messages(store(&data, &["export", "--output", to])), "exporting 1 series");
    let import = messages(store(&folder.path().join("other"), &["import", to]));
    assert_shown(&import, &format!("importing {to}"));
    // A pipe is told the result alone.
    let piped = Said::of(store(&data, &["vacuum"]).output().unwrap());
    assert_eq!((piped.code, piped.stderr.as_str()), (Some(0), ""), "{piped:?}");
}

#[test]
fn a_fetch_of_whole_days_says_which_day_it_is_at() {
    let hours = ExchangeHours::NewYork;
    let massive = StocksScenario { hours, tickers: TickerSet::Standard(100), ..StocksScenario::default() };
    let (venue, data) = (Venue::start(Scenario { massive, ..Scenario::default() }), tempdir().unwrap());
    let mut command = bare(&["daily", "2026-08-03", "2026-08-04", "--venue", "massive"]);
    command.args(["--rest-url", &venue.emulator.rest_url(), "--data-dir"]).arg(data.path());
    command.env("MASSIVE_API_KEY", "test-key");
    let shown = messages(command);
    assert_shown(&shown, "day 1 of 2: 2026-08-03");
    assert_shown(&shown, "day 2 of 2: 2026-08-04");
    venue.stop();
}
