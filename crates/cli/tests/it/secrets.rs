//! No key, password or token in any output of the command: each command, at each log level, in success and
//! failure.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use market_backbone_emulator::{ExchangeHours, Scenario, StocksScenario, TickerSet};
use tempfile::tempdir;

use crate::run::{Said, Venue, bare};

const KEY: &str = "test-key";
/// A secret wherever an address may hold one. No other word contains it.
const SECRET: &str = "0pensd00rs";
const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

const COMMANDS: [&[&str]; 12] = [
    &["candles", "AAPL", "1m", "--count", "3", "--stats"],
    &["candles", "NOPE", "1d", "--from", "2026-08-03", "--to", "2026-08-04"],
    &["candles", "AAPL", "1s", "--from", "2026-08-04", "--to", "2026-08-03"],
    &["plan", "AAPL", "1m", "--from", "2026-08-03", "--to", "2026-08-04"],
    &["ticker", "AAPL", "MSFT"],
    &["ticker", "NOPE"],
    &["watch", "AAPL", "--for", "1s", "--kinds", "trade,book,candle.1m"],
    &["markets"],
    &["daily", "2026-08-03"],
    &["store", "stats"],
    &["store", "check"],
    &["universe", "list"],
];

fn market() -> Venue {
    let massive = StocksScenario {
        hours: ExchangeHours::Always,
        tickers: TickerSet::Standard(20),
        ..StocksScenario::default()
    };
    Venue::start(Scenario { massive, ..Scenario::default() })
}

fn digits(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

#[track_caller]
fn assert_discreet(said: &Said, of: &str) {
    for line in said.stdout.lines().chain(said.stderr.lines()) {
        // Frames are logged by their digits, too.
        for secret in [KEY, SECRET, &digits(KEY), &digits(SECRET)] {
            assert!(!line.contains(secret), "{of}: {line}");
        }
    }
}

fn massive(data: &Path, args: &[&str], (rest, socket): (&str, &str)) -> Command {
    let mut command = bare(args);
    command.args(["--venue", "massive", "--rest-url", rest, "--ws-url", socket, "--data-dir"]);
    command.arg(data).env("MASSIVE_API_KEY", KEY);
    command
}

fn logged(mut command: Command, level: &str) -> Said {
    command.args(["--log", level]);
    let said = Said::of(command.output().unwrap());
    assert_discreet(&said, &format!("{:?}", command.get_args().collect::<Vec<_>>()));
    said
}

#[test]
fn no_command_says_the_key_or_what_an_address_hides() {
    let (venue, data) = (market(), tempdir().unwrap());
    let port = venue.emulator.rest_url();
    let port = port.rsplit(':').next().unwrap();
    let rest = format!("http://127.0.0.1:{port}/?token={SECRET}");
    let socket = format!("ws://bob:{SECRET}@127.0.0.1:{port}/stocks?token={SECRET}");
    for level in LEVELS {
        for args in COMMANDS {
            let said = logged(massive(data.path(), args, (&rest, &socket)), level);
            if level == "trace" && args[0] == "watch" {
                assert!(said.stderr.contains("subscribed to: T.AAPL"), "{said:?}");
            }
        }
    }
    venue.stop();
}

#[test]
fn nor_when_nobody_answers_or_the_address_is_none() {
    let data = tempdir().unwrap();
    let refused = |scheme: &str| format!("{scheme}://bob:{SECRET}@127.0.0.1:1/{SECRET}?token={SECRET}");
    for (rest, socket) in [
        (refused("http"), refused("ws")),
        (refused("https"), refused("wss")),
        (format!("http://{SECRET}.invalid:{SECRET}/"), refused("ws")),
        (SECRET.to_owned(), SECRET.to_owned()),
        (format!("http//bob:{SECRET}@x"), format!("ws//bob:{SECRET}@x")),
    ] {
        for args in [&["ticker", "AAPL"][..], &["markets"], &["watch", "AAPL", "--for", "1s"]] {
            let said = logged(massive(data.path(), args, (&rest, &socket)), "trace");
            assert!(said.code != Some(0) && said.stderr.contains("error: "), "{rest}: {said:?}");
        }
        let mut alone = bare(&["ticker", "KRW-BTC", "--rest-url", &rest, "--data-dir"]);
        alone.arg(data.path());
        assert_ne!(logged(alone, "trace").code, Some(0));
    }
}

#[test]
fn nor_of_a_database_that_is_not_there() {
    let (venue, data, home) = (Venue::healthy(), tempdir().unwrap(), tempdir().unwrap());
    let store = [
        format!("postgres://bob:{SECRET}@127.0.0.1:1/market"),
        format!("postgres://bob@127.0.0.1:1/market?password={SECRET}"),
        format!("postgres://bob@127.0.0.1:1/market?pasword={SECRET}"),
        format!("postgres://bob:{SECRET}@127.0.0.1:port/market"),
        format!("mysql://bob:{SECRET}@127.0.0.1/market"),
        SECRET.to_owned(),
        "postgres://bob@127.0.0.1:1/market".to_owned(),
    ];
    // A line that lacks a part: of which one the program that reads it cannot know.
    let pass = home.path().join(".pgpass");
    std::fs::write(&pass, format!("127.0.0.1:1:market:{SECRET}\n")).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&pass, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    for store in &store {
        let mut command = venue.command(data.path(), &["candles", "KRW-BTC", "1m", "--count", "1"]);
        command.args(["--store", store]).env("HOME", home.path()).env_remove("PGPASSFILE");
        logged(command, "trace");
    }
    venue.stop();
}

#[test]
fn nor_of_a_settings_file_that_cannot_be_read() {
    let data = tempdir().unwrap();
    let file = data.path().join("settings.toml");
    for text in [
        format!("massive = \"{SECRET}\""),
        format!("[massive]\nkey = \"{SECRET}\""),
        format!("[massive]\nrest_url = [\"{SECRET}\"]"),
        format!("[massive]\nrest_url = \"{SECRET}\""),
        format!("[store]\nurl = \"postgres://bob:{SECRET}@x:port/y\""),
        format!("[store]\nurl = \"postgres://bob:{SECRET}"),
        format!("store = \"{SECRET}\""),
        format!("[upbit]\nws_url = \"ws://bob:{SECRET}@x\""),
    ] {
        std::fs::write(&file, &text).unwrap();
        let mut command = bare(&["markets", "--venue", "massive", "--data-dir"]);
        command.arg(data.path()).arg("--config").arg(&file).env("MASSIVE_API_KEY", KEY);
        // If it gets that far, nothing is there.
        command.env("HTTPS_PROXY", format!("http://bob:{SECRET}@127.0.0.1:1"));
        assert_ne!(logged(command, "trace").code, Some(0), "{text}");
    }
}

#[test]
fn nor_of_what_the_clients_of_a_look_alike_send() {
    let data = tempdir().unwrap();
    let demo = bare(&["demo", "--venue", "massive", "--for", "1s"]);
    assert_eq!(logged(demo, "trace,tungstenite=trace").code, Some(0));

    let mut venue = bare(&["emulate", "massive", "--port", "0", "--tickers", "20", "--log", "trace"]);
    let mut venue = venue.stderr(Stdio::piped()).spawn().unwrap();
    let log = BufReader::new(venue.stderr.take().unwrap()).lines().map(Result::unwrap);
    let (say, said) = std::sync::mpsc::channel();
    let log = std::thread::spawn(move || log.inspect(|line| say.send(line.clone()).unwrap_or(())).collect());
    let port = loop {
        let line = said.recv_timeout(Duration::from_secs(60)).unwrap();
        if let Some((_, rest)) = line.split_once("emulator on http://127.0.0.1:") {
            break rest.split(' ').next().unwrap().to_owned();
        }
    };
    drop(said);
    let (rest, socket) = (format!("http://127.0.0.1:{port}"), format!("ws://127.0.0.1:{port}/stocks"));
    for args in [&["watch", "AAPL", "--for", "1s"][..], &["ticker", "AAPL"], &["candles", "AAPL", "1d"]] {
        let said = logged(massive(data.path(), args, (&rest, &socket)), "info");
        assert_eq!(said.code, Some(0), "{said:?}");
    }
    venue.kill().unwrap();
    venue.wait().unwrap();
    let log: Vec<String> = log.join().unwrap();
    assert!(log.iter().any(|line| line.contains("TRACE")), "{log:?}");
    let said = Said { code: None, stdout: String::new(), stderr: log.join("\n") };
    assert_discreet(&said, "emulate massive");
}

/// A proxy that refuses everybody, and records the requests.
fn proxy(answers: usize) -> (u16, std::thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serve = move || {
        let answer = |_| {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                head.extend(byte);
            }
            stream
                .write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
                .unwrap();
            String::from_utf8(head).unwrap()
        };
        (0..answers).map(answer).collect()
    };
    (port, std::thread::spawn(serve))
}

#[test]
fn nor_of_a_proxy() {
    let data = tempdir().unwrap();
    for scheme in ["http", "https"] {
        let (port, asked) = proxy(1);
        let rest = format!("{scheme}://venue.invalid");
        let mut command = massive(data.path(), &["markets"], (&rest, "ws://venue.invalid/stocks"));
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"] {
            command.env(name, format!("http://bob:{SECRET}@127.0.0.1:{port}"));
        }
        command.env_remove("NO_PROXY").env_remove("no_proxy");
        assert_eq!(logged(command, "trace").code, Some(1));
        let asked = asked.join().unwrap();
        assert!(asked[0].to_lowercase().contains("proxy-authorization: basic "), "{asked:?}");
    }
}
