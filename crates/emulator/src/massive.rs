//! The Massive look-alike: US stocks on New York's time, REST and WebSocket answers folded from one tape.
//!
//! A print belongs to the bar of its stamp but may become known up to a quarter of an hour later, or the next
//! morning: every answer is the market *as known* at a moment, so bars are provisional here as they are there.

mod channel;
mod exchange;
mod holidays;
mod moment;
mod newyork;
mod plan;
mod quota;
mod seats;
mod service;
mod socket;
mod spell;
mod stage;
mod truth;

pub use plan::Plan;
pub use stage::{
    Ending, Evict, Flood, Hours, Massive, ParseSplitsError, Split, Thickness, TickerSet, TickerSpec,
};
pub use truth::{StockBar, StockTrade, StocksTape};

pub(crate) use exchange::Exchange;
pub(crate) use service::answer;
pub(crate) use service::route::is_ours;
pub(crate) use socket::converse;
