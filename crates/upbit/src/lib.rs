//! Upbit's public market-data protocol: how requests are written and how answers are read.
//!
//! No I/O happens here. [`Upbit`] turns a [`Call`](market_backbone_core::Call) into a path and a query, a body
//! into candles with their proof, a frame into events; the caller owns the network. The content of a body or a
//! frame is never trusted: whatever the bytes, the result is a value or a typed error. [`UpbitClient`] has what
//! only this venue offers.
//!
//! ```
//! use market_backbone_core::{Call, CandlePageRequest, Series, Symbol, Timeframe, Timestamp, Venue};
//! use market_backbone_upbit::{UPBIT, Upbit};
//!
//! let series = Series::new(Symbol::new(UPBIT, "KRW-BTC")?, Timeframe::H1);
//! let page = Call::Candles(CandlePageRequest { series, before: None, count: 200 });
//! let call = Upbit::new().encode(&page, Timestamp::EPOCH)?;
//! assert_eq!(call.path, "/v1/candles/minutes/60");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod capabilities;
mod client;
mod decode;
mod descriptor;
mod error;
mod feed;
mod naming;
mod region;
mod rest;
mod venue;
mod wire;

pub use client::{Grouping, UpbitClient};
pub use descriptor::DESCRIPTOR;
pub use naming::{REST_URL, UPBIT, WS_URL};
pub use region::{UPBIT_HOSTS, UpbitRegion, UpbitRegionError};
pub use venue::Upbit;
