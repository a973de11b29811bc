//! SMA, EMA, RSI and ATR through our wrapper, beside `ta-lib` bare in the same run, bar by bar and over columns.
//!
//! `cargo bench -p market-backbone-strategy --bench indicators`. Both sides read the same candles; rounds alternate, and
//! the best of each side counts. The last column is our share of the bare library's bars a second: 0.7 is the aim.
#![expect(clippy::print_stdout, reason = "a bench says what it measured")]
#![expect(clippy::disallowed_methods, reason = "a bench measures time")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use market_backbone_core::{Candle, CandleColumns, Grid, Timestamp};
use market_backbone_strategy::indicator::{BarRuns, Indicator, IndicatorSpec};
use ta_lib::Core;

/// Few enough bars to stay in the cache, so that the formulas are measured and not the memory.
const STREAMED: usize = 4_096;
const ROUNDS: usize = 40;

fn candles(count: usize) -> Vec<Candle> {
    let mut random = 7_u64;
    let mut next = move || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as f64 / (1_u64 << 31) as f64
    };
    let mut close = 50_000.0;
    (0..count)
        .map(|minute| {
            let open = close;
            close *= 1.0 + (next() - 0.5) / 1_000.0;
            Candle {
                open_time: Timestamp::from_secs(minute as i64 * 60),
                open,
                high: open.max(close) + next(),
                low: open.min(close) - next(),
                close,
                volume: next(),
                turnover: next() * close,
                is_final: true,
            }
        })
        .collect()
}

/// Runs both sides in turn, and returns the best time of each.
fn race(rounds: usize, mut ours: impl FnMut() -> f64, mut bare: impl FnMut() -> f64) -> (Duration, Duration) {
    let time = |side: &mut dyn FnMut() -> f64| {
        let begun = Instant::now();
        black_box(side());
        begun.elapsed()
    };
    (0..rounds).fold((Duration::MAX, Duration::MAX), |(one, other), _| {
        (one.min(time(&mut ours)), other.min(time(&mut bare)))
    })
}

fn print(tier: &str, spec: &IndicatorSpec, bars: usize, (ours, bare): (Duration, Duration)) {
    let rate = |time: Duration| bars as f64 / time.as_secs_f64() / 1e6;
    println!(
        "{tier:9} {:8} {:8.0} {:8.0} {:8.2}",
        spec.to_string(),
        rate(ours),
        rate(bare),
        rate(ours) / rate(bare)
    );
}

fn ours_streamed(spec: IndicatorSpec, bars: &[Candle]) -> f64 {
    let mut indicator = Indicator::new(spec);
    bars.iter().filter_map(|bar| indicator.update(bar).ok()?.value()).sum()
}

macro_rules! bare_streamed {
    ($open:ident, $period:expr, $lookback:expr, $($field:ident)+) => {
        |bars: &[Candle]| {
            let column = |read: fn(&Candle) -> f64| bars[..=$lookback].iter().map(read).collect::<Vec<f64>>();
            let opened = Core::new().$open($(&column(|bar| bar.$field),)+ $period);
            let (mut stream, first) = opened.expect("enough bars");
            bars[$lookback + 1..].iter().filter_map(|bar| stream.update($(bar.$field),+).ok()).sum::<f64>() + first
        }
    };
}

macro_rules! bare_columns {
    ($batch:ident, $period:expr, $($column:ident)+) => {
        |bars: &CandleColumns| {
            let mut out = vec![0.0; bars.len()];
            let range = Core::new().$batch(0, bars.len() - 1, $(bars.$column(),)+ $period, &mut out);
            out[range.expect("valid parameters").count - 1]
        }
    };
}

fn main() {
    let is_test = std::env::args().any(|arg| arg == "--test");
    let (rounds, rows) = if is_test { (1, 2_000) } else { (ROUNDS, 1_000_000) };
    let passes = if is_test { 1 } else { 250 };
    let streamed = candles(STREAMED);
    let columns: CandleColumns = candles(rows).into();
    let spec = |text: &str| text.parse::<IndicatorSpec>().expect("the name of an indicator");

    println!("{:9} {:8} {:>8} {:>8} {:>8}  (million bars a second)", "", "", "ours", "bare", "ratio");
    let stream = |text: &str, bare: &dyn Fn(&[Candle]) -> f64| {
        let spec = spec(text);
        let repeated = |one: &dyn Fn(&[Candle]) -> f64| (0..passes).map(|_| one(black_box(&streamed))).sum();
        let times = race(rounds, || repeated(&|bars| ours_streamed(spec, bars)), || repeated(bare));
        print("bar by bar", &spec, STREAMED * passes, times);
    };
    stream("sma(20)", &bare_streamed!(sma_open, 20, 19, close));
    stream("ema(20)", &bare_streamed!(ema_open, 20, 19, close));
    stream("rsi(14)", &bare_streamed!(rsi_open, 14, 14, close));
    stream("atr(14)", &bare_streamed!(atr_open, 14, 14, high low close));

    let batch = |text: &str, bare: &dyn Fn(&CandleColumns) -> f64| {
        let (spec, runs) = (spec(text), BarRuns::unbroken(&columns));
        let ours = || spec.over(black_box(&columns), &runs, Grid::Utc).get(rows - 1).unwrap_or_default();
        print("columns", &spec, rows, race(rounds, ours, || bare(black_box(&columns))));
    };
    batch("sma(20)", &bare_columns!(sma, 20, closes));
    batch("ema(20)", &bare_columns!(ema, 20, closes));
    batch("rsi(14)", &bare_columns!(rsi, 14, closes));
    batch("atr(14)", &bare_columns!(atr, 14, highs lows closes));
}
