#!/bin/sh
# Builds a program that runs the same cross on wickra-backtest 0.2.1 (MIT or Apache-2.0), in a folder outside this
# workspace, and prints its path:
#
#   WICKRA=$(benches/backtest/wickra.sh /tmp/wickra) cargo bench -p market-backbone-benches --bench backtest
set -eu
folder=${1:?"name a folder to build in"}
mkdir -p "$folder/src"
cat > "$folder/Cargo.toml" <<'TOML'
[package]
name = "wickra-cross"
version = "0.1.0"
edition = "2021"

[workspace]

[dependencies]
wickra-backtest = "=0.2.1"
TOML
cat > "$folder/src/main.rs" <<'RUST'
use std::time::Instant;
use wickra_backtest::{run_with_capital, Candle, StrategySpec};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let text = std::fs::read_to_string(std::env::args().nth(1).expect("a file of candles"))?;
    let candles: Vec<Candle> = text
        .lines()
        .map(|line| {
            let mut fields = line.split(',');
            let time = fields.next().unwrap().parse().unwrap();
            let mut next = || fields.next().unwrap().parse::<f64>().unwrap();
            Candle { time, open: next(), high: next(), low: next(), close: next(), volume: next() }
        })
        .collect();
    let spec = StrategySpec::parse(
        r#"{"symbol":"BTC","timeframe":"1m",
            "indicators":{"fast":{"type":"Sma","params":[20]},"slow":{"type":"Sma","params":[60]}},
            "entry":{"cross_above":["fast","slow"]},"exit":{"cross_below":["fast","slow"]},
            "sizing":{"type":"fixed_fraction","fraction":0.95},"costs":{"taker_bps":5}}"#,
    )?;
    let mut least = f64::MAX;
    for _ in 0..7 {
        let began = Instant::now();
        let report = run_with_capital(&spec, &candles, 1_000_000.0)?;
        least = least.min(began.elapsed().as_secs_f64());
        std::hint::black_box(&report);
    }
    println!("{} candles, seconds {least}", candles.len());
    Ok(())
}
RUST
cargo build --release --quiet --manifest-path "$folder/Cargo.toml" --target-dir "$folder/target" >&2
echo "$folder/target/release/wickra-cross"
