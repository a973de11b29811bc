//! Windows that are chosen on a stretch of bars and tried on the next one, which nobody has seen before.

use std::num::NonZero;

use market_backbone::Timestamp;
use market_backbone::strategy::backtest::{WalkForwardSplit, sweep, walk_forward};
use market_backbone::strategy::decimals::nearest;
use serde_json::{Value, json};

use super::super::backtest::SmaCrossRun;

/// How many times as long as a test the stretch is on which windows are chosen.
const TRAIN_TESTS: NonZero<usize> = NonZero::new(2).expect("two is not zero");

/// The folds of a walk, and what they make together.
#[derive(Debug)]
pub(super) struct Walked(Vec<WalkedFold>);

#[derive(Debug)]
struct WalkedFold {
    from: Timestamp,
    to: Timestamp,
    fast: usize,
    slow: usize,
    train_gain: f64,
    test_gain: f64,
    trades: u64,
}

/// Walks through the bars.
pub(super) fn walk(
    run: &SmaCrossRun<'_>,
    pairs: &[(usize, usize)],
    folds: NonZero<usize>,
    threads: NonZero<usize>,
) -> anyhow::Result<Walked> {
    let bars = run.candles().len();
    let splits = walk_forward(bars, folds, TRAIN_TESTS);
    anyhow::ensure!(
        !splits.is_empty(),
        "{bars} bars are too few for --walk-forward {folds}: use fewer, or more bars"
    );
    let walked: anyhow::Result<Vec<_>> =
        splits.iter().map(|split| walked_fold(run, pairs, split, threads)).collect();
    Ok(Walked(walked?))
}

fn walked_fold(
    run: &SmaCrossRun<'_>,
    pairs: &[(usize, usize)],
    split: &WalkForwardSplit,
    threads: NonZero<usize>,
) -> anyhow::Result<WalkedFold> {
    let gain = |(fast, slow): &(usize, usize)| -> anyhow::Result<f64> {
        Ok(run.report_of(*fast, *slow, split.train.clone())?.total_return.unwrap_or(f64::NEG_INFINITY))
    };
    let gains: anyhow::Result<Vec<f64>> = sweep(pairs, threads, gain, |_| {}).into_iter().collect();
    let best = gains?.into_iter().zip(pairs).max_by(|one, other| one.0.total_cmp(&other.0));
    let Some((train_gain, (fast, slow))) = best else { anyhow::bail!("there are no windows to choose from") };
    let report = run.report_of(*fast, *slow, split.test.clone())?;
    let (from, to) = (report.begin, report.end);
    let test_gain = nearest(report.final_equity) / nearest(report.initial_equity) - 1.0;
    Ok(WalkedFold { from, to, fast: *fast, slow: *slow, train_gain, test_gain, trades: report.trades.count })
}

impl Walked {
    /// The gain of all tests one after the other.
    fn gain(&self) -> f64 {
        self.0.iter().map(|fold| 1.0 + fold.test_gain).product::<f64>() - 1.0
    }

    pub(super) fn to_json(&self) -> Value {
        let fold = |fold: &WalkedFold| {
            json!({
                "from": fold.from.to_string(), "to": fold.to.to_string(), "fast": fold.fast, "slow": fold.slow,
                "train_return": fold.train_gain, "return": fold.test_gain, "trades": fold.trades,
            })
        };
        json!({ "return": self.gain(), "folds": self.0.iter().map(fold).collect::<Vec<_>>() })
    }

    pub(super) fn to_text(&self) -> String {
        let mut text = "\nwalk-forward: chosen on the bars before, tried on".to_owned();
        for fold in &self.0 {
            text += &format!(
                "\n{} to {}: {}/{}, chosen for {:+.2} %, made {:+.2} % in {} trades",
                fold.from,
                fold.to,
                fold.fast,
                fold.slow,
                fold.train_gain * 100.0,
                fold.test_gain * 100.0,
                fold.trades
            );
        }
        text + &format!("\nall tests one after the other: {:+.2} %", self.gain() * 100.0)
    }
}
