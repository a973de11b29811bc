//! Single-flight: equal requests at about the same moment share one answer.
//!
//! The work belongs to the waiters. Each waiter holds the shared future and polls it, and the table holds it
//! weakly. So the request continues as long as anybody waits, ends with the last of them, and leaves no task
//! behind: no waiter depends on the one who asked first. Nothing here needs a runtime.

use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared, WeakShared};
use rustc_hash::FxHashMap;

use crate::Priority;

/// A request with several waiters; await it. Dropping one of them does not affect the others.
pub type SharedFuture<V> = Shared<BoxFuture<'static, V>>;

type FlightTable<K, V> = Mutex<FxHashMap<K, InFlight<V>>>;

/// The requests in flight, one for each key.
///
/// It is bounded by the requests in flight: an entry goes when its future ends or its last waiter leaves.
pub struct SingleFlight<K, V> {
    table: Arc<FlightTable<K, V>>,
}

struct InFlight<V> {
    priority: Priority,
    future: WeakShared<BoxFuture<'static, V>>,
    /// Distinguishes this entry from one that has replaced it.
    identity: Arc<()>,
}

impl<K, V> SingleFlight<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Joins the request in flight for `key`, or begins `start`, which later ones then join.
    ///
    /// A request that is less urgent than `priority` is not joined, because it waits in a slower queue.
    pub fn get_or_start<F>(&self, key: &K, priority: Priority, start: impl FnOnce() -> F) -> SharedFuture<V>
    where
        F: Future<Output = V> + Send + 'static,
    {
        let mut table = lock(&self.table);
        let as_urgent = table.get(key).filter(|entry| entry.priority <= priority);
        let under_way = as_urgent.and_then(|entry| entry.future.upgrade());
        if let Some(under_way) = under_way.filter(|future| future.peek().is_none()) {
            return under_way;
        }
        let identity = Arc::new(());
        let entry =
            EntryGuard { table: Arc::clone(&self.table), key: key.clone(), identity: Arc::clone(&identity) };
        let request = start();
        let future = async move {
            let _entry = entry;
            request.await
        }
        .boxed()
        .shared();
        if let Some(weak) = future.downgrade() {
            table.insert(key.clone(), InFlight { priority, future: weak, identity });
        }
        future
    }

    /// Returns the number of requests under way.
    #[must_use]
    pub fn len(&self) -> usize {
        lock(&self.table).len()
    }

    /// Returns whether no request is in flight.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Takes the entry off the table when its future ends: it has an answer, or nobody waits any more.
struct EntryGuard<K: Eq + Hash, V> {
    table: Arc<FlightTable<K, V>>,
    key: K,
    identity: Arc<()>,
}

impl<K: Eq + Hash, V> Drop for EntryGuard<K, V> {
    fn drop(&mut self) {
        let mut table = lock(&self.table);
        if table.get(&self.key).is_some_and(|entry| Arc::ptr_eq(&entry.identity, &self.identity)) {
            table.remove(&self.key);
        }
    }
}

fn lock<K, V>(table: &FlightTable<K, V>) -> MutexGuard<'_, FxHashMap<K, InFlight<V>>> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<K, V> Default for SingleFlight<K, V> {
    fn default() -> Self {
        Self { table: Arc::default() }
    }
}

impl<K, V> fmt::Debug for SingleFlight<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SingleFlight").field("in_flight", &lock(&self.table).len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use futures::future::{pending, ready};

    use super::*;
    use crate::Priority::{Critical, High, Low, Normal};

    #[test]
    fn what_is_under_way_is_joined_by_those_who_are_no_more_urgent() {
        let flights = SingleFlight::<&str, u32>::default();
        let high = flights.get_or_start(&"a", High, || ready(1));
        let low = flights.get_or_start(&"a", Low, || ready(2));
        let critical = flights.get_or_start(&"a", Critical, || ready(3));
        let other = flights.get_or_start(&"b", Low, || ready(4));
        assert_eq!(flights.len(), 2);
        assert_eq!((block_on(high), block_on(low), block_on(critical), block_on(other)), (1, 1, 3, 4));
        assert!(flights.is_empty());
    }

    #[test]
    fn a_request_lives_as_long_as_anybody_waits() {
        let flights = SingleFlight::<&str, u32>::default();
        let (first, second) =
            (flights.get_or_start(&"a", Normal, pending), flights.get_or_start(&"a", Normal, pending));
        drop(first);
        assert_eq!(flights.len(), 1);
        drop(second);
        assert!(flights.is_empty());
    }

    #[test]
    fn the_end_of_an_older_request_leaves_the_newer_one_on_the_table() {
        let flights = SingleFlight::<&str, u32>::default();
        let low = flights.get_or_start(&"a", Low, || ready(1));
        let high = flights.get_or_start(&"a", High, || ready(2));
        assert_eq!(block_on(low), 1);
        assert_eq!(block_on(flights.get_or_start(&"a", Low, || ready(3))), 2);
        assert_eq!(block_on(high), 2);
    }

    #[test]
    fn one_that_panics_leaves_nothing_behind() {
        let flights = SingleFlight::<&str, u32>::default();
        let broken = flights.get_or_start(&"a", Normal, || async { panic!("on purpose") });
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| block_on(broken))).is_err());
        assert_eq!(block_on(flights.get_or_start(&"a", Normal, || ready(1))), 1);
    }
}
