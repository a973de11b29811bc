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

type Answer<V> = BoxFuture<'static, Result<V, SourceError>>;
type Table<K, V> = Mutex<FxHashMap<K, Flight<V>>>;

/// What is under way, and what has just landed. Whoever waits keeps a request alive; when the last one leaves it is
/// abandoned, so nobody depends on the one who asked first.
pub(crate) struct Flights<K, V> {
    table: Arc<Table<K, V>>,
    keep: Duration,
}

struct Flight<V> {
    priority: Priority,
    /// Nobody waits for it any more if it is gone.
    under_way: Option<WeakShared<Answer<V>>>,
    landed: Option<(Instant, V)>,
}

impl<V> Flight<V> {
    fn waited_for(&self) -> Option<Shared<Answer<V>>>
    where
        V: Clone,
    {
        self.under_way.as_ref()?.upgrade().filter(|flight| flight.peek().is_none())
    }
}

impl<K, V> Flights<K, V>
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
        not_older_than: Option<Duration>,
        start: impl FnOnce() -> Answer<V>,
    ) -> Shared<Answer<V>> {
        let keep = self.keep;
        let mut table = lock(&self.table);
        table.retain(|_, flight| {
            flight.landed.take_if(|(at, _)| at.elapsed() >= keep);
            flight.landed.is_some() || flight.waited_for().is_some()
        });
        if let Some(flight) = table.get(&key) {
            let young = |(at, _): &&(Instant, V)| not_older_than.is_none_or(|most| at.elapsed() < most);
            if let Some((_, answer)) = flight.landed.as_ref().filter(young) {
                return ready(Ok(answer.clone())).boxed().shared();
            }
            if let Some(under_way) = flight.waited_for().filter(|_| flight.priority <= priority) {
                return under_way;
            }
        }
        let flight = landing(start(), Arc::clone(&self.table), key.clone()).boxed().shared();
        table.insert(key, Flight { priority, under_way: flight.downgrade(), landed: None });
        flight
    }
}

/// The request, whose answer is kept when it is there.
async fn landing<K: Eq + Hash, V: Clone>(
    request: Answer<V>,
    table: Arc<Table<K, V>>,
    key: K,
) -> Result<V, SourceError> {
    let answer = request.await?;
    if let Some(flight) = lock(&table).get_mut(&key) {
        flight.landed = Some((Instant::now(), answer.clone()));
    }
    Ok(answer)
}

fn lock<K, V>(table: &Table<K, V>) -> MutexGuard<'_, FxHashMap<K, Flight<V>>> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<K, V> fmt::Debug for Flights<K, V> {
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
    struct Field {
        flights: Flights<&'static str, u32>,
        starts: Arc<AtomicU32>,
        gate: Arc<Semaphore>,
    }

    impl Field {
        fn new() -> Self {
            Self { flights: Flights::new(KEEP), starts: Arc::default(), gate: Arc::new(Semaphore::new(0)) }
        }

        fn ask(&self, key: &'static str, priority: Priority) -> Shared<Answer<u32>> {
            self.ask_for(key, priority, None)
        }

        fn ask_for(
            &self,
            key: &'static str,
            priority: Priority,
            age: Option<Duration>,
        ) -> Shared<Answer<u32>> {
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
        let field = Field::new();
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
        let field = Field::new();
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
        let field = Field::new();
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
        let field = Field::new();
        field.gate.add_permits(9);
        let failed = || ready(Err(SourceError::new(SourceErrorKind::VenueFault, "x"))).boxed();
        assert!(field.flights.join("a", Normal, None, failed).await.is_err());
        assert_eq!(field.ask("a", Normal).await.unwrap(), 0);
    }
}
