//! The Upbit look-alike: REST and WebSocket answers folded from the tape, spelled as measured.

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
