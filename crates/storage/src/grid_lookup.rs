//! Looks up the calendar of a venue's candles: a store holds series of several venues, and knows none of
//! them.

use market_backbone_core::{Grid, VenueId};

/// A function that returns the grid of a venue's candles.
pub type GridLookup = fn(VenueId) -> Grid;
