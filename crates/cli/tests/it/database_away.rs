//! `--store` names a database that is stopped, stalled, locked or damaged: known data is answered, the rest
//! is fetched from the venue, damage is found and repaired in both places, and nobody waits without a
//! message.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use market_backbone::{Clock, SystemClock, Timestamp};
use market_backbone_emulator::{Faults, Scenario};
use serde_json::Value;
use tempfile::tempdir;

use crate::crash::until;
use crate::postgres_server::{PASSWORD, PostgresServer};
use crate::run::{Said, Venue, bare};

/// Nothing that waits for a database waits so long: it used to be 35 s, and a busy machine takes its time for the rest.
const AT_MOST: Duration = Duration::from_secs(30);

type Way = fn(&PostgresServer);

/// The ways in which a database becomes unavailable, and comes back.
const WAYS: [(Way, Way); 2] =
    [(PostgresServer::stop, PostgresServer::start_again), (PostgresServer::stall, PostgresServer::resume)];

/// Candles of so many minutes that had long settled at `moment`.
fn question(minutes: i64, store: &str, moment: Timestamp) -> Vec<String> {
    let end = moment.as_secs() / 60 - 10;
    let (from, to) = (Timestamp::from_secs((end - minutes) * 60), Timestamp::from_secs(end * 60));
    let words = format!("candles KRW-BTC 1m --format csv --stats --from {from} --to {to} --store {store}");
    words.split(' ').map(str::to_owned).collect()
}

fn ask(venue: &Venue, machine: &Path, question: &[String]) -> Said {
    #[expect(clippy::disallowed_methods, reason = "another process is waited for: its time is the wall's")]
    let begun = Instant::now();
    let said = venue.run(machine, &question.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(begun.elapsed() < AT_MOST, "{:?}: {said:?}", begun.elapsed());
    said
}

/// Checks that the messages name the database, and contain no credentials.
fn assert_warned(said: &Said) {
    let warned = said.stderr.contains("WARN") && said.stderr.contains("postgres://tester@127.0.0.1:");
    assert!(warned && !said.stderr.contains(PASSWORD), "{said:?}");
    assert_eq!(said.stats()["store_away"], true, "{said:?}");
}

fn check(machine: &Path, store: &str) -> (Said, Vec<Value>) {
    let mut command = bare(&["store", "check", "--format", "json", "--store", store]);
    let said = Said::of(command.arg("--data-dir").arg(machine).output().unwrap());
    let findings = said.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (said, findings)
}

#[test]
fn known_candles_are_reported_with_a_warning_while_the_database_is_stopped_or_stalled() {
    let Some(server) = PostgresServer::own(20) else { return };
    let (venue, machine) = (Venue::healthy(), tempdir().unwrap());
    let known = question(1_000, &server.tcp_url(PASSWORD), SystemClock.now());
    let first = ask(&venue, machine.path(), &known);
    assert_eq!(first.rows().len(), 1_000);
    let asked = venue.candle_requests();

    server.stall();
    let stalled = ask(&venue, machine.path(), &known);
    server.resume();
    server.stop();
    let stopped = ask(&venue, machine.path(), &known);
    for said in [stalled, stopped] {
        assert_eq!(said.code, Some(0), "{said:?}");
        assert_eq!(said.stdout, first.stdout);
        assert_warned(&said);
    }
    assert_eq!(venue.candle_requests(), asked);
    venue.stop();
}

#[test]
fn unknown_candles_come_from_the_venue_while_the_database_is_away_and_stay_near() {
    let Some(server) = PostgresServer::own(20) else { return };
    let venue = Venue::healthy();
    let unknown = question(1_000, &server.tcp_url(PASSWORD), SystemClock.now());
    for (go, come_back) in WAYS {
        let machine = tempdir().unwrap();
        go(&server);
        let said = ask(&venue, machine.path(), &unknown);
        assert_eq!((said.rows().len(), said.requests()), (1_000, 5), "{said:?}");
        assert_warned(&said);
        assert_eq!(said.stats()["owed_rows"], 1_000, "{said:?}");
        let again = ask(&venue, machine.path(), &unknown);
        assert_eq!((again.requests(), again.stdout == said.stdout), (0, true), "{again:?}");
        come_back(&server);
    }
    // It has no data: whoever needs it there asks the venue, and from then on it is there.
    let [one, other] = [tempdir().unwrap(), tempdir().unwrap()];
    assert_eq!(ask(&venue, one.path(), &unknown).requests(), 5);
    assert_eq!(ask(&venue, other.path(), &unknown).stats()["shared_rows"], 1_000);
    venue.stop();
}

#[test]
fn a_fetch_goes_on_when_the_database_is_stopped_or_stalled_in_the_middle_of_it() {
    let Some(server) = PostgresServer::own(20) else { return };
    let faults = Faults { latency_ms: 40, ..Faults::default() };
    let venue = Venue::start(Scenario { faults, ban: None, ..Scenario::default() });
    for (go, come_back) in WAYS {
        let machine = tempdir().unwrap();
        let begun = venue.candle_requests();
        let words = question(8_000, &server.tcp_url(PASSWORD), SystemClock.now());
        let args: Vec<_> = words.iter().map(String::as_str).collect();
        server.sql("DROP SCHEMA IF EXISTS market_backbone CASCADE");
        let mut fetch = venue.command(machine.path(), &args);
        let fetch = fetch.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        until(|| venue.candle_requests() >= begun + 12);
        go(&server);
        let said = Said::of(fetch.wait_with_output().unwrap());
        assert_eq!(said.rows().len(), 8_000, "{}", said.stderr);
        assert_warned(&said);
        assert_eq!(said.stats()["coverage"].as_array().map(Vec::len), Some(1), "no hole: {said:?}");
        come_back(&server);
    }
    venue.stop();
}

#[test]
fn what_is_wrong_in_the_database_is_found_and_mended_against_the_venue_in_both_places() {
    let Some(server) = PostgresServer::own(20) else { return };
    let (venue, machine) = (Venue::healthy(), tempdir().unwrap());
    let (store, now) = (server.tcp_url(PASSWORD), SystemClock.now());
    let known = question(1_000, &store, now);
    let whole = ask(&venue, machine.path(), &known).stdout;
    let (said, _) = check(machine.path(), &store);
    assert_eq!(said.code, Some(0), "{said:?}");

    // An invalid row, ten deleted ones, and a disputed one, in the folder as well.
    let end = (now.as_secs() / 60 - 10) * 60_000;
    let minute = |back: i64| end - back * 60_000;
    server.sql(&format!(
        "SET search_path TO market_backbone;
         UPDATE candles SET high = low - 1 WHERE open_ms = {};
         DELETE FROM candles WHERE open_ms >= {} AND open_ms < {};
         UPDATE candles SET close = low WHERE open_ms = {};
         INSERT INTO disputes SELECT id, {}000000, {}000000, 'rest', 1, 'rest', 2 FROM series",
        minute(900),
        minute(400),
        minute(390),
        minute(100),
        minute(100),
        minute(99)
    ));
    let (said, found) = check(machine.path(), &store);
    assert_eq!(said.code, Some(1), "{said:?}");
    let flaws: Vec<_> = found.iter().filter_map(|one| one["flaw"].as_str()).collect();
    for flaw in ["impossible", "miscounted", "disputed"] {
        assert!(flaws.contains(&flaw), "{flaw}: {said:?}");
    }
    let place = found[0]["place"].as_str().unwrap();
    assert!(place.starts_with("postgres://tester@") && !place.contains(PASSWORD), "{place}");

    let mended = venue.run(machine.path(), &["store", "check", "--repair", "--store", &store]);
    assert_eq!(mended.code, Some(0), "{mended:?}");
    let (said, left) = check(machine.path(), &store);
    assert_eq!((said.code, left.len()), (Some(0), 1), "{said:?}");
    let other = tempdir().unwrap();
    for machine in [&machine, &other] {
        let said = ask(&venue, machine.path(), &known);
        assert_eq!((said.requests(), said.stdout == whole), (0, true), "{said:?}");
    }
    venue.stop();
}

#[test]
fn a_row_that_the_database_holds_and_cannot_be_true_is_returned_to_nobody() {
    let Some(server) = PostgresServer::own(20) else { return };
    let (venue, one, other) = (Venue::healthy(), tempdir().unwrap(), tempdir().unwrap());
    let (store, now) = (server.tcp_url(PASSWORD), SystemClock.now());
    let known = question(1_000, &store, now);
    let whole = ask(&venue, one.path(), &known).stdout;
    let slot = (now.as_secs() / 60 - 500) * 60_000;
    server.sql(&format!("UPDATE market_backbone.candles SET volume = -1 WHERE open_ms = {slot}"));
    let said = ask(&venue, other.path(), &known);
    assert_eq!((said.code, said.stdout == whole, said.requests()), (Some(0), true, 1), "{said:?}");
    let rejected = &said.stats()["rejected_rows"][0];
    assert!(rejected["reason"].as_str().unwrap().contains("volume -1"), "{said:?}");
    assert!(said.stderr.contains("is invalid"), "{said:?}");
    assert_eq!(check(other.path(), &store).0.code, Some(0), "it is mended");
    venue.stop();
}

#[test]
fn the_figures_and_the_free_room_of_a_database_are_its_own() {
    let Some(server) = PostgresServer::own(20) else { return };
    let (venue, machine, nobody) = (Venue::healthy(), tempdir().unwrap(), tempdir().unwrap());
    let store = server.tcp_url(PASSWORD);
    ask(&venue, machine.path(), &question(1_000, &store, SystemClock.now()));
    let run = |args: &[&str]| {
        let mut command = bare(args);
        // An empty folder: the database is checked, not the folder.
        command.args(["--store", &store]).arg("--data-dir").arg(nobody.path());
        Said::of(command.output().unwrap())
    };
    let stats = run(&["store", "stats", "--series", "--format", "json"]);
    let lines: Vec<Value> = stats.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |kind: &str| lines.iter().find(|line| line["kind"] == kind).unwrap();
    assert_eq!((of("series")["rows"].as_u64(), of("total")["rows"].as_u64()), (Some(1_000), Some(1_000)));
    assert!(of("total")["bytes"].as_u64() > Some(100_000) && !stats.stdout.contains(PASSWORD), "{stats:?}");
    let table = run(&["store", "stats"]);
    assert!(table.stdout.contains("1 series, 1000 candles"), "{table:?}");
    let vacuum = run(&["store", "vacuum", "--format", "json"]);
    let vacuum: Value = serde_json::from_str(&vacuum.stdout).expect(&vacuum.stderr);
    assert_eq!(vacuum["dead_rows_after"], 0, "{vacuum}");
    venue.stop();
}

#[test]
fn a_database_that_is_looked_after_and_stalls_is_waited_for_no_longer_than_a_while() {
    let Some(server) = PostgresServer::own(20) else { return };
    server.stall();
    #[expect(clippy::disallowed_methods, reason = "another process is waited for: its time is the wall's")]
    let begun = Instant::now();
    let (said, _) = check(tempdir().unwrap().path(), &server.tcp_url(PASSWORD));
    assert_eq!((said.code, said.stdout.as_str()), (Some(1), ""), "{said:?}");
    assert!(said.stderr.contains("waiting for the database postgres://tester@"), "{said:?}");
    assert!(said.stderr.contains("did not answer in time") && !said.stderr.contains(PASSWORD), "{said:?}");
    assert!(begun.elapsed() < AT_MOST, "{:?}", begun.elapsed());
}
