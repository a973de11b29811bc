//! The Massive emulator: US stocks in New York time, with REST and WebSocket answers derived from one tape.
//!
//! A print belongs to the bar of its timestamp but may become known up to a quarter of an hour later, or the
//! next morning. Every answer is the market *as known* at a moment, so bars are provisional here as they are
//! at the venue.

mod account_connections;
mod channel;
mod exchange;
mod new_york;
mod plan;
mod quota;
mod scenario;
mod service;
mod socket;
mod stocks_tape;
mod trading_calendar;
mod trading_minute;
mod wire_format;

pub use plan::EmulatedPlan;
pub use scenario::{
    EvictionPolicy, ExchangeHours, ParseSplitsError, SocketTermination, SplitSpec, StockActivity,
    StocksScenario, TickerSet, TickerSpec, TradeFlood,
};
pub use stocks_tape::{StockBar, StockTrade, StocksTape};

pub(crate) use exchange::StockExchange;

use crate::EmulatedVenue;

/// The look-alike as the list of emulators has it.
pub(crate) const EMULATED: EmulatedVenue = EmulatedVenue {
    name: "massive",
    display_name: "Massive",
    summary: "US stocks; keys: test-key (everything), developer-key, starter-key (delayed), free-key",
    socket_path: "stocks",
    regions: &[],
    owns: service::route::is_ours,
    answer: |world, _, request, slot| Box::pin(service::answer(world, request, slot)),
};
