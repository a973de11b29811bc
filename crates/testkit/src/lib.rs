//! What the tests of several crates share, so that each fake exists once. A dev-dependency only.
//!
//! | what | for |
//! | --- | --- |
//! | [`PlainVenue`] | a [`Venue`](market_backbone_core::Venue) whose protocol is plain words, over REST and a socket |
//! | [`ScriptedCandles`] | a [`CandleSource`](market_backbone_core::CandleSource) with pieces, holes, failures, and a log of what it was asked |
//! | [`HookedStore`] | a [`CandleStore`](market_backbone_core::CandleStore) that fails, waits or interferes before a call |
//! | [`CannedCalls`] | a [`CallSource`](market_backbone_core::CallSource) with prepared answers |
//! | [`TaskClock`], [`MachineClock`] | clocks that run with tokio's time, or that can be set while the time since the boot goes on |
//! | [`CAPABILITIES`] | a venue without any limits, to be changed field by field |
//! | [`eventually`], [`soon`] | waits with a deadline |
//! | [`candle`], [`minutes`], [`proof`], [`ticker`] … | values on numbered one-minute slots |
//!
//! ```
//! use market_backbone_core::{CandleQuery, CandleSource};
//! use market_backbone_testkit::{ScriptedCandles, candles, minute_of, minutes, series};
//!
//! let venue = ScriptedCandles::new(|_, range| candles(minute_of(range.from()), minute_of(range.to())));
//! let venue = venue.without(minutes(3, 5));
//! let query = CandleQuery::within(series("KRW-BTC"), minutes(0, 10));
//! let set = futures::executor::block_on(venue.candles(query))?;
//! assert_eq!((set.candles.len(), set.coverage.ranges()), (8, vec![minutes(0, 3), minutes(5, 10)]));
//! assert_eq!(venue.requests(), 1);
//! # Ok::<(), market_backbone_core::SourceError>(())
//! ```

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a helper of a test may stop at the first surprise, as the test may"
)]

mod candle_values;
mod canned_calls;
mod capabilities;
mod clocks;
mod event_values;
mod hooked_store;
mod market_page;
mod plain_frames;
mod plain_lines;
mod plain_venue;
mod recordings;
mod scripted_candles;
mod waiting;

pub use candle_values::{
    OBSERVED_AT, UPBIT, candle, candles, dice, everything, flat_candle, has_trade, minute, minute_of,
    minutes, proof, proof_of, series,
};
pub use canned_calls::CannedCalls;
pub use capabilities::CAPABILITIES;
pub use clocks::{MachineClock, TaskClock};
pub use event_values::{ticker, top_of_book, trade};
pub use hooked_store::{HookedStore, StoreCall};
pub use market_page::market_page;
pub use plain_venue::{CONNECTS, PLAIN, PlainVenue, channel, symbol};
pub use recordings::recorded;
pub use scripted_candles::ScriptedCandles;
pub use waiting::{eventually, eventually_async, soon};
