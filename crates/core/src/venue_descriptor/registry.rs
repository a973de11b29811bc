//! The venues that a program knows: whoever meets a name asks here what it stands for.

use std::borrow::Cow;
use std::fmt;

use super::VenueDescriptor;
use crate::{Grid, VenueId};

/// The venues that a program knows, the default one first.
#[derive(Clone, Debug)]
pub struct VenueRegistry {
    venues: Cow<'static, [&'static VenueDescriptor]>,
}

impl VenueRegistry {
    /// Returns a registry of these venues.
    #[must_use]
    pub const fn new(venues: &'static [&'static VenueDescriptor]) -> Self {
        Self { venues: Cow::Borrowed(venues) }
    }

    /// Returns the same with one more venue; one of the same name takes the place of the earlier.
    #[must_use]
    pub fn with(mut self, venue: &'static VenueDescriptor) -> Self {
        let venues = self.venues.to_mut();
        match venues.iter_mut().find(|known| known.id() == venue.id()) {
            Some(known) => *known = venue,
            None => venues.push(venue),
        }
        self
    }

    /// Lists all of them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'static VenueDescriptor> + '_ {
        self.venues.iter().copied()
    }

    /// Finds the venue that the source `venue` belongs to.
    ///
    /// # Errors
    ///
    /// [`UndescribedVenue`] if nobody described it: nothing is assumed of such a venue.
    pub fn find(&self, venue: VenueId) -> Result<&'static VenueDescriptor, UndescribedVenue> {
        let found = self.iter().find(|known| known.id() == venue.family());
        found.ok_or_else(|| UndescribedVenue {
            asked: venue,
            known: self.iter().map(VenueDescriptor::id).collect(),
        })
    }

    /// Returns how the candles of `venue` are cut.
    ///
    /// # Errors
    ///
    /// [`UndescribedVenue`] if nobody described it.
    pub fn grid_of(&self, venue: VenueId) -> Result<Grid, UndescribedVenue> {
        self.find(venue).map(VenueDescriptor::grid)
    }
}

/// A venue that nobody described, so that neither its calendar nor its protocol is known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UndescribedVenue {
    /// The source that was met.
    pub asked: VenueId,
    /// The venues that are known here.
    pub known: Vec<VenueId>,
}

impl fmt::Display for UndescribedVenue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let asked = self.asked;
        let known: Vec<_> = self.known.iter().map(|venue| venue.as_str()).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        write!(
            f,
            "nothing is known of the venue {} here, so neither its calendar nor its protocol is (known: {known}); use a \
             program that was built with it",
            asked.family()
        )
    }
}

impl std::error::Error for UndescribedVenue {}
