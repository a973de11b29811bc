//! Runs the command and reads its output.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use market_backbone_emulator::{Emulator, RunningEmulator, Scenario};
use serde_json::Value;
use tokio::runtime::Runtime;

/// An emulator on a free port, with the runtime it lives on.
pub(crate) struct Venue {
    // The emulator's tasks end before the runtime does: fields drop in this order.
    pub(crate) emulator: RunningEmulator,
    runtime: Runtime,
}

impl Venue {
    pub(crate) fn start(scenario: Scenario) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let emulator = runtime.block_on(Emulator::start(scenario)).unwrap();
        Self { emulator, runtime }
    }

    pub(crate) fn healthy() -> Self {
        Self::start(Scenario::default())
    }

    /// The command with `args`, told to talk to this venue and to keep its data in `data`.
    pub(crate) fn command(&self, data: &Path, args: &[&str]) -> Command {
        let mut command = bare(args);
        command.args(["--rest-url", &self.emulator.rest_url(), "--ws-url", &self.emulator.ws_url()]);
        command.arg("--data-dir").arg(data);
        command
    }

    /// Runs the command to its end.
    pub(crate) fn run(&self, data: &Path, args: &[&str]) -> Said {
        Said::of(self.command(data, args).output().unwrap())
    }

    /// Requests to the candle group so far.
    pub(crate) fn candle_requests(&self) -> u64 {
        self.emulator.report().group("candles").asked
    }

    pub(crate) fn stop(self) {
        self.runtime.block_on(self.emulator.stop());
    }
}

/// The command alone, without the environment's settings.
pub(crate) fn bare(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_market-backbone"));
    command.args(args).stdin(Stdio::null());
    let settings = [
        "MARKET_BACKBONE_UPBIT_REST_URL",
        "MARKET_BACKBONE_UPBIT_WS_URL",
        "MARKET_BACKBONE_UPBIT_REGION",
        "MARKET_BACKBONE_UPBIT_SAME_AS",
        "MARKET_BACKBONE_MASSIVE_SAME_AS",
        "MARKET_BACKBONE_MASSIVE_REST_URL",
        "MARKET_BACKBONE_MASSIVE_WS_URL",
        "MARKET_BACKBONE_MASSIVE_PLAN",
        "MASSIVE_API_KEY",
        "USE_MULTI_CONNECTION",
        "WEBSOCKET_CONNECTIONS_MAX",
        "MARKET_BACKBONE_STORE",
        "MARKET_BACKBONE_LIMITS_DIR",
    ];
    for setting in settings {
        command.env_remove(setting);
    }
    // Whatever a test does not name must not be the user's.
    command
        .env("XDG_DATA_HOME", env!("CARGO_TARGET_TMPDIR"))
        .env("XDG_STATE_HOME", env!("CARGO_TARGET_TMPDIR"));
    command
}

/// The output of the command.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Said {
    pub(crate) fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// The CSV rows, after a check that all went well.
    #[track_caller]
    pub(crate) fn rows(&self) -> Vec<Row> {
        assert_eq!(self.code, Some(0), "{self:?}");
        let mut lines = self.stdout.lines();
        assert_eq!(lines.next(), Some("timestamp,open,high,low,close,volume,final,filled"));
        lines.map(Row::read).collect()
    }

    /// The object of `--stats`.
    #[track_caller]
    pub(crate) fn stats(&self) -> Value {
        serde_json::from_str(self.stderr.lines().last().unwrap_or_default())
            .expect("the last line is the statistics")
    }

    #[track_caller]
    pub(crate) fn requests(&self) -> u64 {
        self.stats()["requests"].as_u64().unwrap()
    }
}

/// A candle as the CSV has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) timestamp: i64,
    pub(crate) open: f64,
    pub(crate) high: f64,
    pub(crate) low: f64,
    pub(crate) close: f64,
    pub(crate) volume: f64,
}

impl Row {
    fn read(line: &str) -> Self {
        let mut fields = line.split(',');
        let timestamp = fields.next().unwrap().parse().unwrap();
        let [open, high, low, close, volume] = [(); 5].map(|()| fields.next().unwrap().parse().unwrap());
        let flags: Vec<bool> = fields.map(|flag| flag.parse().unwrap()).collect();
        assert_eq!(flags.len(), 2, "final and filled");
        Self { timestamp, open, high, low, close, volume }
    }
}

/// One trade, reduced to what a candle is made of.
pub(crate) struct Print {
    pub(crate) ms: i64,
    pub(crate) price: f64,
    pub(crate) size: f64,
}

/// One-minute candles of `prints` (in order of time), written down here a second time on purpose.
pub(crate) fn fold(prints: impl IntoIterator<Item = Print>) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for Print { ms, price, size } in prints {
        let timestamp = ms - ms.rem_euclid(60_000);
        match rows.last_mut() {
            Some(row) if row.timestamp == timestamp => {
                row.high = row.high.max(price);
                row.low = row.low.min(price);
                row.close = price;
                row.volume += size;
            }
            _ => {
                rows.push(Row { timestamp, open: price, high: price, low: price, close: price, volume: size })
            }
        }
    }
    rows
}

/// Equal but for the order in which the volume was added up.
#[track_caller]
pub(crate) fn assert_same(got: &[Row], want: &[Row]) {
    assert_eq!(got.len(), want.len(), "as many candles as minutes with a trade");
    for (got, want) in got.iter().zip(want) {
        assert_eq!(Row { volume: 0.0, ..*got }, Row { volume: 0.0, ..*want });
        assert!((got.volume - want.volume).abs() <= want.volume * 1e-9, "{got:?} {want:?}");
    }
}

/// Strictly rising open times.
#[track_caller]
pub(crate) fn assert_rising(rows: &[Row]) {
    assert!(rows.is_sorted_by(|a, b| a.timestamp < b.timestamp), "strictly rising");
}
