//! `candles` and `plan`: the same question, asked or only counted.

use std::path::PathBuf;

use clap::{Args as Group, ValueEnum};
use market_backbone::{Fill, Timeframe, Timestamp};

use super::Urgency;

/// Which candles are wanted.
#[derive(Debug, Group)]
pub(crate) struct Wanted {
    /// Like KRW-BTC or AAPL
    pub(crate) market: String,
    /// 1s 1m 3m 5m 10m 15m 30m 1h 4h 1d 1w 1M 1y
    pub(crate) timeframe: Timeframe,
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
    #[arg(long, value_enum, default_value_t = Urgency::Normal)]
    pub(crate) priority: Urgency,
}

#[derive(Debug, Group)]
pub(crate) struct Candles {
    #[command(flatten)]
    pub(crate) wanted: Wanted,
    /// Prices and volumes from before a split in shares as they are after it; dividends stay in
    #[arg(long)]
    pub(crate) adjusted: bool,
    /// What stands where nobody traded. Only what is proven empty is ever filled
    #[arg(long, value_enum, default_value_t = Filling::None)]
    pub(crate) fill: Filling,
    /// table for eyes; csv, json (one object a line) and parquet for programs
    #[arg(long, value_enum, default_value_t = CandleFormat::Table)]
    pub(crate) format: CandleFormat,
    /// Write to this file instead of the terminal
    #[arg(long, value_name = "FILE", required_if_eq("format", "parquet"))]
    pub(crate) output: Option<PathBuf>,
    /// Say on the last line of stderr what it cost, as JSON
    #[arg(long)]
    pub(crate) stats: bool,
}

#[derive(Debug, Group)]
pub(crate) struct Plan {
    #[command(flatten)]
    pub(crate) wanted: Wanted,
    #[arg(long, value_enum, default_value_t = PlanFormat::Table)]
    pub(crate) format: PlanFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CandleFormat {
    Table,
    Csv,
    Json,
    /// For pandas, polars and `DuckDB`; needs --output
    Parquet,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PlanFormat {
    Table,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Filling {
    /// Nothing: candles that exist, and no others
    None,
    /// The last close again, without volume
    Forward,
    /// A row without figures
    Null,
}

impl From<Filling> for Fill {
    fn from(filling: Filling) -> Self {
        match filling {
            Filling::None => Self::None,
            Filling::Forward => Self::Forward,
            Filling::Null => Self::Null,
        }
    }
}
