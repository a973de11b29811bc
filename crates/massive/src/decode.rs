//! Reads answers. A list is split into its elements first, so that a bad element never affects its neighbours.

pub(crate) mod books;
pub(crate) mod candles;
pub(crate) mod markets;
pub(crate) mod tickers;
pub(crate) mod trades;

use market_backbone_core::SourceError;
use market_backbone_venue_kit::{JsonList, parse_body};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::malformed;
use crate::naming::VENUE;
use crate::wire::ResultList;

/// Reads an answer that is an object. serde would accept a list as well, and take an empty list for an object
/// with all fields left out.
pub(crate) fn object<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, SourceError> {
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(malformed(body));
    }
    parse_body(VENUE, body)
}

/// Reads the fields around a list, with its elements still unread.
pub(crate) fn rows(body: &[u8]) -> Result<ResultList<'_>, SourceError> {
    object(body)
}

/// Reads each element of an answer's list by `read`; also says how many could not be.
pub(crate) fn list<T>(
    body: &[u8],
    read: impl Fn(&RawValue) -> Option<T>,
) -> Result<(Vec<T>, u32), SourceError> {
    JsonList::new(VENUE, body, rows(body)?.results.unwrap_or_default()).read(read)
}
