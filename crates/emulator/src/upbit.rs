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
pub use region::{EmulatedRegion, ParseRegionError};
pub(crate) use socket::{FrameFaultInjector, OpenSocketGuard, SocketFaultState};

use crate::EmulatedVenue;

/// The look-alike as the list of emulators has it.
pub(crate) const EMULATED: EmulatedVenue = EmulatedVenue {
    name: "upbit",
    display_name: "Upbit",
    summary: "Coins; no key",
    socket_path: "websocket/v1",
    regions: &["kr", "sg", "id", "th"],
    // Everything that is nobody else's.
    owns: |_| false,
    answer: |world, peer, request, slot| Box::pin(service::answer(world, peer, request, slot)),
};
