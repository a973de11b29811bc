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
use crate::wire::ResultList;

/// Reads an answer that is an object. serde would accept a list as well, and take an empty list for an object
/// with all fields left out.
pub(crate) fn object<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, SourceError> {
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(malformed(body));
    }
    serde_json::from_slice(body).map_err(|error| malformed(body).with_source(error))
}

/// Reads the fields around a list, with its elements still unread.
pub(crate) fn rows(body: &[u8]) -> Result<ResultList<'_>, SourceError> {
    object(body)
}

/// Reads one element, or returns `None` if it is malformed.
pub(crate) fn element<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Option<T> {
    serde_json::from_str(raw.get()).ok()
}

/// Returns the number of `elements` that were left out.
///
/// If all of them were, Massive speaks another format than this build, and an empty answer would be wrong.
pub(crate) fn dropped_count(body: &[u8], elements: usize, read: usize) -> Result<u32, SourceError> {
    if elements > 0 && read == 0 {
        return Err(malformed(body));
    }
    Ok(u32::try_from(elements.saturating_sub(read)).unwrap_or(u32::MAX))
}

/// Reads each element of an answer's list by `read`, and returns the number of those that could not be read as
/// well.
pub(crate) fn list<T>(
    body: &[u8],
    read: impl Fn(&RawValue) -> Option<T>,
) -> Result<(Vec<T>, u32), SourceError> {
    let elements = rows(body)?.results.unwrap_or_default();
    let items: Vec<T> = elements.iter().filter_map(|raw| read(raw)).collect();
    let dropped = dropped_count(body, elements.len(), items.len())?;
    Ok((items, dropped))
}

/// Returns an amount: from the exact text where the venue sends one, otherwise from the number; 0 where both
/// are missing.
pub(crate) fn amount(spelt: Option<&str>, number: Option<f64>) -> f64 {
    let spelt = spelt.and_then(|text| text.parse().ok()).filter(|amount: &f64| amount.is_finite());
    spelt.or(number).unwrap_or(0.0)
}
