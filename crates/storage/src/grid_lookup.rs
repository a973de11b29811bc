//! Looks up the calendar of a venue's candles: a store holds series of several venues, and knows none of
//! them.

use market_backbone_core::{Grid, StoreError, StoreErrorKind, VenueId, VenueRegistry};

/// Tells from a venue's name how its candles are cut.
///
/// ```
/// # use market_backbone_storage::GridLookup;
/// use market_backbone_core::{Grid, VenueId, VenueRegistry};
///
/// let nobody = GridLookup::from(VenueRegistry::new(&[]));
/// assert!(nobody.grid_of(VenueId::new("toy")).is_err(), "nothing is assumed of a venue that nobody described");
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum GridLookup {
    /// The venue's descriptor says it. A venue without one is an error.
    Described(VenueRegistry),
    /// All series are cut alike, because whoever asks knows that they are of venues that do so.
    Same(Grid),
}

impl GridLookup {
    /// Returns how the candles of `venue` are cut.
    ///
    /// # Errors
    ///
    /// [`Undescribed`](StoreErrorKind::Undescribed) if nobody described it.
    pub fn grid_of(&self, venue: VenueId) -> Result<Grid, StoreError> {
        match self {
            Self::Same(grid) => Ok(*grid),
            Self::Described(venues) => venues.grid_of(venue).map_err(|error| {
                StoreError::new(StoreErrorKind::Undescribed, error.to_string()).with_source(error)
            }),
        }
    }
}

impl From<VenueRegistry> for GridLookup {
    fn from(venues: VenueRegistry) -> Self {
        Self::Described(venues)
    }
}

impl From<&VenueRegistry> for GridLookup {
    fn from(venues: &VenueRegistry) -> Self {
        Self::Described(venues.clone())
    }
}

impl From<Grid> for GridLookup {
    fn from(grid: Grid) -> Self {
        Self::Same(grid)
    }
}
