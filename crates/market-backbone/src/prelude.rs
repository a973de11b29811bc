//! The names that nearly every program uses: `use market_backbone::prelude::*;`.

pub use crate::system_clock::SystemNow;
pub use crate::{
    Backbone, Candle, CandleColumns, CandleSet, Client, Error, FeedEvent, Fill, Priority, Slot, StreamKind,
    Timeframe, Timestamp,
};
