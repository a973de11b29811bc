//! Symbols nobody named: where all markets of a venue are wanted, each is met once and then known.

use std::sync::{Mutex, PoisonError};

use rustc_hash::FxHashMap;

use crate::{Symbol, VenueId};

/// More than any venue lists; beyond this the venue is not believed.
const MAX_SYMBOLS: usize = 65_536;

/// Those met so far.
#[derive(Debug, Default)]
pub(super) struct InternedSymbols(Mutex<FxHashMap<Box<str>, Symbol>>);

/// A copy of a table of symbols meets its own.
impl Clone for InternedSymbols {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl InternedSymbols {
    /// The symbol spelt `code`; `None` if no venue could have such a market, or has so many.
    pub(super) fn intern(&self, venue: VenueId, code: &str) -> Option<Symbol> {
        let mut symbols = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(symbol) = symbols.get(code) {
            return Some(symbol.clone());
        }
        let symbol =
            Symbol::new(venue, code).ok().filter(|symbol| !symbol.is_any() && symbols.len() < MAX_SYMBOLS)?;
        symbols.insert(code.into(), symbol.clone());
        Some(symbol)
    }
}
