//! The identity of a market: a venue and the venue's own spelling of the market.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::VenueId;

/// The code that stands for all markets of a venue.
const ANY: &str = "*";

/// One market on one venue, in the venue's own spelling; cheap to clone.
///
/// `Display` writes the bare code: `KRW-BTC`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Symbol {
    venue: VenueId,
    // Invariant: 1 to 40 printable ASCII characters, no blank, no `/`, `?`, `&`, `,`.
    code: Arc<str>,
}

impl Symbol {
    /// Returns the market `code` on `venue`.
    ///
    /// # Errors
    ///
    /// [`SymbolError`] if no venue could have such a market.
    pub fn new(venue: VenueId, code: &str) -> Result<Self, SymbolError> {
        let is_valid = |c: char| c.is_ascii_graphic() && !matches!(c, '/' | '?' | '&' | ',' | '"' | '\\');
        if code.is_empty() || code.len() > 40 || !code.chars().all(is_valid) {
            return Err(SymbolError { venue, code: code.chars().take(60).collect() });
        }
        Ok(Self { venue, code: code.into() })
    }

    /// Returns the symbol for all markets of `venue`, where its socket can send them under one name. Events carry
    /// their own markets.
    #[must_use]
    pub fn any(venue: VenueId) -> Self {
        Self { venue, code: ANY.into() }
    }

    /// Returns whether this stands for all markets of its venue.
    #[must_use]
    pub fn is_any(&self) -> bool {
        &*self.code == ANY
    }

    /// Returns the venue of this market.
    #[must_use]
    pub fn venue(&self) -> VenueId {
        self.venue
    }

    /// Returns the venue's own spelling.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }
}

/// Hashes the code alone, so that tables keyed by symbol hash one short string.
impl Hash for Symbol {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.code.hash(state);
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.code)
    }
}

impl fmt::Debug for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.venue, self.code)
    }
}

/// An error for a text that cannot be a market's code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{code}` cannot be a market of {venue}; markets are written like KRW-BTC or AAPL")]
pub struct SymbolError {
    venue: VenueId,
    code: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    const VENUE: VenueId = VenueId::new("upbit");

    #[test]
    fn keeps_the_venues_spelling() {
        for code in ["KRW-BTC", "KRW-1INCH", "BRK.B"] {
            assert_eq!(Symbol::new(VENUE, code).unwrap().to_string(), code);
        }
    }

    #[test]
    fn refuses_what_no_venue_lists() {
        for code in ["", "KRW BTC", "KRW-BTC,KRW-ETH", "a/b", "비트코인", &"X".repeat(41)] {
            assert!(Symbol::new(VENUE, code).is_err(), "{code}");
        }
    }
}
