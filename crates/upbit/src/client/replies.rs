//! Reads the answers. A row that cannot be read fails the whole answer, because no caller could ask for it
//! again.

use market_backbone_core::{OwnedReply, SourceError, Symbol, VenueId};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::answers::Grouping;
use crate::error::malformed;
use crate::wire::GroupingRow;

/// Returns the rows of all pages, each read by `read`.
fn read_all<T>(pages: &[OwnedReply], read: impl Fn(&RawValue) -> Option<T>) -> Result<Vec<T>, SourceError> {
    let mut items = Vec::new();
    for page in pages {
        for raw in parse_json::<Vec<&RawValue>>(&page.body)? {
            items.push(read(raw).ok_or_else(|| malformed(raw.get().as_bytes()))?);
        }
    }
    Ok(items)
}

fn parse_json<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, SourceError> {
    serde_json::from_slice(body).map_err(|error| malformed(body).with_source(error))
}

pub(super) fn groupings(source: VenueId, pages: &[OwnedReply]) -> Result<Vec<Grouping>, SourceError> {
    read_all(pages, |raw| {
        let row: GroupingRow<'_> = serde_json::from_str(raw.get()).ok()?;
        let step = |text: &String| text.parse().ok().filter(|step: &f64| *step >= 0.0 && step.is_finite());
        let steps = row.supported_levels.iter().map(step).collect::<Option<_>>()?;
        Some(Grouping { symbol: Symbol::new(source, &row.market).ok()?, steps })
    })
}
