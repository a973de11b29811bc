//! `candles` and `plan`: the same question, asked or only counted.

use std::path::PathBuf;

use clap::{Args as Group, ValueEnum};
use market_backbone::{Fill, Timeframe};

use super::{PriorityArg, TimeArg, heading, whole_number};
use crate::exit::UsageError;

/// Which candles are wanted of a series.
#[derive(Debug, Group)]
pub(crate) struct CandleRangeArgs {
    /// The newest N; with --from, the first N from then on [default: 200]
    ///
    /// The candle still forming comes last and counts.
    #[arg(long, value_name = "N", value_parser = whole_number::<usize>, help_heading = heading::WHAT)]
    pub(crate) count: Option<usize>,
    /// From this time on: 7d (so long ago), 2026-11-28, "2026-11-28 03:00", RFC 3339
    #[arg(long, value_name = "TIME", help_heading = heading::WHAT)]
    pub(crate) from: Option<TimeArg>,
    /// Up to this time, exclusive [default: now]
    #[arg(long, value_name = "TIME", help_heading = heading::WHAT)]
    pub(crate) to: Option<TimeArg>,
    /// Leave out the candle still forming, and what has ended and may still change
    #[arg(long, help_heading = heading::WHAT)]
    pub(crate) closed: bool,
    /// What was known at this time, before later corrections
    ///
    /// Only slots that had ended by then. What was fetched only later reads as it was first seen.
    #[arg(long, value_name = "TIME", help_heading = heading::WHAT)]
    pub(crate) as_of: Option<TimeArg>,
    /// Who goes first when requests are scarce
    #[arg(long, value_enum, default_value_t = PriorityArg::Normal, help_heading = heading::WHAT)]
    pub(crate) priority: PriorityArg,
}

#[derive(Debug, Group)]
pub(crate) struct CandlesArgs {
    /// Markets, then timeframes: KRW-BTC 1m, or KRW-BTC KRW-ETH 1m,1h
    ///
    /// Timeframes are 1s 1m 3m 5m 10m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1M 1y.
    #[arg(required = true, num_args = 1.., value_name = "MARKET... TIMEFRAME")]
    pub(crate) series: Vec<String>,
    /// Also the markets of this universe; several joined by `:`
    ///
    /// A market of it that the venue does not list is left out.
    #[arg(long, value_name = "KEY", help_heading = heading::WHAT)]
    pub(crate) universe: Option<String>,
    #[command(flatten)]
    pub(crate) range: CandleRangeArgs,
    /// Adjust prices and volumes for splits, not for dividends; US stocks only
    #[arg(long, help_heading = heading::WHAT)]
    pub(crate) adjusted: bool,
    /// What to write for a slot in which nobody traded
    ///
    /// Only a slot that is proven empty is filled.
    #[arg(long, value_enum, default_value_t = FillArg::None, help_heading = heading::WHAT)]
    pub(crate) fill: FillArg,
    /// table to read; csv, json (one object a line) and parquet for programs
    ///
    /// The default is what the ending of --output says, csv with --output-dir, else table.
    #[arg(long, value_enum, help_heading = heading::OUTPUT)]
    pub(crate) format: Option<CandleFormat>,
    /// Write to this file; its ending chooses the format: .csv, .json, .ndjson, .parquet, .txt
    #[arg(long, value_name = "FILE", help_heading = heading::OUTPUT)]
    pub(crate) output: Option<PathBuf>,
    /// Write a file for each series into this folder, like KRW-BTC_1m.csv
    #[arg(long, value_name = "DIR", conflicts_with = "output", help_heading = heading::OUTPUT)]
    pub(crate) output_dir: Option<PathBuf>,
    /// Print what it cost as JSON, on the last line of stderr
    #[arg(long, help_heading = heading::OUTPUT)]
    pub(crate) stats: bool,
}

impl CandlesArgs {
    /// The markets that are named, and the timeframes.
    pub(crate) fn named(&self) -> Result<(&[String], Vec<Timeframe>), UsageError> {
        const HOW: &str = "write the timeframe behind the markets: candles KRW-BTC 1m";
        let (last, markets) = self.series.split_last().ok_or_else(|| UsageError(HOW.to_owned()))?;
        let mut timeframes = Vec::new();
        for word in last.split(',') {
            let timeframe = word.parse().map_err(|error| UsageError(format!("{error}; {HOW}")))?;
            if !timeframes.contains(&timeframe) {
                timeframes.push(timeframe);
            }
        }
        if markets.is_empty() && self.universe.is_none() {
            return Err(UsageError(format!("no market is named; {HOW}, or --universe KEY {last}")));
        }
        if let Some(other) = markets.iter().find(|market| market.parse::<Timeframe>().is_ok()) {
            return Err(UsageError(format!(
                "`{other}` is a timeframe; several are joined by commas: {other},{last}"
            )));
        }
        Ok((markets, timeframes))
    }
}

#[derive(Debug, Group)]
pub(crate) struct PlanArgs {
    /// Like KRW-BTC or AAPL
    pub(crate) market: String,
    /// 1s 1m 3m 5m 10m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1M 1y
    pub(crate) timeframe: Timeframe,
    #[command(flatten)]
    pub(crate) range: CandleRangeArgs,
    /// table to read, json for programs
    #[arg(long, value_enum, default_value_t = PlanFormat::Table, help_heading = heading::OUTPUT)]
    pub(crate) format: PlanFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CandleFormat {
    Table,
    Csv,
    Json,
    /// A file for pandas, polars and `DuckDB`; needs --output.
    Parquet,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PlanFormat {
    Table,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FillArg {
    /// No filling: only candles that exist.
    None,
    /// The last close again, without volume.
    Forward,
    /// A row without values.
    Null,
}

impl From<FillArg> for Fill {
    fn from(filling: FillArg) -> Self {
        match filling {
            FillArg::None => Self::None,
            FillArg::Forward => Self::Forward,
            FillArg::Null => Self::Null,
        }
    }
}
