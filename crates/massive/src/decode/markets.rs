//! Reads what is listed.

use market_backbone_core::{Market, SourceError, Symbol, VenueId};

use super::element;
use crate::wire::ListingRow;

pub(crate) fn list(source: VenueId, body: &[u8]) -> Result<Vec<Market>, SourceError> {
    let (markets, _) = super::list(body, |raw| market(source, element(raw)?))?;
    Ok(markets)
}

fn market(source: VenueId, row: ListingRow<'_>) -> Option<Market> {
    let symbol = Symbol::new(source, &row.ticker).ok()?;
    Some(Market {
        base: row.ticker.as_ref().to_owned(),
        quote: row.currency_name.unwrap_or_else(|| "usd".to_owned()).to_ascii_uppercase(),
        name: row.name.unwrap_or_else(|| row.ticker.into_owned()),
        local_name: None,
        warning: row.active == Some(false),
        symbol,
    })
}
