//! What `emulate` takes.

use std::path::PathBuf;

use clap::{Args as Group, ValueEnum};

#[derive(Debug, Group)]
pub(crate) struct EmulateArgs {
    /// Whose look-alike
    #[arg(value_enum)]
    pub(crate) whose: EmulatedVenue,
    /// REST, socket and /__admin/report all listen here, on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 9001)]
    pub(crate) port: u16,
    /// What the market does follows from this number
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Plays recorded trades: csv or csv.gz with trade_timestamp_ms,market,trade_price,trade_volume
    #[arg(long, value_name = "FILE")]
    pub(crate) tape: Option<PathBuf>,
    /// When the recorded trades happen: when they were recorded, or from now on
    #[arg(long, value_enum, default_value_t = TapeStartArg::Recorded, requires = "tape")]
    pub(crate) tape_start: TapeStartArg,
    /// What goes wrong, like html=0.1,reset=0.1,latency_ms=40,drop_after_ms=5000
    /// (also cut, throttle, retry_after, mute_listing, jitter_ms, stall_after_ms, stall_for_ms, mute_after_ms, mute_for_ms, age_jitter_ms,
    /// refuse_sockets, duplicate, reorder, swallow, refuse_ws_ms; pages that are not what the venue has: empty_page,
    /// stale_page, stale_age_ms, late_rows, late_share, lagging_rows_ms, lagging_trades, holey_trades, missing_row,
    /// doubled_row, differing_row, bad_row, bad_row_kind=any|unsound|zero|null|offgrid|foreign|text|future;
    /// and future_trade, future_ms, clock_offset)
    #[arg(long, value_name = "NAME=VALUE,…")]
    pub(crate) faults: Option<String>,
    /// What goes wrong at a place of its own, like empty@candles:4,zero@2026-11-20T10:00:00Z: with the Nth page of
    /// candles, trades, tickers or markets, or with the candle that opens then
    /// (empty, stale:MS, late:ROWS, lagging:MS, hole, doubled, differing, missing, or a kind of bad row)
    #[arg(long, value_name = "WHAT@WHERE,…")]
    pub(crate) script: Option<String>,
    /// How requests are counted
    #[arg(long, value_enum, default_value_t = LimiterArg::Sliding)]
    pub(crate) limiter: LimiterArg,
    #[command(flatten)]
    pub(crate) stocks: StockArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TapeStartArg {
    Recorded,
    Now,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LimiterArg {
    /// A sliding window: at most the limit in any stretch of one second.
    Sliding,
    /// A fixed window: at most the limit in each calendar second.
    Fixed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum EmulatedVenue {
    Upbit,
    /// US stocks; keys: test-key (everything), developer-key, starter-key (delayed), free-key.
    Massive,
}

/// What only the stock market takes.
#[derive(Debug, Group)]
#[command(next_help_heading = "Options of massive")]
pub(crate) struct StockArgs {
    /// When there is trading. Where bars begin does not depend on it: hours on multiples of UTC, days at New York's midnight
    #[arg(long, value_enum, default_value_t = HoursArg::Always)]
    pub(crate) hours: HoursArg,
    /// How many tickers are listed
    #[arg(long, value_name = "N", default_value_t = 12_000)]
    pub(crate) tickers: usize,
    /// Splits, besides that of NVDA and those of XAAAA to XAAAL: old shares and new ones from a day on, like AAPL=2026-11-23:1:4
    #[arg(long, value_name = "TICKER=DATE:FROM:TO,…")]
    pub(crate) splits: Option<String>,
    /// Sockets that an account may have
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) max_connections: usize,
    /// Which socket goes when there are too many
    #[arg(long, value_enum, default_value_t = EvictArg::Oldest)]
    pub(crate) evict: EvictArg,
    /// A socket that does not say who it is goes after so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub(crate) auth_timeout: u64,
    /// What may wait for a slow client
    #[arg(long, value_name = "BYTES", default_value_t = 16 << 20)]
    pub(crate) queue_bytes: usize,
    /// Share of the off-exchange prints that come up to 15 minutes late and change bars
    #[arg(long, value_name = "SHARE", default_value_t = 0.01)]
    pub(crate) late_rate: f64,
    /// Share of events that are in their frame twice
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub(crate) dup_rate: f64,
    /// Spells big volumes like 5.617399e+07
    #[arg(long)]
    pub(crate) exp_volume: bool,
    /// A 429 says when to come back
    #[arg(long)]
    pub(crate) retry_after: bool,
    /// Requests that paid plans may make in a minute [default: any number]
    #[arg(long, value_name = "N")]
    pub(crate) per_minute: Option<u32>,
    /// A socket that a fault drops is closed with this code, not cut
    #[arg(long, value_name = "CODE")]
    pub(crate) drop_code: Option<u16>,
    /// So many trades a second on every socket, of the first 10,000 tickers in turn, to measure with
    #[arg(long, value_name = "TRADES")]
    pub(crate) flood: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum HoursArg {
    /// Trading from 04:00 to 20:00 New York time, on trading days.
    NewYork,
    /// Trading around the clock, with less volume outside regular hours.
    Always,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum EvictArg {
    Oldest,
    Newest,
}
