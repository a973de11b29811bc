//! Markets with a connection of their own.

use market_backbone_core::{Symbol, VenueId};
use market_backbone_routing::PinnedConnection;
use market_backbone_storage::{UniverseStore, resolve_universe};

use crate::Error;

/// The markets of a named connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PinnedMarkets {
    /// The markets of a universe, as it is when the backbone is built.
    Universe(String),
    /// The markets with these codes, as the venue spells them.
    Codes(Vec<String>),
}

/// Looks up the markets of each connection. An unknown universe is an error: there is no list to fall back on.
pub(crate) async fn resolve(
    pins: &[(String, PinnedMarkets)],
    venue: VenueId,
    universes: &UniverseStore,
) -> Result<Vec<PinnedConnection>, Error> {
    if pins.is_empty() {
        return Ok(Vec::new());
    }
    let known = universes.all().await?;
    let pinned = |(name, markets): &(String, PinnedMarkets)| -> Result<PinnedConnection, Error> {
        let codes = match markets {
            PinnedMarkets::Universe(key) => resolve_universe(&known, key)?,
            PinnedMarkets::Codes(codes) => codes.clone(),
        };
        let symbols: Result<Vec<_>, _> = codes.iter().map(|code| Symbol::new(venue, code)).collect();
        Ok(PinnedConnection::new(name, symbols?))
    };
    pins.iter().map(pinned).collect()
}
