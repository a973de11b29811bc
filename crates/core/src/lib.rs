//! Shared vocabulary and ports of market-backbone: what a market, a candle and a failure are.
//!
//! Nothing here opens a socket, reads a clock, touches a disk or needs a runtime; those arrive as
//! arguments. Each layer of the house implements or uses a [`port`](PageSource), so that each can be
//! used, tested and replaced alone.

mod book;
mod calendar;
mod candle;
mod candle_builder;
mod candle_set;
mod coverage;
mod day;
mod decimal_sum;
mod derive;
mod error;
mod feed;
mod figure;
mod grid;
mod market;
mod page;
mod port;
mod price_band;
mod priority;
mod query;
mod secret;
mod session;
mod side_inference;
mod split;
mod store_error;
mod symbol;
mod ticker;
mod time;
mod timeframe;
mod trade;
mod unkept;
mod venue_id;
mod view;

pub use book::{Level, OrderBook};
pub use calendar::{Calendar, DayHours};
pub use candle::{Candle, Series};
pub use candle_builder::{BarEvent, BuilderCounts, BuilderRules, CandleBuilder, CandleBuilders, Intake};
pub use candle_set::{CandlePart, CandleSet, Served, Slot};
pub use coverage::{CLOCK_SLACK, Claim, Coverage, Dispute, LATE_ROWS, Origin, Provenance, Span};
pub use day::{Day, DayError};
pub use derive::Derive;
pub use error::{SourceError, SourceErrorKind};
pub use feed::{
    Channel, FeedEvent, Gap, GapCause, GapState, History, Horizon, Loss, StreamKind, StreamKindError,
    drop_beyond, drop_future,
};
pub use figure::Figure;
pub use grid::Grid;
pub use market::{Instrument, Market};
pub use page::{
    BadRow, BookRequest, CandlePage, CandlePageRequest, CandleRows, Proof, RejectedRow, SettlingRules,
    TickerRequest, TradePage, TradePageRequest,
};
pub use port::{
    Call, CallGroup, CallSource, CandleSource, CandleStore, Capabilities, Clock, ClockReading, Control,
    Corrections, FrameError, FrameOutcome, Greeting, HttpCall, HttpReply, KeepAlive, LimitGroup, LiveSource,
    LiveStream, ManualClock, OwnedReply, PageSource, PartStream, Query, SocketLimits, StoredCandles,
    SymbolTable, Venue, VenueClock,
};
pub use price_band::{Indicators, PriceBand};
pub use priority::Priority;
pub use query::{
    CandleQuery, Delivery, Forming, Hearsay, Landmark, MAX_COUNT, QueryError, Selection, Subscription,
};
pub use secret::Secret;
pub use session::Session;
pub use side_inference::{InferredSide, SideInference, SideRule};
pub use split::{AdjustedCandles, Split, SplitHistory, Straddled};
pub use store_error::{StoreError, StoreErrorKind};
pub use symbol::{Symbol, SymbolError};
pub use ticker::Ticker;
pub use time::{TimeError, TimeRange, Timestamp};
pub use timeframe::{Timeframe, TimeframeError};
pub use trade::{Side, Trade, TradeId};
pub use unkept::Unkept;
pub use venue_id::{VenueId, VenueIdError};
pub use view::{Fill, View, ViewRow};
