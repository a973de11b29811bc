//! `scores`: every score with its parts and reasons, once or each second, from the emulator.

use market_backbone_emulator::Scenario;
use serde_json::Value;
use tempfile::tempdir;

use crate::run::Venue;

#[test]
fn scores_come_with_parts_reasons_and_profiles() {
    let data = tempdir().unwrap();
    let venue = Venue::start(Scenario::default());
    let said = venue.run(data.path(), &["scores", "KRW-BTC", "KRW-ETH", "--format", "json"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let rows: Vec<Value> = said.stdout.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let markets: Vec<_> = rows.iter().map(|row| row["market"].as_str().unwrap()).collect();
    assert_eq!(markets, ["KRW-BTC", "KRW-ETH"]);
    for row in &rows {
        let v3 = row["accumulation"]["v3"].as_f64().unwrap();
        let ignition = row["ignition"]["score"].as_f64().unwrap();
        assert!((0.0..=100.0).contains(&v3) && (0.0..=100.0).contains(&ignition), "{row}");
        assert_eq!(
            (&row["accumulation"]["profile"], &row["ignition"]["profile"]),
            (&"pinpoint".into(), &"ramps".into())
        );
        assert_eq!(row["accumulation"]["is_complete"], true, "{row}");
        assert_eq!(row["ignition"]["parts"]["price_break"]["reason"], "measured", "{row}");
        // The book, the ticker's average price, and no opening to wait for.
        assert_ne!(row["anti_trap"]["outcome"], "unknown", "{row}");
        assert!(row["vwap"].as_f64().is_some() && row["atr"].as_f64().is_some(), "{row}");
        assert!(row["zen"]["zen_v"].as_f64().is_some(), "{row}");
    }
    let said = venue
        .run(data.path(), &["scores", "KRW-BTC", "--ignition", "legacy", "--accumulation", "refactored"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    for word in
        ["KRW-BTC", "accumulation  V1", "tick_velocity", "[legacy@", "[refactored@", "traps", "zen  V"]
    {
        assert!(said.stdout.contains(word), "{word}: {}", said.stdout);
    }
    venue.stop();
}

#[test]
fn a_watch_prints_each_second_until_it_ends() {
    let data = tempdir().unwrap();
    let venue = Venue::start(Scenario::default());
    let said = venue.run(data.path(), &["scores", "KRW-BTC", "--watch", "--for", "6s", "--format", "json"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let times: Vec<i64> = said
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect(line)["timestamp"].as_i64().unwrap())
        .collect();
    assert!(times.len() >= 2 && times.windows(2).all(|pair| pair[0] <= pair[1]), "{times:?}");
    venue.stop();
}

#[test]
fn a_market_that_is_not_listed_is_named() {
    let data = tempdir().unwrap();
    let venue = Venue::start(Scenario::default());
    let said = venue.run(data.path(), &["scores", "KRW-NONE"]);
    assert_eq!((said.code, said.stdout.as_str()), (Some(1), ""), "{said:?}");
    assert!(said.stderr.contains("KRW-NONE"), "{}", said.stderr);
    venue.stop();
}
