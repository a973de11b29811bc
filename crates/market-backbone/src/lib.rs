//! A market-data backbone: say *what* you want and how urgently, never *how*.
//!
#![doc = include_str!("../docs/guide.md")]

mod account;
mod backbone;
mod builder;
mod candles;
mod client;
mod clock;
mod daily;
mod dispatcher;
mod error;
mod interests;
mod layers;
mod metrics;
mod old_folder;
mod pinned;
mod plan;
mod progress;
mod recording;
mod splits;
mod storage;
mod store;
mod subscribe;
mod suggest;
mod universes;
mod venues;

pub use account::MassiveAccount;
pub use backbone::Backbone;
pub use builder::Builder;
pub use candles::CandleRequest;
pub use client::Client;
pub use clock::SystemClock;
pub use dispatcher::{CallbackPanic, Dispatcher, Registration};
pub use error::{Error, UnknownVenue};
pub use metrics::Metrics;
pub use old_folder::open_folder;
pub use pinned::PinnedMarkets;
pub use plan::Plan;
pub use progress::Progress;
pub use storage::Storage;
pub use store::{
    Care, CareReport, Finding, Flaw, Place, RepairPlan, Retention, SeriesStats, ShardCare, ShardStats,
    SqliteStore, StoreConfig, StoreStats,
};
pub use subscribe::SubscribeRequest;
pub use venues::{grid_of, plan_repair, spelling};

pub use market_backbone_coordinator::{
    ContinuityConfig, CoordinatorConfig, CoordinatorMetrics, Cursor, CursorError, Feed, Start,
};
pub use market_backbone_core::{
    AdjustedCandles, Calendar, CallGroup, Candle, CandleSet, CandleStore, Channel, Claim, Clock, Coverage,
    Day, Delivery, Derive, Dispute, FeedEvent, Figure, Fill, Forming, Gap, GapCause, GapState, Grid, History,
    Indicators, Level, Loss, ManualClock, Market, OrderBook, Origin, PriceBand, Priority, Provenance,
    RejectedRow, Secret, Series, Served, Session, Side, Slot, SourceError, SourceErrorKind, Span, Split,
    SplitHistory, StoreError, StoreErrorKind, Straddled, StreamKind, Symbol, Ticker, TimeError, TimeRange,
    Timeframe, Timestamp, Trade, TradeId, Unkept, VenueId, VenueIdError, View, ViewRow,
};
pub use market_backbone_core::{
    BarEvent, BuilderCounts, BuilderRules, CandleBuilder, CandleBuilders, InferredSide, Intake,
    SideInference, SideRule,
};
/// US stocks: what only their venue offers, and what its answers hold.
pub use market_backbone_massive::{
    Aggregates, Bar, DELAYED_WS_URL, DayBar, Direction, Dividend, Glossary, HOMES as MASSIVE_HOMES, Holiday,
    HolidayKind, Listing, MASSIVE, MarketStatus, MassiveClient, OpenClose, Plan as MassivePlan,
    Rate as MassiveRate, Snapshot, Term, Timespan, TradeRecord, apply_holidays,
};
pub use market_backbone_routing::{
    ByteStream, ChannelCaps, ConnectionHealth, Endpoint, Follow, Health, Interest, Reason, Route,
    RouterConfig, RouterMetrics, Transport,
};
pub use market_backbone_storage::{
    ArchiveFormat, ArchivedSeries, ContentHash, ContentHashError, Draft, ExportOrder, GridOf, Manifest,
    export_archive, file_stem, import_archive, import_archive_as, import_archive_of,
};
#[cfg(feature = "postgres")]
pub use market_backbone_storage::{
    DatabaseSeries, DatabaseStats, DatabaseTable, PostgresConfig, PostgresStore,
};
pub use market_backbone_storage::{DistantState, Recorder, RecorderConfig, RecorderMetrics, Recording};
#[cfg(feature = "parquet")]
pub use market_backbone_storage::{ParquetAnswers, write_parquet};
pub use market_backbone_storage::{
    ParseUniverseError, UniverseEntry, UniverseKind, UniverseStore, UnknownUniverse, read_universes,
    resolve_universe,
};
pub use market_backbone_upbit::{
    Grouping, HOMES as UPBIT_HOMES, Region as UpbitRegion, RegionError as UpbitRegionError, UPBIT,
    UpbitClient,
};

/// The example of the README, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
