//! Every long command ends when it is told to, whatever blocks its output, with the exit code in the README,
//! and leaves no half-written file behind.

use std::io::{BufRead, BufReader, PipeReader, Read, Write, pipe};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use market_backbone_emulator::{ExchangeHours, Faults, Scenario, StocksScenario, TickerSet};
use tempfile::{TempDir, tempdir};

use crate::crash::until;
use crate::run::{Venue, bare};

/// The capacity of a pipe.
const FULL: usize = 64 << 10;

/// Where the output goes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Output {
    Nowhere,
    /// A pipe that is full, and stays so.
    FullPipe,
    /// A pipe whose reader is about to go.
    Pipe,
}

/// What ends it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Interrupt,
    Terminate,
    /// Its own `--for`.
    Time,
    /// The reader goes.
    Reader,
}

/// The moment in the middle of a command.
#[derive(Clone, Copy, Debug)]
enum Middle {
    /// It has sent a request of this group.
    Asked(&'static str),
    /// It has been sent data over a socket.
    Hears,
    /// It has a socket over which nothing comes.
    HearsNothing,
    /// It has printed something on stderr.
    Speaks,
    /// It handles signals.
    Runs,
}

/// A running command.
struct Running {
    child: Child,
    reader: Option<PipeReader>,
}

impl Running {
    fn start(mut command: Command, output: Output) -> Self {
        let (stdout, reader) = match output {
            Output::Nowhere => (Stdio::null(), None),
            Output::FullPipe | Output::Pipe => {
                let (reader, mut writer) = pipe().unwrap();
                if output == Output::FullPipe {
                    writer.write_all(&vec![b'\n'; FULL]).unwrap();
                }
                (writer.into(), Some(reader))
            }
        };
        let child = command.stdout(stdout).stderr(Stdio::piped()).spawn().unwrap();
        // The command holds the other end of the pipe as well.
        drop(command);
        until(|| handles_signals(child.id()));
        Self { child, reader }
    }

    fn signal(&self, name: &str) {
        let kill = format!("kill -s {name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Ends it; returns its exit code and its messages.
    fn end(mut self, end: End) -> (Option<i32>, String) {
        match end {
            End::Interrupt => self.signal("INT"),
            End::Terminate => self.signal("TERM"),
            End::Time => {}
            End::Reader => drop(self.reader.take()),
        }
        let child = &mut self.child;
        until(|| child.try_wait().unwrap().is_some());
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (child.wait().unwrap().code(), said)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A command that has ended is not affected.
        let _ = self.child.kill();
    }
}

/// Returns whether the process handles SIGTERM, and so has started up.
fn handles_signals(pid: u32) -> bool {
    const TERM: u64 = 1 << 14;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & TERM != 0)
}

/// A slow venue, and a folder with candles of it.
struct Scene {
    venue: Venue,
    data: TempDir,
}

impl Scene {
    fn new() -> Self {
        let massive = StocksScenario {
            hours: ExchangeHours::Always,
            tickers: TickerSet::Standard(50),
            ..StocksScenario::default()
        };
        let (venue, data) = (Venue::start(Scenario { massive, ..Scenario::default() }), tempdir().unwrap());
        let kept = venue.run(data.path(), &["candles", "KRW-BTC", "1m", "--count", "2000", "--closed"]);
        assert_eq!(kept.code, Some(0), "{kept:?}");
        let archive = data.path().join("archive");
        let export = ["store", "export", "--output", archive.to_str().unwrap()];
        assert_eq!(venue.run(data.path(), &export).code, Some(0));
        Self { venue, data }
    }

    /// Runs a command into its middle, ends it, and checks what it leaves.
    #[track_caller]
    fn check(&self, args: &str, middle: Middle, output: Output, end: End, code: i32) -> String {
        let Self { venue, data } = self;
        let (archive, out) = (data.path().join("archive"), data.path().join("out"));
        let words = args.replace("ARCHIVE", archive.to_str().unwrap()).replace("OUT", out.to_str().unwrap());
        let words: Vec<_> = words.split(' ').collect();
        let command = match words[0] {
            "demo" | "emulate" => bare(&words),
            _ if words.contains(&"massive") => {
                let mut command = bare(&words);
                command.args(["--rest-url", &venue.emulator.rest_url()]).env("MASSIVE_API_KEY", "test-key");
                command.arg("--data-dir").arg(data.path());
                command
            }
            _ => venue.command(data.path(), &words),
        };
        let before = venue.emulator.report();
        let latency_ms = if matches!(middle, Middle::Asked(_)) { 120_000 } else { 0 };
        let mute_after_ms = u64::from(matches!(middle, Middle::HearsNothing));
        venue.emulator.set_faults(Faults { latency_ms, mute_after_ms, ..Faults::default() });
        let mut running = Running::start(command, output);
        match middle {
            Middle::Asked(group) => {
                until(|| venue.emulator.report().group(group).asked > before.group(group).asked);
            }
            Middle::Hears => until(|| venue.emulator.report().sockets.frames > before.sockets.frames + 20),
            Middle::HearsNothing => {
                until(|| venue.emulator.report().sockets.messages > before.sockets.messages);
            }
            Middle::Speaks => {
                let stderr = running.child.stderr.as_mut().unwrap();
                let mut line = String::new();
                BufReader::new(stderr).read_line(&mut line).unwrap();
            }
            Middle::Runs => {}
        }
        let (ended, said) = running.end(end);
        assert_eq!(ended, Some(code), "{args}, {output:?}, {end:?}: {said}");
        assert_eq!(drafts(data.path()), Vec::<String>::new(), "{args}, {output:?}, {end:?}");
        said
    }

    fn stop(self) {
        self.venue.stop();
    }
}

/// Returns the incomplete files in the folder and all below it.
fn drafts(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(drafts(&path));
        } else if path.extension().is_some_and(|ending| ending == "part") {
            found.push(path.display().to_string());
        }
    }
    found
}

const BY_SIGNAL: [(End, i32); 2] = [(End::Interrupt, 130), (End::Terminate, 143)];

#[test]
fn what_has_no_end_of_its_own_ends_well_when_it_is_told_to() {
    let scene = Scene::new();
    let watch = "watch KRW-BTC KRW-ETH --kinds trade,ticker,book --format json";
    for (args, middle) in [
        (watch, Middle::Hears),
        ("watch KRW-BTC KRW-ETH --kinds trade,book --format json --output OUT", Middle::Hears),
        ("demo", Middle::Runs),
        ("emulate upbit --port 0", Middle::Speaks),
    ] {
        for (end, _) in BY_SIGNAL {
            let said = scene.check(args, middle, Output::Nowhere, end, 0);
            assert!(!said.contains("error"), "{args}: {said}");
        }
    }
    scene.check("watch KRW-BTC --for 1s", Middle::Runs, Output::Nowhere, End::Time, 0);
    scene.check("demo --for 1s", Middle::Runs, Output::Nowhere, End::Time, 0);
    scene.stop();
}

#[test]
fn a_pipe_that_nobody_reads_holds_up_no_end_and_what_was_not_written_is_said() {
    let scene = Scene::new();
    let watch = "watch KRW-BTC KRW-ETH --kinds trade,ticker,book --format json";
    for (args, middle, end) in [
        (watch, Middle::Hears, End::Interrupt),
        (watch, Middle::Hears, End::Terminate),
        (&format!("{watch} --for 3s"), Middle::Runs, End::Time),
        ("demo --for 1s", Middle::Runs, End::Time),
    ] {
        let said = scene.check(args, middle, Output::FullPipe, end, 1);
        assert!(said.contains("lines were not written"), "{args}, {end:?}: {said}");
    }
    scene.stop();
}

#[test]
fn a_command_that_is_stopped_before_it_is_done_says_so_by_its_exit_code() {
    let scene = Scene::new();
    for (args, middle) in [
        ("candles KRW-ETH 1m --count 20000 --format csv", Middle::Asked("candles")),
        ("candles KRW-ETH 1m --count 20000 --format csv --output OUT", Middle::Asked("candles")),
        ("candles KRW-ETH 1m --count 20000 --format parquet --output OUT", Middle::Asked("candles")),
        ("candles KRW-ETH KRW-XRP 1m,5m --count 20000 --format csv", Middle::Asked("candles")),
        ("candles KRW-ETH KRW-XRP 1m --count 20000 --output-dir OUT", Middle::Asked("candles")),
        ("ticker KRW-BTC KRW-ETH KRW-XRP", Middle::Asked("ticker")),
        ("markets", Middle::Asked("market")),
        ("daily 2026-08-03 2026-08-04 --venue massive", Middle::Asked("massive")),
    ] {
        for (end, code) in BY_SIGNAL {
            for output in [Output::Nowhere, Output::FullPipe] {
                let said = scene.check(args, middle, output, end, code);
                assert!(said.contains("stopped by"), "{args}: {said}");
            }
        }
    }
    scene.stop();
}

#[test]
fn a_command_of_the_store_that_cannot_tell_its_result_ends_when_it_is_told_to() {
    let scene = Scene::new();
    for args in [
        "store check",
        "store check --repair",
        "store stats --series",
        "store vacuum",
        "store export --output OUT",
        "store import ARCHIVE",
    ] {
        for (end, code) in BY_SIGNAL {
            scene.check(args, Middle::Runs, Output::FullPipe, end, code);
        }
    }
    scene.stop();
}

#[test]
fn a_reader_who_has_seen_enough_ends_it_at_once_and_quietly() {
    let scene = Scene::new();
    for (args, middle) in [
        ("watch KRW-BTC KRW-ETH --kinds trade,ticker,book --format json", Middle::Hears),
        // Nothing is received that could find out.
        ("watch KRW-BTC", Middle::HearsNothing),
        ("candles KRW-ETH 1m --count 20000 --format csv", Middle::Asked("candles")),
        ("ticker KRW-BTC KRW-ETH KRW-XRP", Middle::Asked("ticker")),
        ("daily 2026-08-03 2026-08-04 --venue massive", Middle::Asked("massive")),
        ("demo", Middle::Runs),
        ("store check", Middle::Runs),
    ] {
        let said = scene.check(args, middle, Output::Pipe, End::Reader, 0);
        assert!(!said.contains("error"), "{args}: {said}");
    }
    scene.stop();
}
