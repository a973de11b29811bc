//! `backtest`, `sweep` and `diff`: which strategy, over which bars, at which costs.

use std::num::NonZero;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args as Group, ValueEnum};
use market_backbone::Timeframe;
use market_backbone::strategy::Decimal;

use super::{TimeArg, heading, whole_number};

/// The bars of a run: a stretch of a series, or a file.
#[derive(Debug, Group)]
pub(crate) struct BarSourceArgs {
    /// The strategy: sma-cross
    pub(crate) strategy: String,
    /// Like KRW-BTC or AAPL; needed unless --bars names a file
    pub(crate) market: Option<String>,
    /// 1s 1m 3m 5m 10m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1M 1y; needed unless --bars names a file
    pub(crate) timeframe: Option<Timeframe>,
    /// From this time on: 30d (so long ago), 2026-11-28, "2026-11-28 03:00", RFC 3339
    #[arg(long, value_name = "TIME", help_heading = heading::WHAT)]
    pub(crate) from: Option<TimeArg>,
    /// Up to this time, exclusive [default: now]
    #[arg(long, value_name = "TIME", help_heading = heading::WHAT)]
    pub(crate) to: Option<TimeArg>,
    /// Fetch what is not stored; without it, an unknown slot ends the run with what is missing and what it costs
    #[arg(long, help_heading = heading::WHAT, conflicts_with = "bars")]
    pub(crate) fetch: bool,
    /// What was known at this time, before later corrections
    #[arg(long, value_name = "TIME", help_heading = heading::WHAT, conflicts_with = "bars")]
    pub(crate) as_of: Option<TimeArg>,
    /// Bars of this file instead: .csv or .parquet with the columns timestamp (Unix ms), open, high, low, close, volume
    #[arg(long, value_name = "FILE", help_heading = heading::WHAT)]
    pub(crate) bars: Option<PathBuf>,
}

/// The money of a run.
#[derive(Clone, Debug, Group)]
pub(crate) struct MoneyArgs {
    /// The fee of each fill as a share of its value: 0.0005 is 0.05 %
    #[arg(long, value_name = "SHARE", value_parser = share, help_heading = heading::WHAT)]
    pub(crate) fee: Decimal,
    /// The cash at the beginning, in the quote currency
    #[arg(long, value_name = "AMOUNT", value_parser = amount, default_value = "1000000", help_heading = heading::WHAT)]
    pub(crate) cash: Decimal,
    /// Buy this amount of the base currency each time [default: as much as the cash pays for, fee included]
    #[arg(long, value_name = "AMOUNT", value_parser = amount, help_heading = heading::WHAT)]
    pub(crate) quantity: Option<Decimal>,
    /// How much worse than the market a fill is, as a share of the price
    #[arg(long, value_name = "SHARE", value_parser = share, default_value = "0", help_heading = heading::WHAT)]
    pub(crate) slippage: Decimal,
}

#[derive(Debug, Group)]
pub(crate) struct BacktestArgs {
    #[command(flatten)]
    pub(crate) data: BarSourceArgs,
    #[command(flatten)]
    pub(crate) money: MoneyArgs,
    /// The number of bars of the fast average
    #[arg(long, value_name = "N", value_parser = whole_number::<usize>, default_value_t = 20, help_heading = heading::WHAT)]
    pub(crate) fast: usize,
    /// The number of bars of the slow average
    #[arg(long, value_name = "N", value_parser = whole_number::<usize>, default_value_t = 60, help_heading = heading::WHAT)]
    pub(crate) slow: usize,
    /// Also check that no decision depends on what came after it, nor on where the run began
    #[arg(long, help_heading = heading::WHAT)]
    pub(crate) check: bool,
    /// Shuffle the order of the trades so many times: how deep the drawdown could have been by chance
    #[arg(long, value_name = "N", value_parser = whole_number::<usize>, help_heading = heading::WHAT)]
    pub(crate) monte_carlo: Option<usize>,
    /// The seed of --monte-carlo: the same seed gives the same orders
    #[arg(long, value_name = "N", value_parser = whole_number::<u64>, default_value_t = 1, help_heading = heading::WHAT)]
    pub(crate) seed: u64,
    /// text to read, json (one object) for programs
    #[arg(long, value_enum, default_value_t = RunFormat::Text, help_heading = heading::OUTPUT)]
    pub(crate) format: RunFormat,
    /// Write the report to this file: .html (one page with pictures), .svg or .json
    #[arg(long, value_name = "FILE", help_heading = heading::OUTPUT)]
    pub(crate) report: Option<PathBuf>,
    /// Write each decision with what was known to this file, a JSON object a line
    #[arg(long, value_name = "FILE", help_heading = heading::OUTPUT)]
    pub(crate) decisions: Option<PathBuf>,
}

#[derive(Debug, Group)]
pub(crate) struct SweepArgs {
    #[command(flatten)]
    pub(crate) data: BarSourceArgs,
    #[command(flatten)]
    pub(crate) money: MoneyArgs,
    /// The fast windows: 5..50, or 5..50:5 in steps of 5
    #[arg(long, value_name = "RANGE", default_value = "5..50:5", help_heading = heading::WHAT)]
    pub(crate) fast: WindowRange,
    /// The slow windows: 20..200, or 20..200:20 in steps of 20
    #[arg(long, value_name = "RANGE", default_value = "20..200:20", help_heading = heading::WHAT)]
    pub(crate) slow: WindowRange,
    /// Choose on a stretch and try on the next one, so many times; a stretch to choose on is twice as long
    #[arg(long, value_name = "N", value_parser = whole_number::<NonZero<usize>>, help_heading = heading::WHAT)]
    pub(crate) walk_forward: Option<NonZero<usize>>,
    /// How many of the best are printed; all are in the report
    #[arg(long, value_name = "N", value_parser = whole_number::<usize>, help_heading = heading::OUTPUT)]
    pub(crate) top: Option<usize>,
    /// text to read, json (one object) for programs
    #[arg(long, value_enum, default_value_t = RunFormat::Text, help_heading = heading::OUTPUT)]
    pub(crate) format: RunFormat,
    /// Write a heat map to this file: .html or .svg
    #[arg(long, value_name = "FILE", help_heading = heading::OUTPUT)]
    pub(crate) report: Option<PathBuf>,
}

#[derive(Debug, Group)]
pub(crate) struct DiffArgs {
    /// A decision log
    pub(crate) left: PathBuf,
    /// The decision log to compare it with
    pub(crate) right: PathBuf,
    /// text to read, json (one object) for programs
    #[arg(long, value_enum, default_value_t = RunFormat::Text, help_heading = heading::OUTPUT)]
    pub(crate) format: RunFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RunFormat {
    Text,
    Json,
}

/// Whole numbers from one to another, both included, in steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WindowRange(pub(crate) Vec<usize>);

/// The most numbers of a range.
const MOST_WINDOWS: usize = 10_000;

impl FromStr for WindowRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unreadable = || format!("cannot read `{text}` as a range; write it like 20, 5..50 or 5..50:5");
        let (ends, step) = match text.split_once(':') {
            Some((ends, step)) => (ends, step.parse().map_err(|_| unreadable())?),
            None => (text, 1),
        };
        let (first, last) = ends.split_once("..").unwrap_or((ends, ends));
        let read = |text: &str| text.trim().parse::<usize>().map_err(|_| unreadable());
        let (first, last) = (read(first)?, read(last)?);
        if step == 0 || first == 0 || first > last {
            return Err(format!("`{text}` holds no window; a range begins at 1 or more and runs upwards"));
        }
        if (last - first) / step >= MOST_WINDOWS {
            return Err(format!("`{text}` holds more than {MOST_WINDOWS} windows; use steps: 5..50:5"));
        }
        Ok(Self((first..=last).step_by(step).collect()))
    }
}

fn share(text: &str) -> Result<Decimal, String> {
    let read = text.parse::<Decimal>().ok().filter(|share| (Decimal::ZERO..Decimal::ONE).contains(share));
    read.ok_or_else(|| format!("`{text}` is no share from 0 up to 1; 0.05 % is written 0.0005"))
}

fn amount(text: &str) -> Result<Decimal, String> {
    let read = text.parse::<Decimal>().ok().filter(|amount| *amount > Decimal::ZERO);
    read.ok_or_else(|| format!("`{text}` is no amount above 0; write it like 1000000 or 0.25"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_both_its_ends() {
        let range = |text: &str| text.parse::<WindowRange>().map(|range| range.0);
        assert_eq!(range("20"), Ok(vec![20]));
        assert_eq!(range("5..8"), Ok(vec![5, 6, 7, 8]));
        assert_eq!(range("5..20:5"), Ok(vec![5, 10, 15, 20]));
        assert_eq!(range("5..19:5"), Ok(vec![5, 10, 15]));
        for text in ["", "x", "5..", "..5", "9..5", "0..5", "5..50:0", "5:50", "1..100000", "-5..5"] {
            assert!(range(text).is_err(), "{text}");
        }
    }

    #[test]
    fn shares_and_amounts_are_what_they_say() {
        assert!(share("0").is_ok() && share("0.0005").is_ok() && amount("0.25").is_ok());
        for text in ["-0.1", "1", "5%", "x"] {
            assert!(share(text).unwrap_err().contains("0.0005"), "{text}");
        }
        assert!(amount("0").is_err() && amount("-1").is_err());
    }
}
