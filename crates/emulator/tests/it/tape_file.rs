//! Recorded trades: the file is played as it is, and errors in it are reported.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use market_backbone_emulator::{Emulator, EmulatorClock, Scenario, TapeAlignment};
use tempfile::TempDir;

use crate::client::{Client, MINUTE, e8, get, instant};

const HEADER: &str = "trade_timestamp_ms,market,trade_price,trade_volume";
/// 2026-05-12T00:00:00Z.
const START: i64 = 1_778_544_000_000;

fn write(folder: &TempDir, text: &str) -> PathBuf {
    let path = folder.path().join("tape.csv");
    std::fs::write(&path, text).unwrap();
    path
}

fn small_tape() -> String {
    let rows = [
        (500, "KRW-AAA", "61.0", "17556.74238256"),
        (500, "KRW-AAA", "61.5", "2"),
        (500, "KRW-BBB", "0.0001234", "1000000.5"),
        (1_200, "KRW-AAA", "60.9", "0.00000001"),
        (61_000, "KRW-AAA", "62", "1.5"),
        (600_000, "KRW-BBB", "0.0001235", "3"),
    ];
    let rows = rows.map(|(ms, market, price, size)| format!("{},{market},{price},{size}\n", START + ms));
    format!("{HEADER}\n{}", rows.concat())
}

fn scenario(path: &Path, now_ms: i64) -> Scenario {
    Scenario {
        tape: Some(path.to_owned()),
        clock: EmulatorClock::manual(now_ms),
        ban: None,
        ..Scenario::default()
    }
}

#[tokio::test]
async fn trades_happen_when_they_were_recorded() {
    let folder = TempDir::new().unwrap();
    let path = write(&folder, &small_tape());
    let packed = folder.path().join("tape.csv.gz");
    let mut encoder = GzEncoder::new(std::fs::File::create(&packed).unwrap(), Compression::default());
    encoder.write_all(small_tape().as_bytes()).unwrap();
    encoder.finish().unwrap();
    for path in [path, packed] {
        let venue = Emulator::start(scenario(&path, START + 10 * MINUTE)).await.unwrap();
        assert_eq!(venue.tape().markets(), ["KRW-AAA", "KRW-BBB"]);
        let ids: Vec<i64> =
            venue.tape().trades("KRW-AAA", 0, i64::MAX).iter().map(|t| t.id - START * 10_000).collect();
        assert_eq!(ids, [5_000_000, 5_000_001, 12_000_000, 610_000_000]);
        let rows = get(&venue, "/v1/candles/minutes/1?market=KRW-AAA&count=200").await.rows();
        let opens: Vec<&str> = rows.iter().map(|row| row["candle_date_time_utc"].as_str().unwrap()).collect();
        assert_eq!(opens, ["2026-05-12T00:01:00", "2026-05-12T00:00:00"]);
        assert_eq!(e8(&rows[1]["high_price"]), 6_150_000_000);
        assert_eq!(e8(&rows[1]["candle_acc_trade_volume"]), 1_755_874_238_257);
        let ticks = get(&venue, "/v1/trades/ticks?market=KRW-BBB&count=9").await.rows();
        assert_eq!(ticks.len(), 2);
    }
}

#[tokio::test]
async fn a_tape_can_be_played_live() {
    let folder = TempDir::new().unwrap();
    let live_now = START + 100 * MINUTE;
    let live = scenario(&write(&folder, &small_tape()), live_now);
    let clock = live.clock.clone();
    let venue = Emulator::start(Scenario { tape_start: TapeAlignment::Now, ..live }).await.unwrap();
    let first = venue.tape().trades("KRW-AAA", 0, i64::MAX)[0];
    assert_eq!((first.time_ms, first.id), (live_now, live_now * 10_000));
    let mut client = Client::connect(&venue).await;
    client.say(r#"[{"ticket":"t"},{"type":"trade","codes":["KRW-AAA"],"is_only_realtime":true}]"#).await;
    assert!(client.frames_until_fence().await.is_empty());
    clock.advance(2_000);
    for price in [61.0, 61.5, 60.9] {
        assert_eq!(client.frame().await["trade_price"], price);
    }
}

#[tokio::test]
async fn a_bad_row_is_named_by_its_line() {
    let folder = TempDir::new().unwrap();
    for (text, want) in [
        ("", None),
        ("time,market\n", Some("line 1: expected the header")),
        (&format!("{HEADER}\n{START},KRW-AAA,1\n"), Some("line 2: expected 4 fields, found 3")),
        (&format!("{HEADER}\n{START},KRW-AAA,1,1\nx,KRW-AAA,1,1\n"), Some(r#"line 3: "x" is no time in ms"#)),
        (&format!("{HEADER}\n{START},KRWAAA,1,1\n"), Some(r#"line 2: "KRWAAA" is no market"#)),
        (&format!("{HEADER}\n{START},KRW-AAA,-1,1\n"), Some(r#"line 2: "-1" is no price"#)),
        (&format!("{HEADER}\n{START},KRW-AAA,1,0\n"), Some(r#"line 2: "0" is no volume"#)),
        (&format!("{HEADER}\n{START},KRW-AAA,1,0.000000001\n"), Some("line 2:")),
    ] {
        let started = Emulator::start(scenario(&write(&folder, text), START)).await;
        match want {
            None => assert!(started.unwrap().tape().markets().is_empty()),
            Some(want) => {
                let error = started.unwrap_err().to_string();
                assert!(error.contains(want), "{error}");
            }
        }
    }
    let missing = Emulator::start(scenario(&folder.path().join("nope.csv"), START)).await.unwrap_err();
    assert!(missing.to_string().contains("nope.csv") && missing.source().is_some(), "{missing}");
}

#[tokio::test]
async fn recorded_markets_fold_to_the_candles_that_are_served() {
    let fixtures = std::env::var_os("MARKET_BACKBONE_FIXTURES").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures"),
        PathBuf::from,
    );
    let path = fixtures.join("upbit/trades_krw_2026-05-12_13.csv.gz");
    let Ok(file) = std::fs::File::open(&path) else {
        // Past the test harness, which shows what a test prints only where it fails.
        let _ = std::io::stderr().write_all(b"\nskipped: fixtures not found\n");
        return;
    };
    let mut text = String::new();
    GzDecoder::new(file).read_to_string(&mut text).unwrap();
    let mut minutes: BTreeMap<&str, BTreeMap<i64, (f64, usize)>> = BTreeMap::new();
    let mut last_ms = 0;
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let ms: i64 = fields[0].parse().unwrap();
        let minute = minutes.entry(fields[1]).or_default().entry(ms - ms % MINUTE).or_default();
        *minute = (fields[2].parse().unwrap(), minute.1 + 1);
        last_ms = last_ms.max(ms);
    }
    let venue = Emulator::start(scenario(&path, last_ms)).await.unwrap();
    assert_eq!(venue.tape().markets().len(), minutes.len());
    let total: usize = minutes.keys().map(|market| venue.tape().trades(market, 0, i64::MAX).len()).sum();
    assert_eq!(total, text.lines().count() - 1);
    for (market, want) in minutes.iter().step_by(9) {
        let path = format!("/v1/candles/minutes/1?market={market}&count=200");
        let rows = get(&venue, &path).await.rows();
        let got: Vec<(i64, f64)> = rows
            .iter()
            .map(|row| {
                (instant(row["candle_date_time_utc"].as_str().unwrap()), row["trade_price"].as_f64().unwrap())
            })
            .collect();
        let want: Vec<(i64, f64)> =
            want.iter().rev().take(200).map(|(open, (close, _))| (*open, *close)).collect();
        assert_eq!(got, want, "{market}");
    }
}
