//! `candles` and `plan`: the same question, asked or only counted.

use std::path::PathBuf;

use clap::{Args as Group, ValueEnum};
use market_backbone::{Fill, Timeframe, Timestamp};

use super::PriorityArg;
use crate::exit::UsageError;

/// Which candles are wanted of a series.
#[derive(Debug, Group)]
pub(crate) struct CandleRangeArgs {
    /// The newest so many; the candle still forming comes last and counts [default: 200]
    #[arg(long, value_name = "N", conflicts_with = "from")]
    pub(crate) count: Option<usize>,
    /// From this time on (RFC 3339, or a date: 2026-08-03T10:40:00Z)
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<Timestamp>,
    /// Up to this time, exclusive [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<Timestamp>,
    /// Leave out the candle still forming, and what has ended and may still change
    #[arg(long)]
    pub(crate) closed: bool,
    /// What was known at this time: slots that had ended, before later corrections. What was fetched only after it reads
    /// as it was first seen
    #[arg(long, value_name = "TIME")]
    pub(crate) as_of: Option<Timestamp>,
    /// Who waits for whom when requests are short
    #[arg(long, value_enum, default_value_t = PriorityArg::Normal)]
    pub(crate) priority: PriorityArg,
}

#[derive(Debug, Group)]
pub(crate) struct CandlesArgs {
    /// Markets, and behind them the timeframe: KRW-BTC 1m, or KRW-BTC KRW-ETH 1m,1h. Timeframes are 1s 1m 3m 5m 10m 15m
    /// 30m 1h 4h 1d 1w 1M 1y
    #[arg(required = true, num_args = 1.., value_name = "MARKET... TIMEFRAME")]
    pub(crate) series: Vec<String>,
    /// The markets of this universe, too; several joined by `:`. One that the venue does not list is left out
    #[arg(long, value_name = "KEY")]
    pub(crate) universe: Option<String>,
    #[command(flatten)]
    pub(crate) range: CandleRangeArgs,
    /// Prices and volumes from before a split in shares as they are after it; dividends stay in
    #[arg(long)]
    pub(crate) adjusted: bool,
    /// What stands where nobody traded. Only what is proven empty is ever filled
    #[arg(long, value_enum, default_value_t = FillArg::None)]
    pub(crate) fill: FillArg,
    /// table for eyes; csv, json (one object a line) and parquet for programs [default: what the ending of --output says;
    /// csv with --output-dir; else table]
    #[arg(long, value_enum)]
    pub(crate) format: Option<CandleFormat>,
    /// Write to this file instead of the terminal; its ending says in which format (.csv, .json, .ndjson, .parquet, .txt)
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Write a file for each series into this folder, each when it is whole: KRW-BTC_1m.csv
    #[arg(long, value_name = "DIR", conflicts_with = "output")]
    pub(crate) output_dir: Option<PathBuf>,
    /// Say on the last line of stderr what it cost, as JSON
    #[arg(long)]
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
    /// 1s 1m 3m 5m 10m 15m 30m 1h 4h 1d 1w 1M 1y
    pub(crate) timeframe: Timeframe,
    #[command(flatten)]
    pub(crate) range: CandleRangeArgs,
    #[arg(long, value_enum, default_value_t = PlanFormat::Table)]
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
