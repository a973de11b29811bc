#![doc = include_str!("../docs/guide.md")]

mod backbone;
mod builder;
mod candles;
mod client;
mod clock;
mod error;
mod metrics;
mod subscribe;
mod suggest;

pub use backbone::Backbone;
pub use builder::{Builder, Storage};
pub use candles::{CandleRequest, Progress};
pub use client::Client;
pub use clock::SystemClock;
pub use error::Error;
pub use metrics::Metrics;
pub use subscribe::SubscribeRequest;

pub use market_backbone_coordinator::{CoordinatorConfig, CoordinatorMetrics};
pub use market_backbone_core::{
    Candle, CandleSet, Channel, Clock, Coverage, Delivery, FeedEvent, Forming, Gap, GapCause, GapState, Grid,
    Level, LiveStream, ManualClock, Market, OrderBook, Origin, Priority, Provenance, Series, Served, Side,
    Slot, SourceError, SourceErrorKind, Span, StoreError, StoreErrorKind, StreamKind, Symbol, Ticker,
    TimeError, TimeRange, Timeframe, Timestamp, Trade, TradeId, VenueId,
};
pub use market_backbone_routing::{Endpoint, RouterConfig, RouterMetrics};
pub use market_backbone_storage::StoreConfig;
pub use market_backbone_upbit::UPBIT;

/// The example of the README, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
