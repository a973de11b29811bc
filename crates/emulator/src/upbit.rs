//! The Upbit emulator: REST and WebSocket answers derived from the tape, in the measured spelling.

mod api_error;
mod candles;
mod listing;
mod markets;
mod order_book;
mod region;
mod route;
mod service;
mod socket;
mod tick_sizes;
mod ticker;
mod trades;

pub(crate) use markets::EmulatedMarkets;
pub use region::EmulatedRegion;
pub(crate) use service::answer;
pub(crate) use socket::{FrameFaultInjector, OpenSocketGuard, SocketFaultState, run};
