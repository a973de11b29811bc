//! A million one-minute candles folded into hours, beside polars' `group_by_dynamic` of the same rows in the same run.
//!
//! `MARKET_BACKBONE_PYTHON=target/parquet-venv/bin/python cargo bench -p market-backbone-benches --bench derive`.
//! Without a Python that has polars, only our own figure is printed.
#![expect(clippy::print_stdout, reason = "a bench says what it measured")]
#![expect(clippy::disallowed_methods, reason = "a bench measures time, and is told where the peer is")]

use std::fs::File;
use std::hint::black_box;
use std::io::BufWriter;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use market_backbone::{
    Candle, CandleColumns, CandleSet, Fill, Grid, Series, Symbol, Timeframe, Timestamp, UPBIT, write_arrow,
};

const MINUTES: i64 = 1_000_000;
const ROUNDS: usize = 9;
const PEER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/derive_others.py");

/// Minutes as a venue sends them: amounts are decimals of eight places, one slot in fifty had no trade.
fn minutes(count: i64) -> CandleColumns {
    let mut random = 7_u64;
    let mut next = move || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as f64
    };
    let candle = |number: i64| {
        let price = 90_000_000.0 + (next() % 1e6);
        let volume = (next() % 1e9) / 1e8;
        Candle {
            open_time: Timestamp::from_secs(1_700_000_040 + number * 60),
            open: price,
            high: price + next() % 1e3,
            low: price - next() % 1e3,
            close: price + 1.0,
            volume,
            turnover: volume * price,
            is_final: true,
        }
    };
    (0..count).filter(|number| number % 50 != 49).map(candle).collect()
}

fn main() -> anyhow::Result<()> {
    let is_test = std::env::args().any(|arg| arg == "--test");
    let minutes = minutes(if is_test { 10_000 } else { MINUTES });
    let mut times = Vec::new();
    let mut hours = CandleColumns::new();
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        hours = black_box(Grid::Utc.derive(Timeframe::H1, black_box(&minutes)));
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    let ours = times[ROUNDS / 2];
    println!("{} minutes to {} hours: {:.2} ms", minutes.len(), hours.len(), millis(ours));
    if is_test {
        return Ok(());
    }
    let bytes = minutes.len() * 56;
    let file = std::env::temp_dir().join(format!("market-backbone-derive-{}.arrow", std::process::id()));
    let theirs = peer(&file, minutes, &hours);
    let _ = std::fs::remove_file(&file);
    match theirs? {
        Some((version, theirs)) => {
            let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
            println!(
                "polars {version}, group_by_dynamic: {:.2} ms; ours takes {ratio:.2} x that",
                millis(theirs)
            );
            if ratio > 1.0 {
                println!(
                    "at most 1.0 x wanted: NOT reached. What stands in the way: one thread passes over {} MB of columns, \
                     which is {:.1} GB/s, where polars may use all processors",
                    bytes / 1_000_000,
                    bytes as f64 / ours.as_secs_f64() / 1e9
                );
            }
        }
        None => println!("no Python with polars: set MARKET_BACKBONE_PYTHON to have it measured beside"),
    }
    Ok(())
}

/// Has polars do the same with the same rows, and compares its result.
fn peer(
    file: &Path,
    minutes: CandleColumns,
    hours: &CandleColumns,
) -> anyhow::Result<Option<(String, Duration)>> {
    let Ok(python) = std::env::var("MARKET_BACKBONE_PYTHON") else { return Ok(None) };
    let series = Series::new(Symbol::new(UPBIT, "KRW-BTC")?, Timeframe::M1);
    let set = CandleSet { candles: minutes, ..CandleSet::empty(series) };
    write_arrow(BufWriter::new(File::create(file)?), &set, Fill::None, Grid::Utc)?;
    let output = Command::new(python).arg(PEER).arg(file).output()?;
    anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout)?;
    let words: Vec<&str> = text.split_whitespace().collect();
    let [version, millis, rows, closes] = words[..] else { anyhow::bail!("the peer said {text}") };
    anyhow::ensure!(rows.parse::<usize>()? == hours.len(), "{rows} hours, and not {}", hours.len());
    let sum: f64 = hours.closes().iter().sum();
    anyhow::ensure!(
        (closes.parse::<f64>()? - sum).abs() <= 1e-9 * sum,
        "closes add up to {closes}, not {sum}"
    );
    Ok(Some((version.to_owned(), Duration::from_secs_f64(millis.parse::<f64>()? / 1e3))))
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
