//! Something for each market, found without a hash where the same market is asked for again.

use std::cell::Cell;

use market_backbone_core::Symbol;
use rustc_hash::FxHashMap;

/// Values by market, in the order in which the markets came.
#[derive(Debug)]
pub(crate) struct SymbolSlots<T> {
    values: Vec<(Symbol, T)>,
    numbers: FxHashMap<Symbol, usize>,
    /// The market of the last question, which is most often that of the next one.
    last: Cell<usize>,
}

impl<T> Default for SymbolSlots<T> {
    fn default() -> Self {
        Self { values: Vec::new(), numbers: FxHashMap::default(), last: Cell::new(0) }
    }
}

impl<T: Default> SymbolSlots<T> {
    /// Returns the number of a market, which may be new.
    pub(crate) fn slot(&mut self, symbol: &Symbol) -> usize {
        self.find(symbol).unwrap_or_else(|| {
            let number = self.values.len();
            self.values.push((symbol.clone(), T::default()));
            self.numbers.insert(symbol.clone(), number);
            self.last.set(number);
            number
        })
    }

    pub(crate) fn find(&self, symbol: &Symbol) -> Option<usize> {
        let last = self.last.get();
        if self.values.get(last).is_some_and(|(known, _)| known.is_same(symbol)) {
            return Some(last);
        }
        let number = *self.numbers.get(symbol)?;
        self.last.set(number);
        Some(number)
    }

    pub(crate) fn symbol(&self, slot: usize) -> &Symbol {
        &self.values[slot].0
    }

    pub(crate) fn get(&self, slot: usize) -> &T {
        &self.values[slot].1
    }

    pub(crate) fn get_mut(&mut self, slot: usize) -> &mut T {
        &mut self.values[slot].1
    }

    pub(crate) fn with_symbol(&mut self, slot: usize) -> (&Symbol, &mut T) {
        let (symbol, value) = &mut self.values[slot];
        (symbol, value)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.values.iter_mut().map(|(_, value)| value)
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &(Symbol, T)> {
        self.values.iter()
    }
}
