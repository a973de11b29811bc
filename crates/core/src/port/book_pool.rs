//! A pool of order books, so that the next frame need not allocate one.
//!
//! The pool keeps a reference to each book it hands out. Once that reference is the only one left, the book
//! and its allocated levels are used again. A reader who keeps books costs one allocation for each, as if
//! there were no pool.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{OrderBook, Symbol, Timestamp};

/// The most books the pool keeps. If more are being read at once, the pool drops the oldest ones.
const MAX_BOOKS: usize = 1_024;

/// The number of books that are checked before a new one is allocated.
const MAX_PROBES: usize = 4;

/// The books that were handed out.
#[derive(Debug, Default)]
pub(super) struct BookPool(Mutex<PooledBooks>);

#[derive(Debug, Default)]
struct PooledBooks {
    books: Vec<Arc<OrderBook>>,
    /// The index at which a free book was found last: the next free one is likely to be near, and its memory is
    /// still cached.
    next: usize,
}

/// A clone of a symbol table begins with a pool of its own.
impl Clone for BookPool {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl BookPool {
    /// Returns a book of `symbol`, filled by `fill`, which receives an empty one. Returns `None` if `fill` does.
    pub(super) fn book(
        &self,
        symbol: &Symbol,
        fill: impl FnOnce(&mut OrderBook) -> Option<()>,
    ) -> Option<Arc<OrderBook>> {
        let mut pooled = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = pooled.find_free(symbol);
        let kept = pooled.books.get_mut(place)?;
        // Nobody else holds the book, and only this pool could hand it out.
        let book = Arc::get_mut(kept)?;
        if !book.symbol.is_same(symbol) {
            book.symbol = symbol.clone();
        }
        book.asks.clear();
        book.bids.clear();
        fill(book)?;
        Some(Arc::clone(kept))
    }
}

impl PooledBooks {
    /// Returns the index of a book that nobody holds.
    fn find_free(&mut self, symbol: &Symbol) -> usize {
        let count = self.books.len();
        for look in 0..MAX_PROBES.min(count) {
            // The one handed out last is probably still held.
            let place = (self.next + 1 + look) % count;
            if Arc::strong_count(&self.books[place]) == 1 {
                self.next = place;
                return place;
            }
        }
        if count < MAX_BOOKS {
            self.books.push(empty(symbol));
            self.next = count;
        } else {
            self.next = (self.next + 1) % count;
            self.books[self.next] = empty(symbol);
        }
        self.next
    }
}

fn empty(symbol: &Symbol) -> Arc<OrderBook> {
    let (time, symbol) = (Timestamp::EPOCH, symbol.clone());
    let (asks, bids, total_ask_size, total_bid_size) = (Vec::new(), Vec::new(), None, None);
    Arc::new(OrderBook { symbol, asks, bids, total_ask_size, total_bid_size, time, received: time })
}

#[cfg(test)]
mod tests {
    use crate::{Level, VenueId};

    use super::*;

    fn symbol(code: &str) -> Symbol {
        Symbol::new(VenueId::new("upbit"), code).unwrap()
    }

    fn deep(pool: &BookPool, code: &str, levels: usize) -> Arc<OrderBook> {
        let fill = |book: &mut OrderBook| {
            assert!(book.asks.is_empty() && book.bids.is_empty());
            book.asks.resize(levels, Level::default());
            Some(())
        };
        pool.book(&symbol(code), fill).unwrap()
    }

    #[test]
    fn a_book_that_nobody_holds_serves_again() {
        let pool = BookPool::default();
        let first = Arc::as_ptr(&deep(&pool, "KRW-BTC", 15));
        let second = deep(&pool, "KRW-ETH", 2);
        assert_eq!((Arc::as_ptr(&second), second.asks.len()), (first, 2));
        assert_eq!(second.symbol, symbol("KRW-ETH"));
    }

    #[test]
    fn a_book_that_is_held_never_changes() {
        let pool = BookPool::default();
        let held: Vec<_> = (0..2 * MAX_BOOKS).map(|levels| deep(&pool, "KRW-BTC", levels % 7)).collect();
        assert!(held.iter().enumerate().all(|(at, book)| book.asks.len() == at % 7));
        assert_eq!(pool.0.lock().unwrap().books.len(), MAX_BOOKS);
    }

    #[test]
    fn what_could_not_be_filled_is_no_book() {
        let pool = BookPool::default();
        assert_eq!(pool.book(&symbol("KRW-BTC"), |_| None), None);
        assert_eq!(deep(&pool, "KRW-BTC", 1).asks.len(), 1);
        assert_eq!(pool.0.lock().unwrap().books.len(), 1);
    }
}
