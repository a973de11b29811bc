//! Interned symbols: where all markets of a venue are subscribed, each code is parsed once.

use std::sync::{Mutex, PoisonError};

use rustc_hash::FxHashMap;

use crate::{Symbol, VenueId};

/// The most symbols, more than any venue lists. Beyond this, further codes are refused.
const MAX_SYMBOLS: usize = 65_536;

/// The symbols interned so far.
#[derive(Debug, Default)]
pub(super) struct InternedSymbols(Mutex<FxHashMap<Box<str>, Symbol>>);

/// A clone of a symbol table interns its own.
impl Clone for InternedSymbols {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl InternedSymbols {
    /// Returns the symbol spelt `code`, or `None` if the code is invalid or the table is full.
    pub(super) fn intern(&self, venue: VenueId, code: &str) -> Option<Symbol> {
        let mut symbols = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(symbol) = symbols.get(code) {
            return Some(symbol.clone());
        }
        let symbol =
            Symbol::new(venue, code).ok().filter(|symbol| !symbol.is_any() && symbols.len() < MAX_SYMBOLS)?;
        // Odd numbers: the even ones are those of symbols that were added by name.
        let symbol = symbol.in_table(u32::try_from(symbols.len() * 2 + 1).unwrap_or(u32::MAX));
        symbols.insert(code.into(), symbol.clone());
        Some(symbol)
    }
}
