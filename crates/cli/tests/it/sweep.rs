//! `sweep`: every pair that can cross, best first, each as `backtest` gives it.

use std::fs;

use serde_json::Value;
use tempfile::tempdir;

use crate::run::{Said, bare};

/// Waves with noise, long enough for many crossings.
fn waves(bars: i64) -> String {
    let close = |minute: i64| {
        let time = minute as f64;
        (1_000.0 + 80.0 * (time / 37.0).sin() + 15.0 * (time / 5.3).cos()).round()
    };
    let mut text = "timestamp,open,high,low,close,volume\n".to_owned();
    for minute in 1..=bars {
        let (open, close) = (close(minute - 1), close(minute));
        let (high, low) = (open.max(close), open.min(close));
        text += &format!("{},{open},{high},{low},{close},1\n", minute * 60_000);
    }
    text
}

fn json(args: &[&str]) -> Value {
    let said = Said::of(bare(args).output().unwrap());
    assert_eq!(said.code, Some(0), "{said:?}");
    serde_json::from_str(&said.stdout).unwrap()
}

#[test]
fn every_pair_is_run_and_the_best_comes_first() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("waves.csv");
    fs::write(&file, waves(3_000)).unwrap();
    let (bars, page) = (file.to_str().unwrap(), folder.path().join("heat.html"));
    let base = ["--bars", bars, "--fee", "0.0005", "--format", "json"];
    let sweep = [
        "sweep",
        "sma-cross",
        "--fast",
        "5..20:5",
        "--slow",
        "10..40:10",
        "--report",
        page.to_str().unwrap(),
    ];
    let swept = json(&[&sweep[..], &base].concat());
    // 4 × 4 pairs, without those whose fast window is not below the slow one: 10/10, 15/10, 20/10 and 20/20.
    let results = swept["results"].as_array().unwrap();
    assert_eq!((swept["runs"].as_u64(), results.len()), (Some(12), 12));
    let equity = |result: &Value| result["final_equity"].as_f64().unwrap();
    assert!(results.windows(2).all(|pair| equity(&pair[0]) >= equity(&pair[1])), "{results:?}");
    for result in [&results[0], &results[11]] {
        let windows = ["fast", "slow"].map(|name| result[name].to_string());
        let alone = ["backtest", "sma-cross", "--fast", &windows[0], "--slow", &windows[1]];
        let alone = json(&[&alone[..], &base].concat());
        for name in ["final_equity", "return", "sharpe", "max_drawdown", "trades", "fees"] {
            assert_eq!(result[name], alone[name], "{name} of {windows:?}");
        }
    }
    let html = fs::read_to_string(&page).unwrap();
    assert_eq!(html.matches("class=\"cell\"").count(), 12);
    assert!(!html.contains("http"), "a page that asks nobody");
}

#[test]
fn windows_are_chosen_on_bars_that_come_before_those_they_are_tried_on() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("waves.csv");
    fs::write(&file, waves(3_000)).unwrap();
    let base = ["--bars", file.to_str().unwrap(), "--fee", "0.0005", "--format", "json"];
    let args = ["sweep", "sma-cross", "--fast", "5..20:5", "--slow", "30..60:10", "--walk-forward", "3"];
    let walked = &json(&[&args[..], &base].concat())["walk_forward"];
    let folds = walked["folds"].as_array().unwrap();
    assert_eq!(folds.len(), 3);
    // 3000 bars in parts of 600: two to choose on before the first test, and tests to the end.
    assert_eq!(
        (folds[0]["from"].as_str(), folds[2]["to"].as_str()),
        (Some("1970-01-01T20:01:00Z"), Some("1970-01-03T02:01:00Z"))
    );
    assert!(folds.windows(2).all(|pair| pair[0]["to"] == pair[1]["from"]), "{folds:?}");
    let made: f64 = folds.iter().map(|fold| 1.0 + fold["return"].as_f64().unwrap()).product();
    assert!((walked["return"].as_f64().unwrap() - (made - 1.0)).abs() < 1e-12);
    let args =
        ["backtest", "sma-cross", "--fast", "5", "--slow", "30", "--monte-carlo", "200", "--seed", "7"];
    let shuffled = || json(&[&args[..], &base].concat())["monte_carlo"].clone();
    let once = shuffled();
    assert_eq!((&once, once["runs"].as_u64()), (&shuffled(), Some(200)), "a seed gives one result");
    let figure = |name: &str| once[name].as_f64().unwrap();
    assert!(
        figure("median_drawdown") <= figure("drawdown_95")
            && figure("drawdown_95") <= figure("worst_drawdown")
    );
}

#[test]
fn windows_that_cannot_cross_are_refused() {
    for (fast, slow, want) in
        [("50", "5..20", "no window of --fast is below"), ("5..", "20", "write it like 20, 5..50")]
    {
        let said = Said::of(
            bare(&["sweep", "sma-cross", "--bars", "x.csv", "--fee", "0", "--fast", fast, "--slow", slow])
                .output()
                .unwrap(),
        );
        assert!(said.code == Some(2) && said.stderr.contains(want), "{said:?}");
    }
}
