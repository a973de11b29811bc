//! The identity of a market: a venue and the venue's own spelling of the market.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrayvec::ArrayString;

use crate::VenueId;

/// The longest code of a market, in bytes.
const MAX_CODE: usize = 40;

/// The code that stands for all markets of a venue.
const ANY: &str = "*";

/// One market on one venue, in the venue's own spelling; cheap to clone.
///
/// `Display` writes the bare code: `KRW-BTC`.
#[derive(Clone)]
pub struct Symbol(Arc<SymbolParts>);

/// What the copies of a symbol share: one cache line, in which nothing ever changes.
///
/// The code stands in it, so whoever looks a market up follows one pointer. The count of the copies stands in the line
/// before: a thread that makes copies does not slow down another one that compares symbols.
#[repr(align(64))]
struct SymbolParts {
    venue: VenueId,
    // Invariant: 1 to 40 printable ASCII characters, no blank, no `/`, `?`, `&`, `,`.
    code: ArrayString<MAX_CODE>,
    /// The index in the table that made it, plus 1; 0 if none did.
    table_place: u32,
}

impl Symbol {
    /// Returns the market `code` on `venue`.
    ///
    /// # Errors
    ///
    /// [`SymbolError`] if no venue could have such a market.
    pub fn new(venue: VenueId, code: &str) -> Result<Self, SymbolError> {
        let is_valid = |c: char| c.is_ascii_graphic() && !matches!(c, '/' | '?' | '&' | ',' | '"' | '\\');
        match ArrayString::from(code) {
            Ok(kept) if !code.is_empty() && code.chars().all(is_valid) => {
                Ok(Self::from_parts(venue, kept, 0))
            }
            _ => Err(SymbolError { venue, code: code.chars().take(60).collect() }),
        }
    }

    /// Returns the symbol for all markets of `venue`, where its socket can send them under one name. Events carry
    /// their own markets.
    #[must_use]
    pub fn any(venue: VenueId) -> Self {
        Self::from_parts(venue, ArrayString::from(ANY).unwrap_or_default(), 0)
    }

    fn from_parts(venue: VenueId, code: ArrayString<MAX_CODE>, table_place: u32) -> Self {
        Self(Arc::new(SymbolParts { venue, code, table_place }))
    }

    /// Returns whether this stands for all markets of its venue.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.code() == ANY
    }

    /// Returns the venue of this market.
    #[must_use]
    pub fn venue(&self) -> VenueId {
        self.0.venue
    }

    /// Returns the venue's own spelling.
    #[must_use]
    #[inline]
    pub fn code(&self) -> &str {
        &self.0.code
    }
}

/// Where a symbol is in a table of symbols.
impl Symbol {
    /// Returns the same market as a symbol of a table, in which it has this index.
    pub(crate) fn in_table(&self, index: u32) -> Self {
        Self::from_parts(self.venue(), self.0.code, index.saturating_add(1))
    }

    /// Returns the index of this symbol in the [`SymbolTable`](crate::SymbolTable) that handed it out; `None` if none
    /// did.
    ///
    /// The symbols of a table have different indexes, which are small. Those of another table may have the same, so
    /// [`is_same`](Self::is_same) has to be asked too.
    #[must_use]
    #[inline]
    pub fn table_index(&self) -> Option<usize> {
        self.0.table_place.checked_sub(1).map(|index| index as usize)
    }

    /// Returns whether `other` is a copy of this very symbol, which takes no comparison of texts.
    ///
    /// Equal symbols that were made apart are not the same.
    #[must_use]
    #[inline]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl PartialEq for Symbol {
    fn eq(&self, other: &Self) -> bool {
        self.is_same(other) || (self.code() == other.code() && self.venue() == other.venue())
    }
}

impl Eq for Symbol {}

impl PartialOrd for Symbol {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// By venue, then by code.
impl Ord for Symbol {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.venue(), self.code()).cmp(&(other.venue(), other.code()))
    }
}

/// Hashes the code alone, so that tables keyed by symbol hash one short string.
impl Hash for Symbol {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.code.hash(state);
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl fmt::Debug for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.venue(), self.code())
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
    fn what_copies_share_fills_one_cache_line() {
        assert_eq!(size_of::<SymbolParts>(), 64);
    }

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
