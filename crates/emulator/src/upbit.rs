//! The Upbit look-alike: REST and WebSocket answers folded from the tape, spelled as measured.

mod book;
mod candles;
mod listing;
mod markets;
mod refusal;
mod region;
mod route;
mod service;
mod socket;
mod summary;
mod ticks;
mod trades;

pub(crate) use markets::Markets;
pub use region::Region;
pub(crate) use service::answer;
pub(crate) use socket::{Mischief, Mood, Open, converse};
