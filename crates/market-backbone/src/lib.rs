//! A market-data backbone: a program says *what* it wants and how urgently, never *how* to get it.
//!
#![doc = include_str!("../docs/guide.md")]

pub mod adapter;
mod backbone;
mod bars;
mod builder;
mod candle_batch;
mod candle_request;
mod candle_stream;
mod client;
pub mod config;
mod dispatcher;
mod error;
mod error_kind;
mod interests;
#[cfg(feature = "sqlite")]
mod legacy_folder;
mod market_day;
mod market_list;
mod metrics;
mod pinned;
mod plan;
#[cfg(feature = "serde")]
mod plan_form;
pub mod prelude;
mod progress;
mod recording;
#[cfg(feature = "tape")]
mod replay;
mod splits;
mod storage;
mod store;
mod subscribe_request;
mod suggest;
mod system_clock;
mod universes;
mod venue_stack;
mod venues;

pub use backbone::Backbone;
pub use bars::Bars;
pub use builder::Builder;
pub use candle_batch::{BatchAnswer, CandleAnswers, CandleBatch, TimeframeList};
pub use candle_request::CandleRequest;
pub use candle_request::window::{AnyWindow, CandleWindow, DefaultWindow, LastWindow, RangeWindow};
pub use candle_stream::CandleStream;
pub use client::Client;
pub use dispatcher::{CallbackPanic, Dispatcher, Registration};
pub use error::{Error, UnknownVenue};
pub use error_kind::ErrorKind;
#[cfg(feature = "sqlite")]
pub use legacy_folder::open_folder;
pub use market_list::{ManyMarkets, MarketList, OneMarket};
pub use metrics::Metrics;
pub use pinned::PinnedMarkets;
pub use plan::Plan;
pub use progress::Progress;
pub use storage::Storage;
pub use store::{Finding, IntegrityIssue, IssueLocation, RepairPlan};
#[cfg(feature = "sqlite")]
pub use store::{
    MaintenanceConfig, MaintenanceReport, Retention, SealReport, SealingConfig, SeriesStats,
    ShardMaintenance, ShardStats, SqliteStore, StoreConfig, StoreStats,
};
pub use subscribe_request::SubscribeRequest;
pub use system_clock::{SystemClock, SystemNow};
pub use venues::{
    MassiveAccount, VenueConfig, default_venue, grid_of, known_venues, normalize_code, plan_repair,
};

pub use market_backbone_coordinator::{
    ContinuityConfig, CoordinatorConfig, CoordinatorMetrics, Cursor, CursorError, Feed, FeedMetrics, Start,
};
pub use market_backbone_core::{
    AbsenceClaim, AdjustedCandles, BandIndicators, Calendar, Candle, CandleColumns, CandleColumnsBuilder,
    CandleRows, CandleSet, CandleStore, Channel, ChannelHistory, Clock, ClockReading, ColumnsError, Coverage,
    Day, DayError, DayHours, Delivery, DerivationPolicy, Dispute, FeedEvent, FetchStats, Fill, Forming, Gap,
    GapCause, GapState, Grid, Instrument, Level, LossReason, ManualClock, OrderBook, Origin, OwnedCandleRows,
    PlainDecimal, PriceBand, Priority, Provenance, QueryError, RangeSet, RateLimitGroup, RejectedRow, Secret,
    Series, Session, Side, Slot, SourceError, SourceErrorKind, Span, Split, SplitHistory, StoreError,
    StoreErrorKind, StraddlingCandle, StreamKind, StreamKindError, Stretch, StretchWalk, Symbol, SymbolError,
    Ticker, TimeError, TimeRange, Timeframe, TimeframeError, Timestamp, Trade, TradeId, TradeIdText, VenueId,
    VenueIdError, View, ViewRow, WireObserver, WriteFailure,
};
pub use market_backbone_core::{
    BarEvent, BuilderCounts, BuilderRules, CandleBuilder, CandleBuilders, InferredSide, IngestOutcome,
    SideInference, SideRule,
};
/// The description of a venue, and the registry of those that a program knows.
pub use market_backbone_core::{
    TradingHours, UndescribedVenue, VenueDescriptor, VenueKey, VenueOptions, VenueRegion, VenueRegistry,
    VenueSetting,
};
/// US stocks: what only Massive offers, and the values in its answers.
pub use market_backbone_massive::{
    AggregateBar, AggregateSpec, DELAYED_WS_URL, DayBar, Dividend, Glossary, GlossaryTerm, Holiday,
    HolidayKind, Listing, MASSIVE, MASSIVE_HOSTS as MASSIVE_HOMES, MarketStatus, MassiveClient, MassivePlan,
    MassivePlanError, MassiveRate, MassiveRateError, MoverDirection, OpenClose, Quote, Snapshot, Timespan,
    TradeRecord, apply_holidays,
};
pub use market_backbone_routing::{
    ByteStream, ConnectionHealth, Endpoint, FollowGuard, GroupMetrics, Health, Interest, LimiterMetrics,
    LiveMetrics, Route, RouteReason, RouterConfig, RouterMetrics, SubscriptionLimits, Transport,
};
pub use market_backbone_storage::{
    ArchiveFormat, ArchivedSeries, AtomicFile, ContentHash, ContentHashError, ExportOptions, GridLookup,
    Manifest, check_archive_calendars, export_archive, file_stem, import_archive, import_archive_as,
    import_archive_of,
};
#[cfg(feature = "arrow")]
pub use market_backbone_storage::{ArrowViewWriter, write_arrow};
#[cfg(feature = "postgres")]
pub use market_backbone_storage::{
    DatabaseSeries, DatabaseStats, DatabaseTable, PostgresConfig, PostgresStore,
};
#[cfg(feature = "parquet")]
pub use market_backbone_storage::{ParquetViewWriter, write_parquet};
pub use market_backbone_storage::{
    ParseUniverseError, UniverseEntry, UniverseKind, UniverseStore, UnknownUniverse, read_universes,
    resolve_universe,
};
pub use market_backbone_storage::{Recorder, RecorderConfig, RecorderMetrics, Recording, RemoteStoreState};
pub use market_backbone_upbit::{
    Grouping, UPBIT, UPBIT_HOSTS as UPBIT_HOMES, UpbitClient, UpbitRegion, UpbitRegionError,
};

/// The example of the README, compiled as a test.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
/// Strategies: indicators, patterns, scores, the paper broker, backtests and reports. Feature `strategy`.
#[cfg(feature = "strategy")]
pub use market_backbone_strategy as strategy;
#[cfg(feature = "tape")]
pub use market_backbone_tape::{ReplayStats, TapeError, TapeSession, TornTail};
#[cfg(feature = "tape")]
pub use replay::{Replay, ReplayError, ReplayOptions, ReplayReport, ReplayStopper};

/// Recordings of all that a venue sends, and their readers. Feature `tape`.
#[cfg(feature = "tape")]
pub use market_backbone_tape as tape;
