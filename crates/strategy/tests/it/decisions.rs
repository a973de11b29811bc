//! The decision log: equal runs write equal bytes, and the first difference is found.

use market_backbone_core::{CandleColumns, Grid};
use market_backbone_strategy::Decimal;
use market_backbone_strategy::backtest::{Backtest, BacktestConfig};
use market_backbone_strategy::builtin::{Sizing, SmaCross};
use market_backbone_strategy::decision::{JsonDecisionLog, first_divergence};
use market_backbone_strategy::runner::Runner;
use serde_json::Value;

use crate::next_open_broker::NextOpenBroker;
use crate::runner::{candle, series};

fn wave(bars: i64) -> CandleColumns {
    (0..bars).map(|minute| candle(minute, wave_at(minute - 1), wave_at(minute))).collect()
}

fn wave_at(minute: i64) -> f64 {
    (100.0 + 10.0 * (minute as f64 / 7.0).sin()).round()
}

fn log_of(candles: &CandleColumns) -> Vec<u8> {
    let strategy = SmaCross::new(series(), 2, 5, Sizing::Quantity(Decimal::ONE)).unwrap();
    let broker = NextOpenBroker::new(1_000, Decimal::new(5, 4));
    let runner = Runner::new(strategy, broker, Grid::Utc).with_log(JsonDecisionLog::new(Vec::new()));
    let mut backtest = Backtest::new(runner, BacktestConfig::default());
    backtest.bars(&series(), candles);
    backtest.finish_with_log().1.finish().unwrap()
}

#[test]
fn equal_input_gives_equal_bytes_and_no_clock_is_in_them() {
    let candles = wave(200);
    let log = log_of(&candles);
    assert_eq!(log, log_of(&candles));
    let lines: Vec<Value> =
        String::from_utf8(log).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.len() > 10, "{lines:?}");
    let first = &lines[0];
    assert_eq!((first["decision"].as_str(), first["on"]["kind"].as_str()), (Some("submit"), Some("bar")));
    // What was known: the bar whose close is the time of the decision.
    let minute = 60_000_000_000_i64;
    assert_eq!(first["time_ns"].as_i64().unwrap(), first["on"]["open_time_ns"].as_i64().unwrap() + minute);
    let fill = &lines[1];
    assert_eq!((fill["decision"].as_str(), fill["certainty"].as_str()), (Some("fill"), Some("proven")));
    assert_eq!(fill["at_ns"], first["time_ns"], "filled at the open of the next bar");
    assert!(lines.iter().all(|line| line.get("received").is_none() && line["on"].get("received").is_none()));
}

#[test]
fn the_first_difference_of_two_runs_is_the_bar_that_differed() {
    let candles = wave(200);
    let changed: CandleColumns = candles
        .iter()
        .map(|mut row| {
            if row.open_time.as_secs() == 75 * 60 {
                row.close += 40.0;
                row.high += 40.0;
            }
            row
        })
        .collect();
    let (left, right) = (log_of(&candles), log_of(&changed));
    let found = first_divergence(left.as_slice(), right.as_slice()).unwrap().unwrap();
    let time = |entry: &Option<Value>| entry.as_ref().unwrap()["time_ns"].as_i64().unwrap();
    assert!(time(&found.last_common) <= 76 * 60_000_000_000);
    assert!(time(&found.left).min(time(&found.right)) >= 76 * 60_000_000_000, "{found:?}");
    assert!(!found.fields.is_empty());
}
