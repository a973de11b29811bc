//! How many sockets an account has, and which of them must go.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;

use super::stage::Evict;

type Row = Vec<Arc<AtomicBool>>;

/// The sockets of all accounts, each as the flag that tells it to go.
#[derive(Debug, Default)]
pub(crate) struct Seats(Mutex<FxHashMap<String, Row>>);

/// A socket's place among those of its account, until dropped.
#[derive(Debug)]
pub(crate) struct Seat<'a> {
    seats: &'a Seats,
    key: String,
    evicted: Arc<AtomicBool>,
}

impl Seats {
    /// Takes a seat. The newcomer is never refused: where there are too many, one of all is told to go.
    pub(crate) fn take(&self, key: &str, most: usize, evict: Evict) -> Seat<'_> {
        let evicted = Arc::new(AtomicBool::new(false));
        self.with(key, |row| {
            row.push(Arc::clone(&evicted));
            let staying: Vec<&Arc<AtomicBool>> =
                row.iter().filter(|seat| !seat.load(Ordering::SeqCst)).collect();
            if staying.len() > most {
                let victim = match evict {
                    Evict::Oldest => staying.first(),
                    Evict::Newest => staying.last(),
                };
                if let Some(victim) = victim {
                    victim.store(true, Ordering::SeqCst);
                }
            }
        });
        Seat { seats: self, key: key.to_owned(), evicted }
    }

    fn with(&self, key: &str, change: impl FnOnce(&mut Row)) {
        let mut accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(accounts.entry(key.to_owned()).or_default());
    }
}

impl Seat<'_> {
    pub(crate) fn is_evicted(&self) -> bool {
        self.evicted.load(Ordering::SeqCst)
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.seats.with(&self.key, |row| row.retain(|seat| !Arc::ptr_eq(seat, &self.evicted)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_too_many_costs_the_oldest_or_the_newest_its_seat() {
        let seats = Seats::default();
        let first = seats.take("a", 1, Evict::Oldest);
        let other = seats.take("b", 1, Evict::Oldest);
        let second = seats.take("a", 1, Evict::Oldest);
        assert!(first.is_evicted() && !second.is_evicted() && !other.is_evicted());
        let third = seats.take("a", 1, Evict::Newest);
        assert!(!second.is_evicted() && third.is_evicted());
        drop((first, second, third));
        assert!(!seats.take("a", 1, Evict::Newest).is_evicted());
    }
}
