//! The open sockets of each account, and which of them must close.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;

use super::scenario::EvictionPolicy;

type EvictionFlags = Vec<Arc<AtomicBool>>;

/// The sockets of all accounts, each with the flag that tells it to close.
#[derive(Debug, Default)]
pub(crate) struct AccountConnections(Mutex<FxHashMap<String, EvictionFlags>>);

/// A registered socket of an account, until dropped.
#[derive(Debug)]
pub(crate) struct AccountConnection<'a> {
    seats: &'a AccountConnections,
    key: String,
    evicted: Arc<AtomicBool>,
}

impl AccountConnections {
    /// Registers a socket. A new one is never refused: if there are too many, one of all is told to close.
    pub(crate) fn open(&self, key: &str, most: usize, evict: EvictionPolicy) -> AccountConnection<'_> {
        let evicted = Arc::new(AtomicBool::new(false));
        self.with(key, |row| {
            row.push(Arc::clone(&evicted));
            let staying: Vec<&Arc<AtomicBool>> =
                row.iter().filter(|seat| !seat.load(Ordering::SeqCst)).collect();
            if staying.len() > most {
                let victim = match evict {
                    EvictionPolicy::Oldest => staying.first(),
                    EvictionPolicy::Newest => staying.last(),
                };
                if let Some(victim) = victim {
                    victim.store(true, Ordering::SeqCst);
                }
            }
        });
        AccountConnection { seats: self, key: key.to_owned(), evicted }
    }

    fn with(&self, key: &str, change: impl FnOnce(&mut EvictionFlags)) {
        let mut accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(accounts.entry(key.to_owned()).or_default());
    }
}

impl AccountConnection<'_> {
    pub(crate) fn is_evicted(&self) -> bool {
        self.evicted.load(Ordering::SeqCst)
    }
}

impl Drop for AccountConnection<'_> {
    fn drop(&mut self) {
        self.seats.with(&self.key, |row| row.retain(|seat| !Arc::ptr_eq(seat, &self.evicted)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_too_many_costs_the_oldest_or_the_newest_its_seat() {
        let seats = AccountConnections::default();
        let first = seats.open("a", 1, EvictionPolicy::Oldest);
        let other = seats.open("b", 1, EvictionPolicy::Oldest);
        let second = seats.open("a", 1, EvictionPolicy::Oldest);
        assert!(first.is_evicted() && !second.is_evicted() && !other.is_evicted());
        let third = seats.open("a", 1, EvictionPolicy::Newest);
        assert!(!second.is_evicted() && third.is_evicted());
        drop((first, second, third));
        assert!(!seats.open("a", 1, EvictionPolicy::Newest).is_evicted());
    }
}
