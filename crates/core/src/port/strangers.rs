//! Symbols nobody named: where all markets of a venue are wanted, each is met once and then known.

use std::sync::{Mutex, PoisonError};

use rustc_hash::FxHashMap;

use crate::{Symbol, VenueId};

/// More than any venue lists; beyond this the venue is not believed.
const MOST: usize = 65_536;

/// Those met so far.
#[derive(Debug, Default)]
pub(super) struct Strangers(Mutex<FxHashMap<Box<str>, Symbol>>);

/// A copy of a table of symbols meets its own.
impl Clone for Strangers {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Strangers {
    /// The symbol spelt `code`; `None` if no venue could have such a market, or has so many.
    pub(super) fn meet(&self, venue: VenueId, code: &str) -> Option<Symbol> {
        let mut met = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(symbol) = met.get(code) {
            return Some(symbol.clone());
        }
        let symbol = Symbol::new(venue, code).ok().filter(|symbol| !symbol.is_any() && met.len() < MOST)?;
        met.insert(code.into(), symbol.clone());
        Some(symbol)
    }
}
