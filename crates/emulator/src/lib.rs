//! An emulator of market-data venues, for tests, demos and work without a network.
//!
//! It speaks the venue's REST and WebSocket protocols on one port, plays trades that are a function of a seed
//! (or of a file of recorded trades), enforces the venue's limits, and injects faults on demand. All answers
//! are derived from one tape of trades, so candles, tickers, books and frames agree.
//!
//! Two venues share the port: Upbit (`/v1/…`, `/websocket/v1`) and Massive's US stocks (`/v2/…`, `/v3/…`,
//! `/stocks`), distinguished by the path. [`RunningEmulator::tape`] and [`RunningEmulator::stocks`] return
//! the true data of each.
//!
//! It shares no type with the adapters that it tests: a mistake about the wire format in one place cannot
//! hide in the other. Clients written by others check it.
//!
//! ```no_run
//! # async fn example() -> Result<(), market_backbone_emulator::EmulatorError> {
//! use market_backbone_emulator::{Emulator, Scenario};
//!
//! let venue = Emulator::start(Scenario { seed: 7, ..Scenario::default() }).await?;
//! // … point a client at venue.rest_url() and venue.ws_url() …
//! assert_eq!(venue.report().rejected(), 0);
//! venue.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! Tests talk to it through [`RunningEmulator`]; programs elsewhere through `GET /__admin/report`,
//! `POST /__admin/faults` (a JSON object with some fields of [`Faults`]), `POST /__admin/script` (what [`ScriptedFault`]
//! reads), `POST /__admin/reset`, `GET /__admin/sockets` and `POST /__admin/drop` (all sockets; `/__admin/drop/3` that one).

mod admin;
mod calendar;
mod clock;
mod connection;
mod connector;
mod emulated_venue;
mod error;
mod faults;
mod hash_random;
mod json;
mod limiter;
mod massive;
mod number;
mod response;
mod scenario;
mod serve;
mod single_server;
mod socket_registry;
mod tape;
mod traffic_log;
mod upbit;
mod world;

pub use clock::EmulatorClock;
pub use connector::Connector;
pub use emulated_venue::EmulatedVenue;
pub use error::EmulatorError;
pub use faults::{
    BadRowKind, DelayRange, FaultTarget, Faults, PageFault, PageKind, ParseDelayError, ParseFaultsError,
    ScriptedFault,
};
pub use limiter::{BanBody, BanRule, LimitRule, LimitUnit, LimiterKind, ParseLimitError};
pub use massive::{
    EmulatedPlan, EvictionPolicy, ExchangeHours, ParseSplitsError, SocketTermination, SplitSpec,
    StockActivity, StockBar, StockTrade, StocksScenario, StocksTape, TickerSet, TickerSpec, TradeFlood,
};
pub use number::NumberFormat;
pub use scenario::{MarketActivity, MarketSet, MarketSpec, Outage, Quirks, Scenario, TapeAlignment};
pub use serve::{CryptoTape, Emulator, RunningEmulator, serve};
pub use tape::{TakerSide, TapeTrade};
pub use traffic_log::{EmulatorReport, GroupReport, SocketReport};
pub use upbit::{EmulatedRegion, ParseRegionError};
