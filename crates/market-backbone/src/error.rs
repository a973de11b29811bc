//! What can go wrong, seen by a program that uses the backbone.

use market_backbone_core::{QueryError, SourceError, StoreError, SymbolError};

/// Why the backbone could not do it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The question makes no sense as it stands; nothing was asked of anybody.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The text cannot be a market's code.
    #[error(transparent)]
    Symbol(#[from] SymbolError),
    /// The venue, or what lies before it, could not answer.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The store could not be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Error {
    /// Whether the question itself was wrong, so that asking again cannot help.
    #[must_use]
    pub const fn is_usage(&self) -> bool {
        matches!(self, Self::Query(_) | Self::Symbol(_))
    }
}
