//! `--store postgres://…`: machines that share a database ask the venue once.

use std::process::Stdio;

use market_backbone::{Clock, SystemClock, Timestamp};
use market_backbone_emulator::Scenario;
use tempfile::tempdir;

use crate::crash::until;
use crate::postgres_server::{PASSWORD, PostgresServer};
use crate::run::{Print, Said, Venue, assert_same, bare, fold};

/// About a thousand minutes that had long settled at `moment`.
fn question(command: &str, store: &str, moment: Timestamp) -> Vec<String> {
    let minute = moment.as_secs() / 60 - 10;
    let (from, to) = (Timestamp::from_secs((minute - 1_000) * 60), Timestamp::from_secs(minute * 60));
    let words = format!("{command} --from {from} --to {to} --store {store}");
    words.split(' ').map(str::to_owned).collect()
}

fn ask(venue: &Venue, machine: &std::path::Path, question: &[String]) -> Said {
    venue.run(machine, &question.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn what_one_machine_has_asked_the_other_has_without_a_request() {
    let Some(server) = PostgresServer::shared() else { return };
    let (venue, one, other) = (Venue::healthy(), tempdir().unwrap(), tempdir().unwrap());
    let now = SystemClock.now();
    let candles = question("candles KRW-BTC 1m --format csv --stats", &server.url(), now);
    let plan = question("plan KRW-BTC 1m --format json", &server.url(), now);
    let first = ask(&venue, one.path(), &candles);
    assert_eq!((first.rows().len(), first.requests()), (1_000, 5), "{}", first.stats());

    let plan = ask(&venue, other.path(), &plan);
    let plan: serde_json::Value = serde_json::from_str(&plan.stdout).unwrap();
    assert_eq!((plan["known"].as_u64(), plan["pages"].as_u64()), (Some(1_000), Some(0)), "{plan}");

    let second = ask(&venue, other.path(), &candles);
    assert_eq!(second.stdout, first.stdout);
    assert_eq!((second.requests(), venue.candle_requests()), (0, 5), "{}", second.stats());
    let stats = second.stats();
    assert_eq!((stats["shared_rows"].as_u64(), stats["cache_hits"].as_u64()), (Some(1_000), Some(1_000)));

    let stats = ask(&venue, other.path(), &candles).stats();
    assert_eq!(
        (stats["shared_rows"].as_u64(), stats["cache_hits"].as_u64()),
        (Some(0), Some(1_000)),
        "{stats}"
    );
    venue.stop();
}

/// The pages that may be in flight, or arrived but not yet written, when a process is killed.
const LOST_BY_A_KILL: u64 = 20;

#[test]
fn machines_that_are_killed_one_after_the_other_leave_the_next_what_they_had() {
    let Some(server) = PostgresServer::shared() else { return };
    let venue = Venue::start(Scenario { ban: None, ..Scenario::default() });
    let begun = SystemClock.now().as_secs() / 60 - 10;
    let (from, to) = (Timestamp::from_secs((begun - 12_000) * 60), Timestamp::from_secs(begun * 60));
    let (from, to, store) = (from.to_string(), to.to_string(), server.url());
    let words = ["candles", "KRW-ETH", "1m", "--format", "csv", "--stats"];
    let args = [&words[..], &["--from", &from, "--to", &to, "--store", &store]].concat();
    // More than a burst each, so that some time has passed and pages have been written.
    for asked in [20, 45] {
        let machine = tempdir().unwrap();
        let mut fetch = venue.command(machine.path(), &args);
        let mut fetch = fetch.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        until(|| venue.candle_requests() >= asked);
        fetch.kill().unwrap();
        fetch.wait().unwrap();
    }
    let last = tempdir().unwrap();
    let said = venue.run(last.path(), &args);
    assert!(said.stats()["shared_rows"].as_u64() > Some(0), "{}", said.stats());
    assert!(venue.candle_requests() <= 60 + 2 * LOST_BY_A_KILL, "{}", venue.candle_requests());
    let trades = venue.emulator.tape().trades("KRW-ETH", (begun - 12_000) * 60_000, begun * 60_000);
    let prints =
        trades.iter().map(|trade| Print { ms: trade.time_ms, price: trade.price(), size: trade.size() });
    assert_same(&said.rows(), &fold(prints));

    // Nothing is left out: another machine has all of it at once.
    let other = tempdir().unwrap();
    let again = venue.run(other.path(), &args);
    assert_eq!((again.requests(), again.stdout == said.stdout), (0, true), "{}", again.stats());
    venue.stop();
}

#[test]
fn a_database_that_does_not_let_us_in_is_named_without_the_password() {
    let Some(server) = PostgresServer::shared() else { return };
    let data = tempdir().unwrap();
    let run = |store: &str| {
        let mut command = bare(&["candles", "KRW-BTC", "1m", "--store", store]);
        Said::of(command.arg("--data-dir").arg(data.path()).output().unwrap())
    };
    let refused = run(&server.tcp_url("not-the-horse"));
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("postgres://tester@127.0.0.1:"), "{refused:?}");
    let unreadable = run(&server.tcp_url(PASSWORD).replace("127.0.0.1:", "127.0.0.1:x"));
    assert_eq!(unreadable.code, Some(2), "{unreadable:?}");
    let misspelt = run(&format!("{}?pasword=not-the-horse", server.tcp_url(PASSWORD)));
    assert_eq!(misspelt.code, Some(2), "{misspelt:?}");
    assert!(misspelt.stderr.contains("pasword"), "{misspelt:?}");
    for said in [refused, unreadable, misspelt] {
        assert_eq!((said.stderr.lines().count(), said.stdout.as_str()), (1, ""), "{said:?}");
        assert!(!said.stderr.contains("not-the-horse") && !said.stderr.contains(PASSWORD), "{said:?}");
    }
}

#[test]
fn a_database_that_is_not_there_is_said_to_be_so_and_done_without() {
    let (venue, data) = (Venue::healthy(), tempdir().unwrap());
    // Port 9 is the discard port: nobody answers. It used to be an error.
    let store = "postgres://bob:s3cret@127.0.0.1:9/market";
    let said = ask(
        &venue,
        data.path(),
        &question("candles KRW-BTC 1m --format csv --stats", store, SystemClock.now()),
    );
    assert_eq!((said.rows().len(), said.requests()), (1_000, 5), "{said:?}");
    assert!(said.stderr.contains("postgres://bob@127.0.0.1:9/market cannot be reached"), "{said:?}");
    assert!(!said.stderr.contains("s3cret"), "{said:?}");
    // Commands on the database itself need no folder.
    let check = venue.run(data.path(), &["store", "check", "--store", store]);
    assert_eq!((check.code, check.stderr.contains("s3cret")), (Some(1), false), "{check:?}");
    venue.stop();
}

#[test]
fn what_is_forgotten_is_forgotten_in_the_database_too() {
    let Some(server) = PostgresServer::shared() else { return };
    let (venue, one, other) = (Venue::healthy(), tempdir().unwrap(), tempdir().unwrap());
    let store = server.url();
    let candles = question("candles KRW-ETH 3m --format csv --stats", &store, SystemClock.now());
    let first = ask(&venue, one.path(), &candles);
    assert!(first.requests() > 0);
    let forget = ["store", "forget", "KRW-ETH", "3m", "--store", &store, "--format", "json"];
    let forgot = venue.run(one.path(), &forget);
    let places: Vec<_> = forgot.stdout.lines().collect();
    assert_eq!((forgot.code, places.len()), (Some(0), 2), "{forgot:?}");
    assert!(places[0].contains("postgres://") && !places[0].contains(PASSWORD), "{places:?}");
    for place in places {
        let told: serde_json::Value = serde_json::from_str(place).unwrap();
        assert!(told["rows"].as_u64() >= Some(first.rows().len() as u64), "{told}");
    }
    // A machine that has never seen it does not find it there, and one that has asks again.
    for machine in [&other, &one] {
        let plan = question("plan KRW-ETH 3m --format json", &store, SystemClock.now());
        let plan: serde_json::Value =
            serde_json::from_str(&ask(&venue, machine.path(), &plan).stdout).unwrap();
        assert_eq!(plan["known"].as_u64(), Some(0), "{plan}");
    }
    venue.stop();
}
