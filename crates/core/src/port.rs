//! The ports: where the layers meet.
//!
//! Each is object-safe on purpose: which venue, which store and which clock are decided at run time.

mod book_pool;
mod calls;
mod candles;
mod clock;
mod corrections;
mod live;
mod strangers;
mod symbols;
mod venue;
mod venue_clock;

pub use calls::{CallSource, OwnedReply};
pub use candles::{CandleSource, CandleStore, PageSource, PartStream, StoredCandles};
pub use clock::{Clock, ManualClock};
pub use corrections::Corrections;
pub use live::{LiveSource, LiveStream};
pub use symbols::SymbolTable;
pub use venue::{
    Call, CallGroup, Capabilities, Control, FrameError, FrameOutcome, Greeting, HttpCall, HttpReply,
    KeepAlive, LimitGroup, Query, SocketLimits, Venue,
};
pub use venue_clock::{ClockReading, VenueClock};

const _: fn(&dyn PageSource) = |_| ();
const _: fn(&dyn CandleSource) = |_| ();
const _: fn(&dyn CandleStore) = |_| ();
const _: fn(&dyn LiveSource) = |_| ();
const _: fn(&dyn CallSource) = |_| ();
const _: fn(&dyn Clock) = |_| ();
const _: fn(&dyn Venue) = |_| ();
