//! Reads the list of markets.

use market_backbone_core::{Instrument, SourceError, Symbol, VenueId};
use market_backbone_venue_kit::element;

use crate::wire::ListingRow;

pub(crate) fn list(source: VenueId, body: &[u8]) -> Result<Vec<Instrument>, SourceError> {
    let (markets, _) = super::list(body, |raw| market(source, element(raw)?))?;
    Ok(markets)
}

fn market(source: VenueId, row: ListingRow<'_>) -> Option<Instrument> {
    let symbol = Symbol::new(source, &row.ticker).ok()?;
    Some(Instrument {
        base: row.ticker.as_ref().to_owned(),
        quote: row.currency_name.unwrap_or_else(|| "usd".to_owned()).to_ascii_uppercase(),
        name: row.name.unwrap_or_else(|| row.ticker.into_owned()),
        local_name: None,
        warning: row.active == Some(false),
        symbol,
    })
}
