//! Reads the list of markets and their price increments.

use market_backbone_core::{Instrument, PriceIncrement, SourceError, Symbol, VenueId};
use market_backbone_venue_kit::{element, finite};

use crate::naming::quote_and_base;
use crate::wire::{InstrumentRow, MarketRow};

pub(crate) fn list(source: VenueId, body: &[u8]) -> Result<Vec<Instrument>, SourceError> {
    let (markets, _) = super::list(body, |raw| market(source, element(raw)?))?;
    Ok(markets)
}

pub(crate) fn instruments(source: VenueId, body: &[u8]) -> Result<Vec<PriceIncrement>, SourceError> {
    let (instruments, _) = super::list(body, |raw| {
        let row = element::<InstrumentRow<'_>>(raw)?;
        let symbol = Symbol::new(source, &row.market).ok()?;
        let tick_size = finite(&row.tick_size).filter(|size| *size > 0.0)?;
        Some(PriceIncrement { symbol, tick_size })
    })?;
    Ok(instruments)
}

/// Reads a market. The `caution` flags of a market come and go within the day; only the warning that precedes a
/// delisting counts here.
fn market(source: VenueId, row: MarketRow<'_>) -> Option<Instrument> {
    let symbol = Symbol::new(source, &row.market).ok()?;
    let (quote, base) = quote_and_base(&row.market)?;
    let warned = row.market_event.is_some_and(|event| event.warning);
    Some(Instrument {
        base: base.to_owned(),
        quote: quote.to_owned(),
        name: row.english_name.unwrap_or_else(|| base.to_owned()),
        local_name: row.korean_name,
        warning: warned || row.market_warning.as_deref() == Some("CAUTION"),
        symbol,
    })
}
