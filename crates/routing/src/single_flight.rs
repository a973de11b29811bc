//! Several who ask the same at about the same moment share one request.
//!
//! Whoever asks joins what is under way for the same question, unless it is less urgent than they are: then they
//! would wait in line behind their own kind. What has landed serves those who ask within a moment after, so that a
//! crowd that is turned away from the socket all at once does not become a storm of requests.

use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared, WeakShared, ready};
use market_backbone_core::{Priority, SourceError};
use rustc_hash::FxHashMap;
use tokio::time::Instant;

type RequestFuture<V> = BoxFuture<'static, Result<V, SourceError>>;
type RequestTable<K, V> = Mutex<FxHashMap<K, SharedRequest<V>>>;

/// What is under way, and what has just landed. Whoever waits keeps a request alive; when the last one leaves it is
/// abandoned, so nobody depends on the one who asked first.
pub(crate) struct SingleFlight<K, V> {
    table: Arc<RequestTable<K, V>>,
    keep: Duration,
}

struct SharedRequest<V> {
    priority: Priority,
    /// Nobody waits for it any more if it is gone.
    in_flight: Option<WeakShared<RequestFuture<V>>>,
    completed: Option<(Instant, V)>,
}

impl<V> SharedRequest<V> {
    fn joinable(&self) -> Option<Shared<RequestFuture<V>>>
    where
        V: Clone,
    {
        self.in_flight.as_ref()?.upgrade().filter(|flight| flight.peek().is_none())
    }
}

impl<K, V> SingleFlight<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Answers serve others for `keep`.
    pub(crate) fn new(keep: Duration) -> Self {
        Self { table: Arc::default(), keep }
    }

    /// Takes what landed less than `not_older_than` ago for `key`, or joins what is under way as urgently, or
    /// starts it.
    pub(crate) fn join(
        &self,
        key: K,
        priority: Priority,
        max_age: Option<Duration>,
        start: impl FnOnce() -> RequestFuture<V>,
    ) -> Shared<RequestFuture<V>> {
        let keep = self.keep;
        let mut table = lock(&self.table);
        table.retain(|_, flight| {
            flight.completed.take_if(|(at, _)| at.elapsed() >= keep);
            flight.completed.is_some() || flight.joinable().is_some()
        });
        if let Some(flight) = table.get(&key) {
            let young = |(at, _): &&(Instant, V)| max_age.is_none_or(|most| at.elapsed() < most);
            if let Some((_, answer)) = flight.completed.as_ref().filter(young) {
                return ready(Ok(answer.clone())).boxed().shared();
            }
            if let Some(under_way) = flight.joinable().filter(|_| flight.priority <= priority) {
                return under_way;
            }
        }
        let flight = fetch_and_store(start(), Arc::clone(&self.table), key.clone()).boxed().shared();
        table.insert(key, SharedRequest { priority, in_flight: flight.downgrade(), completed: None });
        flight
    }
}

/// The request, whose answer is kept when it is there.
async fn fetch_and_store<K: Eq + Hash, V: Clone>(
    request: RequestFuture<V>,
    table: Arc<RequestTable<K, V>>,
    key: K,
) -> Result<V, SourceError> {
    let answer = request.await?;
    if let Some(flight) = lock(&table).get_mut(&key) {
        flight.completed = Some((Instant::now(), answer.clone()));
    }
    Ok(answer)
}

fn lock<K, V>(table: &RequestTable<K, V>) -> MutexGuard<'_, FxHashMap<K, SharedRequest<V>>> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<K, V> fmt::Debug for SingleFlight<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flights").field("keep", &self.keep).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    use market_backbone_core::Priority::{Critical, High, Low, Normal};
    use market_backbone_core::SourceErrorKind;
    use tokio::sync::Semaphore;
    use tokio::time::sleep;

    use super::*;

    const KEEP: Duration = Duration::from_millis(200);

    /// Flights that are answered with their number once the gate lets them.
    struct SingleFlightFixture {
        flights: SingleFlight<&'static str, u32>,
        starts: Arc<AtomicU32>,
        gate: Arc<Semaphore>,
    }

    impl SingleFlightFixture {
        fn new() -> Self {
            Self {
                flights: SingleFlight::new(KEEP),
                starts: Arc::default(),
                gate: Arc::new(Semaphore::new(0)),
            }
        }

        fn ask(&self, key: &'static str, priority: Priority) -> Shared<RequestFuture<u32>> {
            self.ask_for(key, priority, None)
        }

        fn ask_for(
            &self,
            key: &'static str,
            priority: Priority,
            age: Option<Duration>,
        ) -> Shared<RequestFuture<u32>> {
            let (starts, gate) = (Arc::clone(&self.starts), Arc::clone(&self.gate));
            self.flights.join(key, priority, age, || {
                let number = starts.fetch_add(1, Relaxed);
                async move {
                    gate.acquire().await.unwrap().forget();
                    Ok(number)
                }
                .boxed()
            })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_request_serves_all_who_ask_meanwhile_and_survives_the_first() {
        let field = SingleFlightFixture::new();
        let (first, second) = (field.ask("a", Normal), field.ask("a", Normal));
        let other = field.ask("b", Normal);
        drop(first);
        field.gate.add_permits(9);
        assert_eq!((second.await.unwrap(), other.await.unwrap()), (0, 1));
        sleep(KEEP).await;
        assert_eq!(field.ask("a", Normal).await.unwrap(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn one_joins_what_is_as_urgent_or_more_and_nothing_less() {
        let field = SingleFlightFixture::new();
        let high = field.ask("a", High);
        let (normal, low) = (field.ask("a", Normal), field.ask("a", Low));
        assert_eq!(field.starts.load(Relaxed), 1);
        let critical = field.ask("a", Critical);
        assert_eq!(field.starts.load(Relaxed), 2);
        let again = field.ask("a", High);
        field.gate.add_permits(9);
        let got = futures::future::join_all([high, normal, low, critical, again]).await;
        assert_eq!(got.into_iter().map(Result::unwrap).collect::<Vec<_>>(), [0, 0, 0, 1, 1]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_landed_serves_for_a_moment_and_as_old_as_it_may_be() {
        let field = SingleFlightFixture::new();
        field.gate.add_permits(9);
        assert_eq!(field.ask("a", Low).await.unwrap(), 0);
        sleep(KEEP / 2).await;
        assert_eq!(field.ask("a", Critical).await.unwrap(), 0);
        assert_eq!(field.ask_for("a", Low, Some(KEEP / 4)).await.unwrap(), 1);
        sleep(KEEP).await;
        assert_eq!(field.ask("a", Critical).await.unwrap(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_told_to_those_who_waited_and_to_nobody_else() {
        let field = SingleFlightFixture::new();
        field.gate.add_permits(9);
        let failed = || ready(Err(SourceError::new(SourceErrorKind::VenueFault, "x"))).boxed();
        assert!(field.flights.join("a", Normal, None, failed).await.is_err());
        assert_eq!(field.ask("a", Normal).await.unwrap(), 0);
    }
}
