//! `--venue massive`: the same commands, with a key, in New York time.

use std::path::Path;
use std::process::{Command, Stdio};

use market_backbone_emulator::{EmulatorClock, ExchangeHours, Scenario, StocksScenario, TickerSet};
use tempfile::tempdir;

use crate::crash::until;
use crate::run::{Said, Venue, bare};

const KEY: &str = "test-key";

/// A stock market with a hundred tickers.
fn market(hours: ExchangeHours) -> Scenario {
    let massive = StocksScenario { hours, tickers: TickerSet::Standard(100), ..StocksScenario::default() };
    Scenario { massive, ..Scenario::default() }
}

/// The command with `args`, at the market's address: the socket is beside it.
fn command(venue: &Venue, data: &Path, args: &[&str]) -> Command {
    let mut command = bare(args);
    command.args(["--venue", "massive", "--rest-url", &venue.emulator.rest_url()]);
    command.arg("--data-dir").arg(data).env("MASSIVE_API_KEY", KEY);
    command
}

fn run(venue: &Venue, data: &Path, args: &[&str]) -> Said {
    Said::of(command(venue, data, args).output().unwrap())
}

#[test]
fn days_open_at_midnight_in_new_york_and_cost_one_request() {
    let (venue, data) = (Venue::start(market(ExchangeHours::NewYork)), tempdir().unwrap());
    let wanted = ["AAPL", "1d", "--from", "2026-03-02", "--to", "2026-03-14"];
    let ask = [&["candles"], &wanted[..], &["--stats"]].concat();
    let planned = run(&venue, data.path(), &[&["plan"], &wanted[..], &["--format", "json"]].concat());
    let plan: serde_json::Value = serde_json::from_str(&planned.stdout).unwrap();
    assert_eq!((&plan["pages"], &plan["requests"]["massive"]), (&1.into(), &1.into()), "{plan}");
    let said = run(&venue, data.path(), &ask);
    assert_eq!((said.code, said.requests()), (Some(0), 1), "{said:?}");
    let lines: Vec<_> = said.stdout.lines().map(str::trim).collect();
    assert!(lines[0].starts_with("open time (New York)"), "{}", lines[0]);
    assert_eq!(lines.len(), 11, "ten days of trading: {}", said.stdout);
    // The clocks were put forward on the 8th.
    assert!(lines[1..].iter().all(|line| line[10..].starts_with(" 00:00:00")), "{}", said.stdout);
    assert_eq!(run(&venue, data.path(), &ask).requests(), 0);
    venue.stop();
}

#[test]
fn four_hours_are_shown_whenever_there_is_trading() {
    for hours in [ExchangeHours::NewYork, ExchangeHours::Always] {
        let (venue, data) = (Venue::start(market(hours)), tempdir().unwrap());
        let said = run(&venue, data.path(), &["candles", "AAPL", "4h", "--count", "3", "--format", "csv"]);
        assert_eq!((said.code, said.rows().len()), (Some(0), 3), "{hours:?}: {said:?}");
        let opens =
            said.stdout.lines().skip(1).map(|line| line.split(',').next().unwrap().parse::<i64>().unwrap());
        assert!(opens.into_iter().all(|open| open % (4 * 3_600_000) == 0), "{hours:?}: {}", said.stdout);
        venue.stop();
    }
}

#[test]
fn splits_of_the_emulator_are_read_or_refused() {
    let said = Said::of(bare(&["emulate", "massive", "--splits", "AAPL=2026-02-30:1:2"]).output().unwrap());
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.stderr.contains("\"AAPL=2026-02-30:1:2\" is no split"), "{}", said.stderr);
}

#[test]
fn a_day_of_all_shares_is_one_request_and_then_none() {
    let (venue, data) = (Venue::start(market(ExchangeHours::NewYork)), tempdir().unwrap());
    let asked = || venue.emulator.report().group("massive").asked;
    // The second was a Sunday.
    let daily = run(&venue, data.path(), &["daily", "2026-08-02", "2026-08-04"]);
    assert_eq!((daily.code, asked()), (Some(0), 2), "{daily:?}");
    let shares: Vec<u32> =
        daily.stdout.lines().map(|line| line.split_once(',').unwrap().1.parse().unwrap()).collect();
    assert!(shares[0] == 0 && shares[1] > 80, "{}", daily.stdout);
    let day = ["--from", "2026-08-04", "--to", "2026-08-05", "--format", "csv", "--stats"];
    for share in ["AAPL", "SPY"] {
        let said = run(&venue, data.path(), &[&["candles", share, "1d"][..], &day].concat());
        assert_eq!((said.rows().len(), said.requests()), (1, 0), "{said:?}");
    }
    let before = asked();
    let ahead = run(&venue, data.path(), &["daily", "2090-01-02"]);
    assert!(ahead.code == Some(1) && ahead.stderr.contains("2090-01-02 lies in the future"), "{ahead:?}");
    assert_eq!(asked(), before);
    let coins = venue.run(data.path(), &["daily", "2026-08-04"]);
    assert!(coins.code == Some(2) && coins.stderr.contains("--venue massive"), "{coins:?}");
    venue.stop();
}

#[test]
fn the_newest_candles_prices_and_listing_are_there_at_any_hour() {
    let (venue, data) = (Venue::start(market(ExchangeHours::Always)), tempdir().unwrap());
    let newest = run(&venue, data.path(), &["candles", "AAPL", "1m", "--count", "40", "--format", "csv"]);
    assert_eq!(newest.rows().len(), 40);
    let tickers = run(&venue, data.path(), &["ticker", "AAPL", "MSFT", "--format", "csv", "--stats"]);
    assert_eq!((tickers.code, tickers.stdout.lines().count()), (Some(0), 3), "{tickers:?}");
    let mixed = run(&venue, data.path(), &["ticker", "AAPL", "NOPE"]);
    assert_eq!((mixed.code, mixed.stdout.as_str()), (Some(1), ""), "none is left out in silence");
    assert!(mixed.stderr.contains("unknown market NOPE on massive"), "{}", mixed.stderr);
    let listed = run(&venue, data.path(), &["markets", "--quote", "usd", "--format", "csv"]);
    assert_eq!(listed.stdout.lines().count(), 101, "{}", listed.stderr);
    let adjusted =
        run(&venue, data.path(), &["candles", "NVDA", "1d", "--count", "5", "--adjusted", "--format", "csv"]);
    assert_eq!(adjusted.rows().len(), 5);
    let unknown = run(&venue, data.path(), &["candles", "APPL", "1m"]);
    assert_eq!(unknown.code, Some(1));
    assert!(
        unknown.stderr.contains("unknown market APPL on massive; did you mean AAPL"),
        "{}",
        unknown.stderr
    );
    venue.stop();
}

#[test]
fn trades_seconds_and_minutes_are_watched_over_one_socket() {
    let (venue, data) = (Venue::start(market(ExchangeHours::Always)), tempdir().unwrap());
    let kinds = "trade,candle.1s,candle.1m";
    // Active stocks trade every ten seconds at the quietest hour.
    let markets = ["watch", "AAPL", "MSFT", "NVDA", "SPY", "TSLA"];
    let args = [&markets[..], &["--kinds", kinds, "--for", "9s", "--format", "json"]].concat();
    let said = run(&venue, data.path(), &args);
    assert_eq!(said.code, Some(0), "{said:?}");
    let of_kind = |kind: &str| said.stdout.lines().filter(|line| line.contains(kind)).count();
    assert!(of_kind("\"kind\":\"trade\"") > 0, "{}", said.stdout);
    assert!(of_kind("\"timeframe\":\"1s\"") > 0, "{}", said.stdout);
    assert!(of_kind("\"side\":null") > 0, "whose trades have no taker: {}", said.stdout);
    assert_eq!(of_kind("\"kind\":\"gap\""), 0, "{}", said.stdout);
    let sockets = venue.emulator.report();
    assert_eq!(sockets.group("massive-socket").asked, 1, "{sockets:?}");
    let silent = run(&venue, data.path(), &["watch", "AAPL", "--kinds", "ticker", "--for", "1s"]);
    assert!(silent.stderr.contains("massive has no live ticker"), "{}", silent.stderr);
    venue.stop();
}

#[test]
fn bands_are_watched_where_there_are_some() {
    // Bands come twice a minute, by the venue's clock: the next in two seconds.
    let hands = EmulatorClock::manual(1_786_028_428_000);
    let scenario = Scenario { clock: hands.clone(), ..market(ExchangeHours::NewYork) };
    let (venue, data) = (Venue::start(scenario), tempdir().unwrap());
    let watch = |format: &str| {
        let args = ["watch", "AAPL", "--kinds", "band", "--for", "4s", "--format", format];
        let mut child = command(&venue, data.path(), &args);
        let sockets = || venue.emulator.report().sockets;
        let before = sockets();
        let child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // It logs in and subscribes. Then the clock moves on, until the band is sent.
        until(|| sockets().messages >= before.messages + 2);
        until(|| {
            hands.advance(100);
            sockets().events > before.events
        });
        let said = Said::of(child.wait_with_output().unwrap());
        hands.advance(27_500);
        said
    };
    let said = watch("json");
    assert_eq!(said.code, Some(0), "{said:?}");
    let band: serde_json::Value = serde_json::from_str(said.stdout.lines().next().unwrap()).unwrap();
    assert_eq!((&band["kind"], &band["symbol"]), (&"band".into(), &"AAPL".into()), "{band}");
    assert!(band["low"].as_f64() < band["high"].as_f64() && band["indicators"] == serde_json::json!([17]));
    assert!(band["time"].as_i64() > Some(1_786_028_400_000_000_000) && band["received"].is_i64(), "{band}");
    let text = watch("table").stdout;
    assert!(text.lines().all(|line| line.contains("AAPL") && line.contains(" band ")), "{text}");
    let coins = venue.run(data.path(), &["watch", "KRW-BTC", "--kinds", "band", "--for", "1s"]);
    assert!(coins.code == Some(1) && coins.stderr.contains("upbit has no live band of KRW-BTC"), "{coins:?}");
    venue.stop();
}

#[test]
fn a_key_is_asked_for_and_never_shown() {
    let (venue, data) = (Venue::start(market(ExchangeHours::NewYork)), tempdir().unwrap());
    let without =
        Said::of(command(&venue, data.path(), &["markets"]).env_remove("MASSIVE_API_KEY").output().unwrap());
    assert_eq!(without.code, Some(2), "{without:?}");
    assert!(without.stderr.contains("MASSIVE_API_KEY"), "{}", without.stderr);
    let wrong = command(&venue, data.path(), &["candles", "AAPL", "1d", "--log", "trace"])
        .env("MASSIVE_API_KEY", "not-a-key-of-theirs")
        .output()
        .unwrap();
    let wrong = Said::of(wrong);
    assert_eq!(wrong.code, Some(1), "{wrong:?}");
    assert!(wrong.stderr.contains("check MASSIVE_API_KEY"), "{}", wrong.stderr);
    assert!(!wrong.stderr.contains("not-a-key-of-theirs"), "not even in a trace");
    venue.stop();
}

#[test]
fn the_file_says_what_was_paid_for_and_the_environment_where_it_is() {
    let (venue, data) = (Venue::start(market(ExchangeHours::NewYork)), tempdir().unwrap());
    let file = data.path().join("settings.toml");
    std::fs::write(&file, "[massive]\nplan = \"free\"\nrate = \"5/min\"\n").unwrap();
    let ask = |args: &[&str]| {
        let mut command = bare(args);
        command
            .args(["--venue", "massive", "--config", file.to_str().unwrap()])
            .arg("--data-dir")
            .arg(data.path());
        command.env("MASSIVE_API_KEY", "free-key");
        command.env("MARKET_BACKBONE_MASSIVE_REST_URL", venue.emulator.rest_url());
        Said::of(command.output().unwrap())
    };
    assert_eq!(ask(&["candles", "AAPL", "1d", "--count", "5", "--format", "csv"]).rows().len(), 5);
    let seconds = ask(&["candles", "AAPL", "1s", "--count", "5"]);
    assert!(
        seconds.stderr.contains("massive has no 1s candles") || seconds.stderr.contains("plan basic"),
        "{seconds:?}"
    );
    let trades = ask(&["watch", "AAPL", "--for", "1s"]);
    assert!(trades.code == Some(1) && trades.stderr.contains("no live trade"), "{trades:?}");
    venue.stop();
}

#[test]
fn one_folder_of_both_venues_is_checked_and_copied_by_the_calendar_of_each() {
    let (venue, data) = (Venue::start(market(ExchangeHours::NewYork)), tempdir().unwrap());
    let range = ["--from", "2026-10-01", "--to", "2026-10-20"];
    for frame in ["1d", "1h"] {
        assert_eq!(
            run(&venue, data.path(), &[&["candles", "AAPL", frame][..], &range].concat()).code,
            Some(0)
        );
        assert_eq!(
            venue.run(data.path(), &[&["candles", "KRW-BTC", frame][..], &range].concat()).code,
            Some(0)
        );
    }
    let store = |args: &[&str]| Said::of(bare(args).arg("--data-dir").arg(data.path()).output().unwrap());
    let checked = store(&["store", "check"]);
    assert_eq!((checked.code, checked.stdout.trim()), (Some(0), "no issues found"));
    let (archive, other) = (data.path().join("archive"), tempdir().unwrap());
    let written = store(&["store", "export", "--output", archive.to_str().unwrap()]);
    assert_eq!(written.code, Some(0), "{written:?}");
    let mut import = bare(&["store", "import", archive.to_str().unwrap()]);
    let taken = Said::of(import.arg("--data-dir").arg(other.path()).output().unwrap());
    assert_eq!(taken.stdout, written.stdout, "{taken:?}");
    venue.stop();
}
