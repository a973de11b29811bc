//! The rival over the same candles: a program that `wickra.sh` builds in a folder of its own.

use std::fmt::Write as _;
use std::process::Command;

use anyhow::Context as _;
use market_backbone::CandleColumns;

/// Runs the program that `WICKRA` names over `candles`, and returns the seconds of its fastest run.
pub(crate) fn seconds(candles: &CandleColumns) -> anyhow::Result<Option<f64>> {
    let Some(program) = std::env::var_os("WICKRA") else { return Ok(None) };
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("candles.csv");
    let mut text = String::with_capacity(candles.len() * 64);
    for row in candles {
        let millis = row.open_time.as_millis();
        writeln!(text, "{millis},{},{},{},{},{}", row.open, row.high, row.low, row.close, row.volume)?;
    }
    std::fs::write(&file, text)?;
    let output = Command::new(&program).arg(&file).output().context("the program that WICKRA names")?;
    let said = String::from_utf8_lossy(&output.stdout);
    print_report(&said);
    let last = said.split_whitespace().last().context("the program that WICKRA names printed nothing")?;
    Ok(Some(last.parse().context("the last word of the program that WICKRA names is no number")?))
}

#[expect(clippy::print_stdout, reason = "a bench says what it measured")]
fn print_report(said: &str) {
    for line in said.lines() {
        println!("  wickra: {line}");
    }
}
