//! What `emulate` takes.

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args as Group, ValueEnum};
use market_backbone_emulator::{DelayRange, EmulatedVenue, LimitRule};

use super::heading;

#[derive(Debug, Group)]
pub(crate) struct EmulateArgs {
    /// The venue to look like
    #[arg(value_parser = emulated())]
    pub(crate) whose: EmulatedVenue,
    /// The port of REST, socket and /__admin/report, on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 9001, help_heading = heading::WHAT)]
    pub(crate) port: u16,
    /// The number that the market's moves follow from
    #[arg(long, default_value_t = 1, help_heading = heading::WHAT)]
    pub(crate) seed: u64,
    /// Plays recorded trades: csv or csv.gz with trade_timestamp_ms,market,trade_price,trade_volume
    #[arg(long, value_name = "FILE", help_heading = heading::WHAT)]
    pub(crate) tape: Option<PathBuf>,
    /// When the recorded trades happen: when they were recorded, or from now on
    #[arg(long, value_enum, default_value_t = TapeStartArg::Recorded, requires = "tape", help_heading = heading::WHAT)]
    pub(crate) tape_start: TapeStartArg,
    /// What goes wrong, like html=0.1,reset=0.1,latency_ms=40,drop_after_ms=5000
    ///
    /// Also cut, throttle, retry_after, mute_listing, jitter_ms, latency_sigma, counted_after, service_ms, service_jitter_ms, stall_after_ms, stall_for_ms, mute_after_ms, mute_for_ms,
    /// age_jitter_ms, refuse_sockets, duplicate, reorder, swallow, refuse_ws_ms.
    ///
    /// Pages that are not what the venue has: empty_page, stale_page, stale_age_ms, late_rows, late_share, lagging_rows_ms,
    /// lagging_trades, holey_trades, missing_row, doubled_row, differing_row, bad_row,
    /// bad_row_kind=any|unsound|zero|null|offgrid|foreign|text|future.
    ///
    /// Times that are wrong: future_trade, future_ms, clock_offset.
    #[arg(long, value_name = "NAME=VALUE,…", help_heading = heading::WHAT)]
    pub(crate) faults: Option<String>,
    /// What goes wrong at one place, like empty@candles:4,zero@2026-11-20T10:00:00Z
    ///
    /// A place is the Nth page of candles, trades, tickers or markets, or the candle that opens at a time. What can go wrong
    /// there: empty, stale:MS, late:ROWS, lagging:MS, hole, doubled, differing, missing, or a kind of bad row.
    #[arg(long, value_name = "WHAT@WHERE,…", help_heading = heading::WHAT)]
    pub(crate) script: Option<String>,
    /// How long each REST answer takes, in ms: 40, 30..50 or 40±10
    #[arg(long, value_name = "MS", help_heading = heading::WHAT)]
    pub(crate) latency_ms: Option<DelayRange>,
    /// How long the venue works on each REST request, one at a time, in ms: 12 or 5..20
    #[arg(long, value_name = "MS", help_heading = heading::WHAT)]
    pub(crate) service_ms: Option<DelayRange>,
    /// How requests are counted
    #[arg(long, value_enum, default_value_t = LimiterArg::Sliding, help_heading = heading::WHAT)]
    pub(crate) limiter: LimiterArg,
    /// A rule in place of those of its group, like candles=20/1s,weight:4,anchored; may be given several times
    ///
    /// All rules of a group hold. After MAX/WINDOW may follow weight:N, the weight of each request, and sliding, anchored or
    /// fixed.
    #[arg(long, value_name = "GROUP=MAX/WINDOW", help_heading = heading::WHAT)]
    pub(crate) limit: Vec<LimitRule>,
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
    /// A window from the first request on: at most the limit in the second that it begins.
    Anchored,
    /// A fixed window: at most the limit in each calendar second.
    Fixed,
}

/// Reads the name of an emulator.
fn emulated() -> impl TypedValueParser<Value = EmulatedVenue> {
    let values = EmulatedVenue::ALL.map(|venue| PossibleValue::new(venue.name).help(venue.summary));
    PossibleValuesParser::new(values).try_map(|name| EmulatedVenue::find(&name).ok_or("no such emulator"))
}

/// What only the stock market takes.
#[derive(Debug, Group)]
#[command(next_help_heading = "US stocks")]
pub(crate) struct StockArgs {
    /// When there is trading
    ///
    /// Where bars begin does not depend on it: hours on multiples of UTC, days at New York's midnight.
    #[arg(long, value_enum, default_value_t = HoursArg::Always)]
    pub(crate) hours: HoursArg,
    /// How many tickers are listed
    #[arg(long, value_name = "N", default_value_t = 12_000)]
    pub(crate) tickers: usize,
    /// Splits: old and new shares from a day on, like AAPL=2026-11-23:1:4
    ///
    /// They come on top of those of NVDA and of XAAAA to XAAAL.
    #[arg(long, value_name = "TICKER=DATE:FROM:TO,…")]
    pub(crate) splits: Option<String>,
    /// How many sockets an account may have
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) max_connections: usize,
    /// Which socket goes when there are too many
    #[arg(long, value_enum, default_value_t = EvictArg::Oldest)]
    pub(crate) evict: EvictArg,
    /// Close a socket that has not logged in after so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub(crate) auth_timeout: u64,
    /// How many bytes may wait for a slow client
    #[arg(long, value_name = "BYTES", default_value_t = 16 << 20)]
    pub(crate) queue_bytes: usize,
    /// Share of off-exchange trades that come up to 15 minutes late and change bars
    #[arg(long, value_name = "SHARE", default_value_t = 0.01)]
    pub(crate) late_rate: f64,
    /// Share of events that a frame carries twice
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub(crate) dup_rate: f64,
    /// Write big volumes like 5.617399e+07
    #[arg(long)]
    pub(crate) exp_volume: bool,
    /// Send Retry-After with a 429
    #[arg(long)]
    pub(crate) retry_after: bool,
    /// How many requests a minute a paid plan may make [default: any number]
    #[arg(long, value_name = "N")]
    pub(crate) per_minute: Option<u32>,
    /// Close a socket that a fault drops with this code, instead of cutting it
    #[arg(long, value_name = "CODE")]
    pub(crate) drop_code: Option<u16>,
    /// Send so many trades a second on every socket, to measure with
    ///
    /// The first 10,000 tickers take turns.
    #[arg(long, value_name = "TRADES")]
    pub(crate) flood: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum HoursArg {
    /// Trading from 04:00 to 20:00 New York time, on trading days.
    NewYork,
    /// Trading around the clock, with less volume outside regular hours.
    Always,
    /// Around the clock, as busily as in regular hours.
    AlwaysRegular,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum EvictArg {
    Oldest,
    Newest,
}
