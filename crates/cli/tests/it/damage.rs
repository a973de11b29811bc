//! Damage on the disk and a full disk, as a user meets them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use market_backbone::{Clock, SystemClock, Timestamp};
use serde_json::Value;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use tempfile::tempdir;

use crate::run::{Said, Venue, bare};

fn shard(data: &Path) -> PathBuf {
    data.join("upbit/shard-0000.db")
}

fn store(data: &Path, args: &[&str]) -> Said {
    Said::of(bare(&[&["store"], args].concat()).arg("--data-dir").arg(data).output().unwrap())
}

/// Two thousand minutes that ended so long ago that all of them are final.
fn ask(venue: &Venue, data: &Path, end: &str) -> Said {
    let args = [
        "candles", "KRW-BTC", "1m", "--count", "2000", "--to", end, "--closed", "--format", "csv", "--stats",
    ];
    venue.run(data, &[&args[..], &["--same-as", "upbit"]].concat())
}

fn end() -> String {
    Timestamp::from_secs(SystemClock.now().as_secs() / 60 * 60 - 120).to_string()
}

fn change(data: &Path, sql: &'static str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut conn = SqliteConnectOptions::new().filename(shard(data)).connect().await.unwrap();
        sqlx::raw_sql(sql).execute(&mut conn).await.unwrap();
        conn.close().await.unwrap();
    });
}

fn break_pages(data: &Path) {
    let mut bytes = fs::read(shard(data)).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 16_384].fill(0xA5);
    fs::write(shard(data), bytes).unwrap();
}

#[test]
fn candles_that_are_damaged_are_asked_for_again_and_returned_right() {
    let spoils: [Spoil; 3] = [
        |data| change(data, "UPDATE candles_KRW_BTC_1m SET close = close * 2 WHERE timestamp % 7200000 = 0"),
        break_pages,
        |data| fs::write(shard(data), "rubbish ".repeat(5_000)).unwrap(),
    ];
    for (case, spoil) in spoils.into_iter().enumerate() {
        let (venue, data, end) = (Venue::healthy(), tempdir().unwrap(), end());
        let sound = ask(&venue, data.path(), &end).rows();
        assert_eq!(sound.len(), 2_000);
        spoil(data.path());
        let said = ask(&venue, data.path(), &end);
        assert_eq!(said.rows(), sound, "{case}");
        assert!(said.requests() > 0 && said.stderr.contains("damaged"), "{case}: {}", said.stderr);
        let again = ask(&venue, data.path(), &end);
        assert_eq!((again.requests(), again.rows()), (0, sound), "{case}: it is kept");
        let checked = store(data.path(), &["check"]);
        assert_eq!(checked.stdout, "no issues found\n", "{case}");
        venue.stop();
    }
}

/// What is done to a data folder.
type Spoil = fn(&Path);

#[test]
fn a_check_names_damage_and_a_repair_ends_clean() {
    let spoils: [(Spoil, &str); 2] = [
        (
            |data| {
                change(data, "UPDATE candles_KRW_BTC_1m SET high = high + 1 WHERE timestamp % 7200000 = 0")
            },
            "damaged",
        ),
        (break_pages, "file"),
    ];
    for (spoil, flaw) in spoils {
        let (venue, data, end) = (Venue::healthy(), tempdir().unwrap(), end());
        let sound = ask(&venue, data.path(), &end).rows();
        spoil(data.path());
        for _ in 0..2 {
            let found = store(data.path(), &["check", "--format", "json"]);
            assert_eq!(found.code, Some(1), "{found:?}");
            let first: Value = serde_json::from_str(found.stdout.lines().next().unwrap()).unwrap();
            assert_eq!(first["flaw"], flaw, "{found:?}");
        }
        let repaired = venue.run(data.path(), &["store", "check", "--repair", "--same-as", "upbit"]);
        assert_eq!(repaired.code, Some(0), "{repaired:?}");
        assert_eq!(store(data.path(), &["check"]).code, Some(0));
        assert_eq!(ask(&venue, data.path(), &end).rows(), sound, "{flaw}");
        venue.stop();
    }
}

/// Needs a system where file systems can be mounted; elsewhere it has nothing to test.
#[test]
fn a_vacuum_without_room_on_the_disk_fails_and_says_where() {
    if !Command::new("unshare").args(["-m", "true"]).status().is_ok_and(|status| status.success()) {
        return;
    }
    let (venue, data, small) = (Venue::healthy(), tempdir().unwrap(), tempdir().unwrap());
    assert_eq!(ask(&venue, data.path(), &end()).rows().len(), 2_000);
    venue.stop();
    change(
        data.path(),
        "CREATE TABLE filler (bytes BLOB);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
         INSERT INTO filler SELECT zeroblob(3900) FROM n;
         DELETE FROM filler WHERE rowid <= 50",
    );
    // The folder fits, what VACUUM writes does not.
    let script = "mount -t tmpfs -o size=5m tmpfs \"$2\" && cp -r \"$1\"/. \"$2\" && shift && \"$2\" store vacuum --data-dir \"$1\"";
    let program = env!("CARGO_BIN_EXE_market-backbone");
    let vacuum = Command::new("unshare")
        .args(["-m", "sh", "-c", script, "sh"])
        .args([data.path(), small.path(), Path::new(program)])
        .output()
        .unwrap();
    let said = Said::of(vacuum);
    if said.stderr.contains("mount:") {
        return;
    }
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.stderr.contains("no space left") && said.stderr.contains("shard-0000.db"), "{said:?}");
}
