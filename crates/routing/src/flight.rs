//! Several who ask the same at the same moment share one request.

use std::fmt;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared, WeakShared};
use market_backbone_core::SourceError;
use rustc_hash::FxHashMap;

type Answer<V> = BoxFuture<'static, Result<V, SourceError>>;

/// What is under way. Whoever waits keeps a request alive; when the last one leaves it is abandoned, so
/// nobody depends on the one who asked first.
pub(crate) struct Flights<K, V> {
    under_way: Mutex<FxHashMap<K, WeakShared<Answer<V>>>>,
}

impl<K: Eq + Hash, V: Clone> Flights<K, V> {
    pub(crate) fn new() -> Self {
        Self { under_way: Mutex::default() }
    }

    /// Joins what is under way for `key`, or starts it.
    pub(crate) fn join(&self, key: K, start: impl FnOnce() -> Answer<V>) -> Shared<Answer<V>> {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let alive = |flight: &WeakShared<_>| flight.upgrade().filter(|flight| flight.peek().is_none());
        under_way.retain(|_, flight| alive(flight).is_some());
        if let Some(flight) = under_way.get(&key).and_then(alive) {
            return flight;
        }
        let flight = start().shared();
        if let Some(weak) = flight.downgrade() {
            under_way.insert(key, weak);
        }
        flight
    }
}

impl<K, V> fmt::Debug for Flights<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flights").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn one_request_serves_all_who_ask_meanwhile_and_survives_the_first() {
        let flights = Flights::<&str, u32>::new();
        let (starts, gate) = (Arc::new(AtomicU32::new(0)), Arc::new(Semaphore::new(0)));
        let start = || {
            let (number, gate) = (starts.fetch_add(1, Relaxed), Arc::clone(&gate));
            async move {
                drop(gate.acquire().await);
                Ok(number)
            }
            .boxed()
        };
        let (first, second) = (flights.join("a", start), flights.join("a", start));
        let other = flights.join("b", start);
        drop(first);
        gate.add_permits(9);
        assert_eq!((second.await.unwrap(), other.await.unwrap()), (0, 1));
        assert_eq!(flights.join("a", start).await.unwrap(), 2);
    }
}
