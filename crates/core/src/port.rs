//! The ports: where the layers meet.
//!
//! Each is object-safe on purpose: the venue, the store and the clock are chosen at run time.

mod book_pool;
mod call_source;
mod candles;
mod clock;
mod frame_decoder;
mod interned_symbols;
mod live_source;
mod rate_limit;
mod revision_policy;
mod socket_limits;
mod symbol_table;
mod venue;
mod venue_clock;
mod venue_extras;
mod wire_observer;

pub use call_source::{CallSource, OwnedReply};
pub use candles::{CandleSource, CandleStore, PageSource, PartStream, StoredCandles};
pub use clock::{Clock, ManualClock};
pub use frame_decoder::{ControlMessage, FrameDecoder, FrameError, FrameOutcome};
pub use live_source::{LiveSource, LiveStream};
pub use rate_limit::{BudgetReport, RateLimitGroup, RateLimitRule, RateUnit, RequestCost, WindowKind};
pub use revision_policy::RevisionPolicy;
pub use socket_limits::{KeepAlive, SocketLimits};
pub use symbol_table::SymbolTable;
pub use venue::{Call, Capabilities, HttpCall, HttpReply, Login, QueryParams, Venue};
pub use venue_clock::{ClockReading, VenueClock};
pub use venue_extras::{MarketDaySource, SplitSource};
pub use wire_observer::WireObserver;

const _: fn(&dyn PageSource) = |_| ();
const _: fn(&dyn CandleSource) = |_| ();
const _: fn(&dyn CandleStore) = |_| ();
const _: fn(&dyn LiveSource) = |_| ();
const _: fn(&dyn CallSource) = |_| ();
const _: fn(&dyn Clock) = |_| ();
const _: fn(&dyn Venue) = |_| ();
const _: fn(&dyn SplitSource) = |_| ();
const _: fn(&dyn MarketDaySource) = |_| ();
const _: fn(&dyn FrameDecoder) = |_| ();
const _: fn(&dyn WireObserver) = |_| ();
