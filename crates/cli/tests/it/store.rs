//! `store …`: statistics, integrity and size of a data folder, in use or not.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use market_backbone::{Clock, SystemClock, Timestamp};
use serde_json::Value;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection, Row};
use tempfile::tempdir;

use crate::run::{Said, Venue, bare};

fn store(data: &Path, args: &[&str]) -> Said {
    Said::of(bare(args).arg("--data-dir").arg(data).output().unwrap())
}

fn objects(said: &Said) -> Vec<Value> {
    said.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// 600 minutes, in `data`. They ended so long ago that all of them are final, and stored.
fn fetch(venue: &Venue, data: &Path) {
    let end = Timestamp::from_secs(SystemClock.now().as_secs() / 60 * 60 - 120).to_string();
    let args = ["candles", "KRW-BTC", "1m", "--count", "600", "--to", &end, "--closed", "--format", "csv"];
    let args = [&args[..], &["--same-as", "upbit"]].concat();
    assert_eq!(venue.run(data, &args).rows().len(), 600);
}

#[test]
fn stats_say_what_is_stored_with_or_without_somebody_using_it() {
    let (venue, data) = (Venue::healthy(), tempdir().unwrap());
    fetch(&venue, data.path());
    let check = || {
        let said = store(data.path(), &["store", "stats", "--series", "--format", "json"]);
        assert_eq!(said.code, Some(0), "{said:?}");
        let all = objects(&said);
        let (series, total) = (&all[1], all.last().unwrap());
        assert_eq!((series["symbol"].as_str(), series["rows"].as_u64()), (Some("KRW-BTC"), Some(600)));
        assert_eq!((total["kind"].as_str(), total["rows"].as_u64()), (Some("total"), Some(600)));
        assert!(total["bytes"].as_u64() > Some(600 * 40), "{total}");
    };
    check();
    let mut holder = venue
        .command(data.path(), &["watch", "KRW-BTC", "--format", "json"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(holder.stdout.as_mut().unwrap()).read_line(&mut first).unwrap();
    check();
    let checked = store(data.path(), &["store", "check"]);
    let vacuum = store(data.path(), &["store", "vacuum"]);
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert_eq!((checked.code, checked.stdout.as_str()), (Some(0), "no issues found\n"));
    assert_eq!(vacuum.code, Some(0), "{vacuum:?}");
    let table = store(data.path(), &["store", "stats"]);
    assert!(table.stdout.contains("shard-0000.db") && table.stdout.contains("600"), "{table:?}");
    venue.stop();
}

#[test]
fn looking_into_a_folder_without_a_store_makes_none() {
    let data = tempdir().unwrap();
    let nowhere = data.path().join("nowhere");
    for command in ["stats", "check", "seal", "vacuum"] {
        let said = store(&nowhere, &["store", command]);
        assert_eq!((said.code, said.stdout.as_str()), (Some(1), ""));
        assert!(
            said.stderr.contains("no candles are stored in") && said.stderr.contains("nowhere"),
            "{said:?}"
        );
    }
    assert!(!nowhere.exists());
}

#[test]
fn vacuum_says_what_it_gave_back() {
    let (venue, data) = (Venue::healthy(), tempdir().unwrap());
    fetch(&venue, data.path());
    damage(data.path(), "DELETE FROM candles_KRW_BTC_1m WHERE timestamp % 600000 != 0");
    let said = store(data.path(), &["store", "vacuum", "--format", "json"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let total = objects(&said).pop().unwrap();
    assert!(total["bytes_after"].as_u64() <= total["bytes_before"].as_u64(), "{total}");
    assert!(total["freed_bytes"].as_u64() > Some(0), "{total}");
    venue.stop();
}

#[test]
fn what_cannot_be_true_is_said_with_what_mends_it_and_mended_when_asked() {
    let (venue, data) = (Venue::healthy(), tempdir().unwrap());
    fetch(&venue, data.path());
    let sound = store(data.path(), &["store", "check"]);
    assert_eq!((sound.code, sound.stdout.as_str()), (Some(0), "no issues found\n"));
    let whole = export(data.path());
    damage(
        data.path(),
        "UPDATE candles_KRW_BTC_1m SET high = low - 1 \
         WHERE timestamp = (SELECT timestamp FROM candles_KRW_BTC_1m ORDER BY timestamp LIMIT 1 OFFSET 300); \
         INSERT INTO unsealed SELECT series FROM seal; DELETE FROM seal; DELETE FROM block_sum",
    );
    let found = store(data.path(), &["store", "check", "--format", "json"]);
    assert_eq!(found.code, Some(1), "{found:?}");
    assert_eq!(found.stderr, "error: the store has 1 issue\n");
    let lines = objects(&found);
    assert_eq!(lines[0]["flaw"], "impossible");
    assert_eq!((lines[1]["slots"].as_u64(), lines[1]["requests"].as_u64()), (Some(1), Some(1)));

    let before = venue.candle_requests();
    let mended = venue.run(data.path(), &["store", "check", "--repair", "--same-as", "upbit"]);
    assert_eq!(mended.code, Some(0), "{mended:?}");
    assert!(mended.stdout.contains("at most 1 requests"), "{mended:?}");
    assert_eq!(venue.candle_requests() - before, 1);
    assert_eq!(store(data.path(), &["store", "check"]).code, Some(0));
    assert_eq!(export(data.path()), whole, "as it was before");
    venue.stop();
}

/// As version 3 would have left it after an answer that was empty by mistake: nothing is known to be older than what
/// `proven` says of the oldest row.
fn make_old(data: &Path, proven: &str) {
    let sql = format!(
        "DROP TABLE claim; DROP TABLE lone_witness; DROP TABLE last_commit; DROP TABLE block_sum; DROP \
         TABLE seal; \
         DROP TABLE sealed_segment; DROP TABLE unsealed; DROP TABLE layout; \
         UPDATE coverage SET from_ns = {proven}; PRAGMA user_version = 3"
    );
    damage(data, &sql);
}

#[test]
fn a_past_that_an_older_version_believed_empty_on_one_answers_word_is_found_and_asked_about() {
    // All of it, by a question for the newest so many; two hours, by one for a range.
    for (proven, requests) in [(i64::MIN.to_string(), 2), (format!("from_ns - {}", 7_200_000_000_000_i64), 1)]
    {
        let (venue, data) = (Venue::healthy(), tempdir().unwrap());
        fetch(&venue, data.path());
        make_old(data.path(), &proven);
        // Migrated by the first process that opens it for writing.
        let migrated = store(data.path(), &["store", "vacuum"]);
        assert_eq!(migrated.code, Some(0), "{migrated:?}");
        let found = objects(&store(data.path(), &["store", "check", "--format", "json"]));
        assert_eq!((found.len(), found[0]["flaw"].as_str()), (2, Some("lone_witness")), "{found:?}");
        assert_eq!(found[1]["requests"].as_u64(), Some(requests), "{found:?}");

        let before = venue.candle_requests();
        let mended = venue.run(data.path(), &["store", "check", "--repair", "--same-as", "upbit"]);
        assert_eq!(mended.code, Some(0), "{mended:?}");
        assert!(venue.candle_requests() - before <= requests);
        assert_eq!(store(data.path(), &["store", "check"]).code, Some(0));
        let all = [
            "candles",
            "KRW-BTC",
            "1m",
            "--count",
            "2000",
            "--closed",
            "--format",
            "csv",
            "--same-as",
            "upbit",
        ];
        assert_eq!(venue.run(data.path(), &all).rows().len(), 2_000, "{proven}");
        venue.stop();
    }
}

/// Every value of the one table.
fn export(data: &Path) -> Vec<(i64, [f64; 6])> {
    in_shard(data, async |conn| {
        let rows = sqlx::query("SELECT * FROM candles_KRW_BTC_1m ORDER BY timestamp").fetch_all(conn).await?;
        rows.iter()
            .map(|row| {
                let mut figures = [0.0; 6];
                for (column, figure) in (1..).zip(&mut figures) {
                    *figure = row.try_get(column)?;
                }
                Ok((row.try_get(0)?, figures))
            })
            .collect()
    })
}

/// Behind the store's back.
fn damage(data: &Path, sql: &str) {
    in_shard(data, async |conn| {
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).execute(conn).await.map(|_| ())
    });
}

fn in_shard<T>(data: &Path, task: impl AsyncFnOnce(&mut SqliteConnection) -> Result<T, sqlx::Error>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let file = SqliteConnectOptions::new().filename(data.join("upbit/shard-0000.db"));
        let mut conn = file.connect().await.unwrap();
        let done = task(&mut conn).await.unwrap();
        conn.close().await.unwrap();
        done
    })
}

#[test]
fn what_is_forgotten_is_asked_for_anew_and_nothing_else() {
    let (venue, data) = (Venue::healthy(), tempdir().unwrap());
    fetch(&venue, data.path());
    let said = store(data.path(), &["store", "stats", "--series", "--format", "json"]);
    let newest = venue
        .run(
            data.path(),
            &["candles", "KRW-BTC", "1m", "--count", "600", "--format", "csv", "--same-as", "upbit"],
        )
        .rows();
    assert!(said.stdout.contains("KRW-BTC"), "{said:?}");
    let moment = |row: usize| Timestamp::from_millis(newest[row].timestamp).to_string();
    let (from, to) = (moment(100), moment(150));
    let ask = |from: &str, to: &str| {
        let wanted = ["candles", "KRW-BTC", "1m", "--from", from, "--to", to, "--format", "csv", "--stats"];
        let wanted = [&wanted[..], &["--same-as", "upbit"]].concat();
        venue.run(data.path(), &wanted)
    };
    let before = ask(&from, &to);
    assert_eq!(before.requests(), 0);
    let rows = before.rows().len();

    let forgot = store(data.path(), &["store", "forget", "btc/krw", "1m", "--from", &from, "--to", &to]);
    assert_eq!(forgot.code, Some(0), "{forgot:?}");
    assert!(forgot.stdout.contains(&format!("forgot {rows} candles of KRW-BTC 1m")), "{forgot:?}");
    assert_eq!(ask(&moment(151), &moment(590)).requests(), 0, "the rest is known as before");
    let again = ask(&from, &to);
    assert_eq!((again.requests(), again.rows()), (1, before.rows()));

    let all = store(data.path(), &["store", "forget", "KRW-BTC", "1m", "--yes", "--format", "json"]);
    let told = &objects(&all)[0];
    assert_eq!((told["kind"].as_str(), told["from"].is_null()), (Some("forgotten"), true), "{told}");
    assert!(told["rows"].as_u64() >= Some(600), "{told}");
    assert!(ask(&from, &to).requests() > 0);
    for args in [["KRW-ETH", "1m"], ["KRW-BTC", "5m"]] {
        let nothing = store(data.path(), &[&["store", "forget"], &args[..]].concat());
        assert_eq!(nothing.code, Some(1));
        assert!(nothing.stderr.contains(&format!("nothing is stored of {}", args.join(" "))), "{nothing:?}");
    }
    let backwards = store(data.path(), &["store", "forget", "KRW-BTC", "1m", "--from", &to, "--to", &from]);
    assert_eq!(backwards.code, Some(2), "{backwards:?}");
    venue.stop();
}
