//! Reads answers. A list is split into its elements first, so that a bad element never affects its neighbours.

pub(crate) mod books;
pub(crate) mod candles;
pub(crate) mod markets;
pub(crate) mod tickers;
pub(crate) mod trades;

use market_backbone_core::SourceError;
use market_backbone_venue_kit::JsonList;
use serde_json::value::RawValue;

use crate::naming::VENUE;

/// Reads each element of a list by `read`, and returns the number of those that could not be read as well.
fn list<T>(body: &[u8], read: impl Fn(&RawValue) -> Option<T>) -> Result<(Vec<T>, u32), SourceError> {
    JsonList::parse(VENUE, body)?.read(read)
}
