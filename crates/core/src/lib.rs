//! Shared vocabulary and ports of market-backbone: markets, candles, feed events, queries and errors.
//!
//! Nothing here opens a socket, reads a clock, touches a disk or needs a runtime; those arrive as arguments.
//! Each layer implements or uses a port such as [`PageSource`], so that each can be used, tested and replaced
//! alone.

mod backoff;
mod book;
mod calendar;
mod candle;
mod candle_builder;
mod candle_columns;
mod candle_set;
mod coverage;
mod day;
mod decimal_sum;
mod derivation;
mod error;
mod feed;
mod grid;
mod instrument;
mod page;
mod plain_decimal;
mod port;
mod price_band;
mod priority;
mod query;
mod range_set;
mod secret;
#[cfg(feature = "serde")]
mod serde_form;
mod session;
mod setters;
mod side_inference;
mod single_flight;
mod split;
mod store_error;
mod symbol;
mod ticker;
mod time;
mod timeframe;
mod trade;
mod venue_descriptor;
mod venue_id;
mod view;
mod write_failure;

pub use backoff::Backoff;
pub use book::{Level, OrderBook};
pub use calendar::{Calendar, DayHours};
pub use candle::{Candle, Series};
pub use candle_builder::{
    BarEvent, BuilderCounts, BuilderRules, CandleBuilder, CandleBuilders, IngestOutcome,
};
pub use candle_columns::{
    CandleColumns, CandleColumnsBuilder, CandleRows, ColumnMemory, ColumnPool, ColumnsError, OwnedCandleRows,
};
pub use candle_set::{CandlePart, CandleSet, FetchStats, Slot};
pub use coverage::{AbsenceClaim, CLOCK_SLACK, Coverage, Dispute, MAX_ROW_DELAY, Origin, Provenance, Span};
pub use day::{Day, DayError};
pub use derivation::DerivationPolicy;
pub use error::{SourceError, SourceErrorKind};
pub use feed::{
    Channel, ChannelHistory, FeedEvent, FutureEventFilter, Gap, GapCause, GapState, LossReason, StreamKind,
    StreamKindError, drop_after, drop_future,
};
pub use grid::Grid;
pub use instrument::{Instrument, PriceIncrement};
pub use page::{
    BadRow, BookRequest, CandlePage, CandlePageBuilder, CandlePageRequest, FinalityRules, PageProof,
    RejectedRow, TickerRequest, TradeCursor, TradeCursorKind, TradePage, TradePageRequest,
};
pub use plain_decimal::PlainDecimal;
pub use port::{
    BudgetReport, Call, CallSource, CandleSource, CandleStore, Capabilities, Clock, ClockReading,
    ControlMessage, FrameDecoder, FrameError, FrameOutcome, HttpCall, HttpReply, KeepAlive, LiveSource,
    LiveStream, Login, ManualClock, MarketDaySource, OwnedReply, PageSource, PartStream, QueryParams,
    RateLimitGroup, RateLimitRule, RateUnit, RequestCost, RevisionPolicy, SocketLimits, SplitSource,
    StoredCandles, SymbolTable, Venue, VenueClock, WindowKind, WireObserver,
};
pub use price_band::{BandIndicators, PriceBand};
pub use priority::Priority;
pub use query::{
    CandleQuery, Delivery, Forming, MAX_COUNT, PageSequence, PriorClaims, QueryError, Selection, Subscription,
};
pub use range_set::{RangeSet, Stretch, StretchWalk};
pub use secret::Secret;
pub use session::Session;
pub use side_inference::{InferredSide, SideInference, SideRule};
pub use single_flight::{SharedFuture, SingleFlight};
pub use split::{AdjustedCandles, Split, SplitHistory, StraddlingCandle};
pub use store_error::{StoreError, StoreErrorKind};
pub use symbol::{Symbol, SymbolError};
pub use ticker::Ticker;
pub use time::{TimeError, TimeRange, Timestamp};
pub use timeframe::{Timeframe, TimeframeError};
pub use trade::{Side, Trade, TradeId, TradeIdText};
pub use venue_descriptor::{
    OpenMarketDaySource, OpenSplitSource, OpenVenue, SocketAddressOf, TradingHours, UndescribedVenue,
    VenueDescriptor, VenueKey, VenueOptions, VenueRegion, VenueRegistry, VenueSetting,
};
pub use venue_id::{VenueId, VenueIdError};
pub use view::{Fill, View, ViewRow};
pub use write_failure::WriteFailure;
