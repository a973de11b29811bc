//! Checks of a strategy: that no decision depends on what came after it, and that its warm-up is long enough.

use std::io;

use market_backbone_core::{Candle, CandleColumns, Grid, Series};
use serde_json::Value;

use super::monte_carlo::Dice;
use crate::decision::{Divergence, first_divergence};

/// How far the noise moves from one bar to the next: far enough to turn every decision round.
const NOISE: f64 = 0.05;

/// A decision that was not the same when what came after it was noise.
#[derive(Clone, Debug, PartialEq)]
pub struct LookAhead {
    /// The row after which all bars were noise.
    pub row: usize,
    /// The first entry that differs although it was made by then.
    pub divergence: Divergence,
}

/// Runs a strategy once as it is, and once for each of `rows` with noise after that row, and compares the decisions made by
/// the close of that row.
///
/// `run` returns the decision log of a run over the candles it is given, as
/// [`JsonDecisionLog`](crate::decision::JsonDecisionLog) writes it. A strategy that sees events only cannot look ahead; one
/// that was given columns, a file or the name of a day can.
///
/// # Errors
///
/// If `run` fails, or what it returns is no decision log.
pub fn look_ahead(
    (series, grid): (&Series, Grid),
    candles: &CandleColumns,
    rows: impl IntoIterator<Item = usize>,
    mut run: impl FnMut(&CandleColumns) -> io::Result<Vec<u8>>,
) -> io::Result<Option<LookAhead>> {
    let whole = run(candles)?;
    for row in rows {
        let Some(last) = candles.get(row) else { continue };
        let until = grid.close(series.timeframe, last.open_time).as_nanos();
        let noisy = run(&with_noise_after(candles, row))?;
        let (known, other) = (made_by(&whole, until)?, made_by(&noisy, until)?);
        if let Some(divergence) = first_divergence(known.as_bytes(), other.as_bytes())? {
            return Ok(Some(LookAhead { row, divergence }));
        }
    }
    Ok(None)
}

/// The rows at which a check looks: so many, evenly spread.
#[must_use]
pub fn check_rows(rows: usize, checks: usize) -> Vec<usize> {
    (1..=checks).map(|check| check * rows / (checks + 1)).filter(|row| *row > 0 && *row + 1 < rows).collect()
}

/// The outcome of a check of the warm-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WarmUpOutcome {
    /// Every run that began later decided the same from the warm-up on.
    Agrees {
        /// The number of runs that began later and sent at least one order.
        compared: usize,
    },
    /// A run that began later decided otherwise after its warm-up.
    Differs {
        /// The row at which that run began.
        began: usize,
        /// The first order of the whole run, as `time side symbol`, that the later run does not have, or the other way round.
        order: String,
    },
}

/// Runs a strategy over all candles and from each of `rows` on, and compares the orders after `warm_up` bars.
///
/// A run that begins later holds nothing, so orders are compared from the first on that opens a position in both.
///
/// # Errors
///
/// If `run` fails, or what it returns is no decision log.
pub fn warm_up(
    (series, grid, warm_up): (&Series, Grid, usize),
    candles: &CandleColumns,
    rows: impl IntoIterator<Item = usize>,
    mut run: impl FnMut(&CandleColumns) -> io::Result<Vec<u8>>,
) -> io::Result<WarmUpOutcome> {
    let whole = orders(&run(candles)?)?;
    let mut compared = 0;
    for began in rows {
        let Some(warm) = candles.get(began + warm_up) else { continue };
        let from = grid.close(series.timeframe, warm.open_time).as_nanos();
        let mut later = orders(&run(&candles.slice(began..))?)?;
        later.retain(|order| order.time >= from);
        let Some(first) = later.first() else { continue };
        compared += 1;
        // What the whole run did before it first bought in step with the later one was about a position that only it had.
        let skipped = whole.iter().position(|order| order.time >= from && order.side == first.side);
        let known = skipped.map_or(&[][..], |skipped| &whole[skipped..]);
        let differing = known.iter().zip(&later).find(|(one, other)| one != other);
        let surplus = known.get(later.len()).or_else(|| later.get(known.len()));
        if let Some(order) = differing.map(|(one, _)| one).or(surplus) {
            return Ok(WarmUpOutcome::Differs { began, order: order.to_string() });
        }
    }
    Ok(WarmUpOutcome::Agrees { compared })
}

/// The entries of a decision log up to a time.
fn made_by(log: &[u8], until: i64) -> io::Result<String> {
    let mut kept = String::new();
    for line in text(log)?.lines() {
        if entry(line)?["time_ns"].as_i64().is_some_and(|time| time > until) {
            break;
        }
        kept.push_str(line);
        kept.push('\n');
    }
    Ok(kept)
}

/// What counts of an order where accounts differ: not its amount.
#[derive(Clone, Debug, PartialEq, Eq)]
struct SentOrder {
    time: i64,
    side: String,
    symbol: String,
}

impl std::fmt::Display for SentOrder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let time = market_backbone_core::Timestamp::from_nanos(self.time);
        write!(f, "{time} {} {}", self.side, self.symbol)
    }
}

fn orders(log: &[u8]) -> io::Result<Vec<SentOrder>> {
    let mut found = Vec::new();
    for line in text(log)?.lines() {
        let entry = entry(line)?;
        let word = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
        if word("decision") == "submit" {
            let time = entry["time_ns"].as_i64().unwrap_or_default();
            found.push(SentOrder { time, side: word("side"), symbol: word("symbol") });
        }
    }
    Ok(found)
}

fn text(log: &[u8]) -> io::Result<&str> {
    std::str::from_utf8(log).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

fn entry(line: &str) -> io::Result<Value> {
    serde_json::from_str(line).map_err(io::Error::from)
}

/// The candles, with those after `row` replaced by a walk that begins anew: the slots stay.
fn with_noise_after(candles: &CandleColumns, row: usize) -> CandleColumns {
    let mut dice = Dice(row as u64);
    let mut price = candles.get(row).map_or(1.0, |last| last.close);
    let noisy = candles.iter().enumerate().map(|(place, candle)| {
        if place <= row {
            return candle;
        }
        let mut step = |price: f64| price * (1.0 + NOISE * (2.0 * dice.share() - 1.0));
        let open = step(price);
        let close = step(open);
        price = close;
        let (high, low) = (step(open).max(open).max(close), step(close).min(open).min(close));
        Candle { open, high, low, close, ..candle }
    });
    noisy.collect()
}
