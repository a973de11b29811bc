//! Codes to symbols, so that decoding a frame allocates no name.

use rustc_hash::FxHashMap;

use crate::Symbol;

/// The symbols a feed may speak of, found by the venue's spelling.
#[derive(Clone, Debug, Default)]
pub struct SymbolTable {
    by_code: FxHashMap<Box<str>, Symbol>,
}

impl SymbolTable {
    /// The symbol spelt `code`, if it is expected here.
    #[must_use]
    pub fn get(&self, code: &str) -> Option<&Symbol> {
        self.by_code.get(code)
    }

    /// Adds a symbol.
    pub fn insert(&mut self, symbol: Symbol) {
        self.by_code.insert(symbol.code().into(), symbol);
    }
}

impl FromIterator<Symbol> for SymbolTable {
    fn from_iter<I: IntoIterator<Item = Symbol>>(symbols: I) -> Self {
        let mut table = Self::default();
        for symbol in symbols {
            table.insert(symbol);
        }
        table
    }
}
