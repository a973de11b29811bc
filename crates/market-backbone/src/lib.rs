//! A market-data backbone: say *what* you want and how urgently, never *how*.
//!
#![doc = include_str!("../docs/guide.md")]

mod backbone;
mod builder;
mod candles;
mod client;
mod clock;
mod error;
mod metrics;
mod plan;
mod progress;
mod storage;
mod store;
mod subscribe;
mod suggest;

pub use backbone::Backbone;
pub use builder::Builder;
pub use candles::CandleRequest;
pub use client::Client;
pub use clock::SystemClock;
pub use error::Error;
pub use metrics::Metrics;
pub use plan::Plan;
pub use progress::Progress;
pub use storage::Storage;
pub use store::{
    Care, CareReport, Finding, Flaw, Place, RepairPlan, Retention, SeriesStats, ShardCare, ShardStats,
    SqliteStore, StoreConfig, StoreStats, plan_repair,
};
pub use subscribe::SubscribeRequest;

pub use market_backbone_coordinator::{CoordinatorConfig, CoordinatorMetrics};
pub use market_backbone_core::{
    CallGroup, Candle, CandleSet, CandleStore, Channel, Clock, Coverage, Delivery, Derive, Dispute,
    FeedEvent, Fill, Forming, Gap, GapCause, GapState, Grid, Level, LiveStream, ManualClock, Market,
    OrderBook, Origin, Priority, Provenance, Series, Served, Side, Slot, SourceError, SourceErrorKind, Span,
    StoreError, StoreErrorKind, StreamKind, Symbol, Ticker, TimeError, TimeRange, Timeframe, Timestamp,
    Trade, TradeId, VenueId, View, ViewRow,
};
pub use market_backbone_routing::{Endpoint, RouterConfig, RouterMetrics};
#[cfg(feature = "parquet")]
pub use market_backbone_storage::write_parquet;
pub use market_backbone_storage::{
    ArchiveFormat, ArchivedSeries, ContentHash, ContentHashError, ExportOrder, Manifest, export_archive,
    import_archive,
};
#[cfg(feature = "postgres")]
pub use market_backbone_storage::{PostgresConfig, PostgresStore};
pub use market_backbone_upbit::UPBIT;

/// The example of the README, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
