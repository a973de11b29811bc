//! Reads answers: a list is taken apart first, so that one bad element never takes its neighbours with it.

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

/// Reads an answer that is an object. To serde a list is one too, and an empty list one of which everything was left out.
pub(crate) fn object<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, SourceError> {
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(malformed(body));
    }
    serde_json::from_slice(body).map_err(|error| malformed(body).with_source(error))
}

/// What is around a list, with its elements still unread.
pub(crate) fn rows(body: &[u8]) -> Result<ResultList<'_>, SourceError> {
    object(body)
}

/// Reads one element.
pub(crate) fn element<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Option<T> {
    serde_json::from_str(raw.get()).ok()
}

/// How many of `elements` were left out.
///
/// If all were, Massive speaks another language than this build, and an empty answer would be a lie.
pub(crate) fn dropped_count(body: &[u8], elements: usize, read: usize) -> Result<u32, SourceError> {
    if elements > 0 && read == 0 {
        return Err(malformed(body));
    }
    Ok(u32::try_from(elements.saturating_sub(read)).unwrap_or(u32::MAX))
}

/// Reads each element of an answer's list by `read`; also says how many could not be.
pub(crate) fn list<T>(
    body: &[u8],
    read: impl Fn(&RawValue) -> Option<T>,
) -> Result<(Vec<T>, u32), SourceError> {
    let elements = rows(body)?.results.unwrap_or_default();
    let items: Vec<T> = elements.iter().filter_map(|raw| read(raw)).collect();
    let dropped = dropped_count(body, elements.len(), items.len())?;
    Ok((items, dropped))
}

/// An amount: spelt out to the last fraction where the venue does so, else as a number; 0 where it is left out.
pub(crate) fn amount(spelt: Option<&str>, number: Option<f64>) -> f64 {
    let spelt = spelt.and_then(|text| text.parse().ok()).filter(|amount: &f64| amount.is_finite());
    spelt.or(number).unwrap_or(0.0)
}
