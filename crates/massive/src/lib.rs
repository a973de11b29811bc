//! Massive's market-data protocol for US stocks: how requests are written and how answers are read.
//!
//! No I/O happens here. [`Massive`] turns a [`Call`](market_backbone_core::Call) into a path and a query, a
//! body into candles with their proof, a frame into events; the caller owns the network. The content of a body
//! or a frame is never trusted: whatever the bytes, the result is a value or a typed error. [`MassiveClient`]
//! has what only this venue offers: grouped days, snapshots, splits, holidays and the like.
//!
//! ```
//! use market_backbone_core::{Call, CandlePageRequest, Secret, Series, Symbol, Timeframe, Timestamp, Venue};
//! use market_backbone_massive::{MASSIVE, Massive, MassivePlan};
//!
//! let massive = Massive::new(Secret::new("key"), MassivePlan::Advanced);
//! let series = Series::new(Symbol::new(MASSIVE, "AAPL")?, Timeframe::H1);
//! let page = Call::Candles(CandlePageRequest { series, before: None, count: 200 });
//! let call = massive.encode(&page, "2026-11-20T15:00:00Z".parse::<Timestamp>()?)?;
//! assert!(call.path.starts_with("/v2/aggs/ticker/AAPL/range/1/hour/"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod capabilities;
mod client;
mod decode;
mod descriptor;
mod error;
mod feed;
mod naming;
mod rate_name;
mod rest;
mod venue;
mod wire;

pub use capabilities::{MassivePlan, MassivePlanError, MassiveRate};
pub use client::{
    AggregateBar, AggregateSpec, DayBar, Dividend, Glossary, GlossaryTerm, Holiday, HolidayKind, Listing,
    MarketStatus, MassiveClient, MoverDirection, OpenClose, Quote, Snapshot, Timespan, TradeRecord,
    apply_holidays,
};
pub use descriptor::{DESCRIPTOR, PLAN_OPTION, RATE_OPTION};
pub use naming::{DELAYED_WS_URL, MASSIVE, MASSIVE_HOSTS, REST_URL, WS_URL};
pub use rate_name::MassiveRateError;
pub use venue::Massive;
