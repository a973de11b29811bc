//! Which calendar cuts a venue's candles: a store holds series of several venues, and knows none of them.

use market_backbone_core::{Grid, VenueId};

/// Tells from a venue's name how its candles are cut.
pub type GridLookup = fn(VenueId) -> Grid;
