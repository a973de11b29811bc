//! Maps codes to symbols and supplies books to fill, so that decoding a frame allocates nothing.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::book_pool::BookPool;
use super::interned_symbols::InternedSymbols;
use crate::{OrderBook, Symbol, VenueId};

/// The symbols that may occur in a feed, found by the venue's spelling.
///
/// Each symbol that it hands out carries its [index](Symbol::table_index), so that whoever handles the events of a feed
/// looks a code up only once.
#[derive(Clone, Debug, Default)]
pub struct SymbolTable {
    by_code: FxHashMap<Box<[u8]>, Symbol>,
    books: BookPool,
    /// The venue of which all markets are expected, if any.
    any: Option<VenueId>,
    interned: InternedSymbols,
}

impl SymbolTable {
    /// Returns the symbol spelt `code`, if it was added by name.
    #[must_use]
    pub fn get(&self, code: &str) -> Option<&Symbol> {
        self.get_bytes(code.as_bytes())
    }

    /// Returns the symbol whose code has these bytes, as [`get`](Self::get) does: of a frame that is read as bytes, no
    /// text has to be made first.
    #[must_use]
    #[inline]
    pub fn get_bytes(&self, code: &[u8]) -> Option<&Symbol> {
        self.by_code.get(code)
    }

    /// Returns the symbol spelt `code`, if it was added by name or all markets of its venue are expected.
    #[must_use]
    pub fn resolve(&self, code: &str) -> Option<Symbol> {
        match (self.get(code), self.any) {
            (Some(symbol), _) => Some(symbol.clone()),
            (None, Some(venue)) => self.interned.intern(venue, code),
            (None, None) => None,
        }
    }

    /// Adds a symbol, unless it was added before. [`Symbol::any`] adds all markets of its venue.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a table keeps what it is given, though as a symbol of its own"
    )]
    pub fn insert(&mut self, symbol: Symbol) {
        if symbol.is_any() {
            self.any = Some(symbol.venue());
        }
        if self.get(symbol.code()).is_some() {
            return;
        }
        // Even numbers: the odd ones are those of interned symbols.
        let index = u32::try_from(self.by_code.len() * 2).unwrap_or(u32::MAX);
        self.by_code.insert(symbol.code().as_bytes().into(), symbol.in_table(index));
    }

    /// Returns a book of `symbol`, made by `fill`, reusing one that nobody reads any more where possible. `fill`
    /// receives it without levels and with the symbol set, sets all else, and returns `None` to give up.
    pub fn book(
        &self,
        symbol: &Symbol,
        fill: impl FnOnce(&mut OrderBook) -> Option<()>,
    ) -> Option<Arc<OrderBook>> {
        self.books.book(symbol, fill)
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

#[cfg(test)]
mod tests {
    use super::*;

    const VENUE: VenueId = VenueId::new("massive");

    #[test]
    fn a_stranger_is_met_only_where_all_are_expected() {
        let mut table: SymbolTable = [Symbol::new(VENUE, "AAPL").unwrap()].into_iter().collect();
        assert!(table.resolve("AAPL").is_some());
        assert_eq!(table.resolve("MSFT"), None);
        table.insert(Symbol::any(VENUE));
        assert_eq!(table.resolve("MSFT"), Symbol::new(VENUE, "MSFT").ok());
        assert_eq!(table.resolve("MSFT"), table.resolve("MSFT"));
        assert_eq!(table.resolve("*").map(|symbol| symbol.is_any()), Some(true));
        assert_eq!(table.resolve("no market"), None);
    }

    #[test]
    fn every_symbol_has_an_index_of_its_own_and_keeps_it() {
        let mut table: SymbolTable = [Symbol::any(VENUE)].into_iter().collect();
        for code in ["A", "B", "A"] {
            table.insert(Symbol::new(VENUE, code).unwrap());
        }
        let symbols = ["*", "A", "B", "C", "D"].map(|code| table.resolve(code).unwrap());
        let mut indexes: Vec<_> = symbols.iter().map(|symbol| symbol.table_index().unwrap()).collect();
        indexes.sort_unstable();
        indexes.dedup();
        assert!(indexes.len() == symbols.len() && indexes.iter().all(|index| *index < 2 * symbols.len()));
        for symbol in &symbols {
            let again = table.resolve(symbol.code()).unwrap();
            assert!(again.is_same(symbol) && *symbol == Symbol::new(VENUE, symbol.code()).unwrap_or(again));
        }
        assert!(!symbols[1].is_same(&Symbol::new(VENUE, "A").unwrap()));
    }
}
