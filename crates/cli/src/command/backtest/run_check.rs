//! `backtest --check`: no decision depends on what came after it, and the warm-up is long enough.

use std::io;

use market_backbone::CandleColumns;
use market_backbone::strategy::backtest::{LookAhead, WarmUpOutcome, check_rows, look_ahead, warm_up};
use market_backbone::strategy::decision::JsonDecisionLog;
use serde_json::{Value, json};

use super::SmaCrossRun;
use crate::args::BacktestArgs;

/// How many times each check runs the strategy.
const CHECKS: usize = 5;

/// What the checks found.
#[derive(Debug)]
pub(super) struct CheckedRun {
    rows: usize,
    warm_up_bars: usize,
    look_ahead: Option<LookAhead>,
    warm_up: WarmUpOutcome,
}

pub(super) fn check(run: &SmaCrossRun<'_>, args: &BacktestArgs) -> anyhow::Result<CheckedRun> {
    let decide = |candles: &CandleColumns| {
        let log = JsonDecisionLog::new(Vec::new());
        run.decisions(args.fast, args.slow, log, candles).map_err(io::Error::other)
    };
    let (data, candles) = (run.data(), run.candles());
    let rows = check_rows(candles.len(), CHECKS);
    // The first average, and one more bar to see it cross.
    let warm_up_bars = args.slow + 1;
    Ok(CheckedRun {
        rows: rows.len(),
        warm_up_bars,
        look_ahead: look_ahead((&data.series, data.grid), candles, rows.clone(), decide)?,
        warm_up: warm_up((&data.series, data.grid, warm_up_bars), candles, rows, decide)?,
    })
}

impl CheckedRun {
    pub(super) fn to_json(&self) -> Value {
        let looked =
            self.look_ahead.as_ref().map(|found| json!({ "row": found.row, "line": found.divergence.line }));
        let warmed = match &self.warm_up {
            WarmUpOutcome::Agrees { compared } => json!({ "ok": true, "compared": compared }),
            WarmUpOutcome::Differs { began, order } => json!({ "ok": false, "began": began, "order": order }),
        };
        json!({
            "runs": self.rows,
            "look_ahead": { "ok": looked.is_none(), "found": looked },
            "warm_up_bars": self.warm_up_bars,
            "warm_up": warmed,
        })
    }

    pub(super) fn to_text(&self) -> String {
        let looked = match &self.look_ahead {
            None => format!("none: {} runs with noise after a bar decided the same before it", self.rows),
            Some(found) => format!("FOUND at bar {}: a decision changed with what came after it", found.row),
        };
        let warmed = match &self.warm_up {
            WarmUpOutcome::Agrees { compared } => {
                format!(
                    "enough: {compared} runs that began later decided the same after {} bars",
                    self.warm_up_bars
                )
            }
            WarmUpOutcome::Differs { began, order } => {
                format!("TOO SHORT: the run that began at bar {began} differs in {order}")
            }
        };
        format!("\nlook-ahead    {looked}\nwarm-up       {warmed}")
    }

    pub(super) fn into_result(self) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.look_ahead.is_none(),
            "the check found a decision that depends on what came after it"
        );
        anyhow::ensure!(
            matches!(self.warm_up, WarmUpOutcome::Agrees { .. }),
            "the check found that the warm-up is too short"
        );
        Ok(())
    }
}
