//! The errors of the facade.

use std::fmt;

use market_backbone_core::{QueryError, SourceError, StoreError, SymbolError, TimeError, VenueId};

/// The reason why a request to the backbone failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The request is invalid; nothing was sent.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The text cannot be a market's code.
    #[error(transparent)]
    Symbol(#[from] SymbolError),
    /// The venue, or a layer before it, could not answer.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// There is no universe of that name.
    #[error(transparent)]
    Universe(market_backbone_storage::UnknownUniverse),
    /// The backbone was not built for that venue, or for several sources of it.
    #[error(transparent)]
    Venue(#[from] UnknownVenue),
    /// The store could not be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Error {
    /// Returns whether the request itself was invalid, so that repeating it cannot help.
    #[must_use]
    pub const fn is_usage(&self) -> bool {
        matches!(self, Self::Query(_) | Self::Symbol(_) | Self::Universe(_) | Self::Venue(_))
    }
}

impl From<TimeError> for Error {
    fn from(error: TimeError) -> Self {
        Self::Query(error.into())
    }
}

/// An error for a venue that the backbone was not built for, or of which it has several sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownVenue {
    /// The venue that was requested.
    pub asked: VenueId,
    /// The venues it was built for.
    pub known: Vec<VenueId>,
}

impl fmt::Display for UnknownVenue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let asked = self.asked;
        let names =
            |known: &[VenueId]| known.iter().map(|venue| venue.as_str()).collect::<Vec<_>>().join(", ");
        let family: Vec<_> = self.known.iter().copied().filter(|venue| venue.family() == asked).collect();
        if family.len() > 1 {
            return write!(f, "{asked} matches several sources here, {}; name one of them", names(&family));
        }
        let known = names(&self.known);
        write!(f, "this backbone was built for {known}, not for {asked}; add it to the builder")
    }
}

impl std::error::Error for UnknownVenue {}
