//! Reads the answers. A row that cannot be read fails the whole answer, because no caller could ask for it
//! again.

use market_backbone_core::{OwnedReply, SourceError, Symbol, VenueId};
use market_backbone_venue_kit::{JsonList, element, finite, read_every};
use serde_json::value::RawValue;

use super::answers::Grouping;
use crate::naming::VENUE;
use crate::wire::GroupingRow;

/// Returns the rows of all pages, each read by `read`.
fn read_all<T>(pages: &[OwnedReply], read: impl Fn(&RawValue) -> Option<T>) -> Result<Vec<T>, SourceError> {
    let mut items = Vec::new();
    for page in pages {
        items.extend(read_every(VENUE, JsonList::parse(VENUE, &page.body)?.elements(), &read)?);
    }
    Ok(items)
}

pub(super) fn groupings(source: VenueId, pages: &[OwnedReply]) -> Result<Vec<Grouping>, SourceError> {
    read_all(pages, |raw| {
        let row: GroupingRow<'_> = element(raw)?;
        let step = |text: &String| finite(text).filter(|step| *step >= 0.0);
        let steps = row.supported_levels.iter().map(step).collect::<Option<_>>()?;
        Some(Grouping { symbol: Symbol::new(source, &row.market).ok()?, steps })
    })
}
