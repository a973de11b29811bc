//! Reads answers. A list is split into its elements first, so that a bad element never affects its neighbours.

pub(crate) mod books;
pub(crate) mod candles;
pub(crate) mod markets;
pub(crate) mod tickers;
pub(crate) mod trades;

use market_backbone_core::SourceError;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::malformed;

/// Returns the elements of a list, still unread.
fn elements(body: &[u8]) -> Result<Vec<&RawValue>, SourceError> {
    serde_json::from_slice(body).map_err(|error| malformed(body).with_source(error))
}

/// Reads one element, or returns `None` if it is malformed.
fn element<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Option<T> {
    serde_json::from_str(raw.get()).ok()
}

/// Returns the number of `elements` that were left out.
///
/// If all of them were, Upbit speaks another format than this build, and an empty answer would be wrong.
fn dropped_count(body: &[u8], elements: usize, read: usize) -> Result<u32, SourceError> {
    if elements > 0 && read == 0 {
        return Err(malformed(body));
    }
    Ok(u32::try_from(elements.saturating_sub(read)).unwrap_or(u32::MAX))
}

/// Reads each element of a list by `read`, and returns the number of those that could not be read as well.
fn list<T>(body: &[u8], read: impl Fn(&RawValue) -> Option<T>) -> Result<(Vec<T>, u32), SourceError> {
    let elements = elements(body)?;
    let items: Vec<T> = elements.iter().filter_map(|raw| read(raw)).collect();
    let dropped = dropped_count(body, elements.len(), items.len())?;
    Ok((items, dropped))
}
