//! Shares one request, and its reply for a moment after, among callers that request the same at about the
//! same time.
//!
//! A caller joins a request in flight for the same key ([`SingleFlight`]). A reply serves callers for a
//! moment after it came, so that many callers that leave the socket all at once do not become a burst of
//! requests.

use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::ready;
use market_backbone_core::{Priority, SharedFuture, SingleFlight, SourceError};
use rustc_hash::FxHashMap;
use tokio::time::Instant;

type ReplyTable<K, V> = Mutex<FxHashMap<K, (Instant, V)>>;

/// The requests in flight and the recent replies, by key.
///
/// The number of replies is bounded by the requests within `keep`: older ones are removed at each request.
pub(crate) struct SharedReplies<K, V> {
    flights: SingleFlight<K, Result<V, SourceError>>,
    recent: Arc<ReplyTable<K, V>>,
    keep: Duration,
}

impl<K, V> SharedReplies<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Creates an empty one; replies are shared for `keep`.
    pub(crate) fn new(keep: Duration) -> Self {
        Self { flights: SingleFlight::default(), recent: Arc::default(), keep }
    }

    /// Takes the reply for `key` that came less than `max_age` ago, or joins a request in flight of at least
    /// this priority, or starts one.
    pub(crate) fn join<F>(
        &self,
        key: &K,
        priority: Priority,
        max_age: Option<Duration>,
        start: impl FnOnce() -> F,
    ) -> SharedFuture<Result<V, SourceError>>
    where
        F: Future<Output = Result<V, SourceError>> + Send + 'static,
    {
        let keep = self.keep;
        let recent = {
            let mut recent = lock(&self.recent);
            recent.retain(|_, (at, _)| at.elapsed() < keep);
            let young = |(at, _): &&(Instant, V)| max_age.is_none_or(|most| at.elapsed() < most);
            recent.get(key).filter(young).map(|(_, reply)| reply.clone())
        };
        if let Some(reply) = recent {
            return ready(Ok(reply)).boxed().shared();
        }
        self.flights.get_or_start(key, priority, || {
            let (request, replies, key) = (start(), Arc::clone(&self.recent), key.clone());
            async move {
                let reply = request.await?;
                lock(&replies).insert(key, (Instant::now(), reply.clone()));
                Ok(reply)
            }
        })
    }
}

fn lock<K, V>(table: &ReplyTable<K, V>) -> MutexGuard<'_, FxHashMap<K, (Instant, V)>> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<K, V> fmt::Debug for SharedReplies<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedReplies").field("keep", &self.keep).finish_non_exhaustive()
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

    /// Requests that are answered with their number once the gate lets them.
    struct SharedRepliesFixture {
        flights: SharedReplies<&'static str, u32>,
        starts: Arc<AtomicU32>,
        gate: Arc<Semaphore>,
    }

    impl SharedRepliesFixture {
        fn new() -> Self {
            Self {
                flights: SharedReplies::new(KEEP),
                starts: Arc::default(),
                gate: Arc::new(Semaphore::new(0)),
            }
        }

        fn ask(&self, key: &'static str, priority: Priority) -> SharedFuture<Result<u32, SourceError>> {
            self.ask_for(key, priority, None)
        }

        fn ask_for(
            &self,
            key: &'static str,
            priority: Priority,
            age: Option<Duration>,
        ) -> SharedFuture<Result<u32, SourceError>> {
            let (starts, gate) = (Arc::clone(&self.starts), Arc::clone(&self.gate));
            self.flights.join(&key, priority, age, || {
                let number = starts.fetch_add(1, Relaxed);
                async move {
                    gate.acquire().await.unwrap().forget();
                    Ok(number)
                }
            })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_request_serves_all_who_ask_meanwhile_and_survives_the_first() {
        let field = SharedRepliesFixture::new();
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
        let field = SharedRepliesFixture::new();
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
        let field = SharedRepliesFixture::new();
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
        let field = SharedRepliesFixture::new();
        field.gate.add_permits(9);
        let failed = || ready(Err(SourceError::new(SourceErrorKind::VenueFault, "x")));
        assert!(field.flights.join(&"a", Normal, None, failed).await.is_err());
        assert_eq!(field.ask("a", Normal).await.unwrap(), 0);
    }
}
