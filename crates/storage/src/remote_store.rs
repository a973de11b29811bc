//! A wrapper for a store that may be unavailable: it is used as long as it answers, and bypassed while it
//! does not.
//!
//! What a store does not know, its reader fetches from the next source. So an unavailable store answers at
//! once that it knows nothing, and nobody waits for it; writes to it go into a [backlog](write_backlog). A
//! [background task](reconnect) retries until it is back. See
//! `docs/decisions/0014-a-database-that-is-away.md`.

mod reconnect;
mod write_backlog;

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::BoxFuture;
use market_backbone_core::{
    Candle, CandleStore, Coverage, Series, StoreError, StoreErrorKind, StoredCandles, TimeRange, Timestamp,
};
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::write_backlog::{DeferredWrite, WriteBacklog};

/// The longest that opening waits for the store, and that closing waits for pending writes.
const GRACE_PERIOD: Duration = Duration::from_secs(2);
/// The longest that a request waits before the store is bypassed.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest wait for a sign of life after a failed write.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// A function that opens the store, or fails; called again until it succeeds.
type Opener = Box<dyn Fn() -> BoxFuture<'static, Result<Arc<dyn CandleStore>, StoreError>> + Send + Sync>;

/// The availability of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Availability {
    /// The store has not answered yet.
    Opening,
    /// The store answers.
    Available,
    /// The store does not answer.
    Unavailable,
}

/// The state of a [`RemoteStore`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RemoteStoreState {
    /// True if the store is unavailable, and work goes on without it.
    pub is_unavailable: bool,
    /// The number of rows that wait to be written to it.
    pub backlog_rows: u64,
    /// The number of rows that were dropped from the backlog because too many waited.
    pub dropped_rows: u64,
}

/// A wrapper that keeps another store, which may be stopped, restarted or stalled, from blocking its callers.
///
/// While the store does not answer, it knows nothing, and commits and deletions go into a backlog of up to
/// 200,000 rows. Beyond that the oldest are dropped, so that their slots stay unknown there. Reconnects are
/// tried in the background, at increasing intervals up to 15 s. When the store is back, the backlog is
/// written, oldest first. What is left when it is closed is lost.
///
/// A request waits at most five seconds for the store, and the next ones not at all until it is back.
pub struct RemoteStore {
    shared: Arc<RemoteStoreInner>,
    /// The background task.
    tasks: TaskTracker,
}

struct RemoteStoreInner {
    /// The name of the store in messages.
    name: String,
    opener: Opener,
    store: OnceLock<Arc<dyn CandleStore>>,
    availability: watch::Sender<Availability>,
    backlog: Mutex<WriteBacklog>,
    /// The series used to check whether it is back.
    last_series: Mutex<Option<Series>>,
    /// Wakes the background task.
    wake: Notify,
    stop: CancellationToken,
}

/// The reason for which the store was bypassed.
enum Unavailability {
    /// It was known to be unavailable.
    AlreadyKnown,
    /// It has just failed.
    Failed(StoreError),
}

impl RemoteStore {
    /// Opens the store called `name`, and waits two seconds for it.
    ///
    /// If it is not open by then, or fails for a transient reason, it counts as unavailable. Must be called
    /// within a tokio runtime.
    ///
    /// # Errors
    ///
    /// If the store fails to open for a permanent reason.
    pub async fn open(
        name: impl Into<String>,
        opener: impl Fn() -> BoxFuture<'static, Result<Arc<dyn CandleStore>, StoreError>> + Send + Sync + 'static,
    ) -> Result<Self, StoreError> {
        let shared = Arc::new(RemoteStoreInner {
            name: name.into(),
            opener: Box::new(opener),
            store: OnceLock::new(),
            availability: watch::Sender::new(Availability::Opening),
            backlog: Mutex::default(),
            last_series: Mutex::default(),
            wake: Notify::new(),
            stop: CancellationToken::new(),
        });
        let (opened, first) = oneshot::channel();
        let tasks = TaskTracker::new();
        tasks.spawn(reconnect::run(Arc::clone(&shared), opened));
        tasks.close();
        let store = Self { shared, tasks };
        match timeout(GRACE_PERIOD, first).await {
            Ok(Ok(Err(error))) if !error.is_transient() => {
                store.close().await;
                return Err(error);
            }
            Ok(_) => {}
            Err(_elapsed) => tracing::warn!(
                "{} has not answered for {} s; going on with what is known here, it is used when it answers",
                store.shared.name,
                GRACE_PERIOD.as_secs()
            ),
        }
        Ok(store)
    }

    /// Returns the current state.
    #[must_use]
    pub fn state(&self) -> RemoteStoreState {
        let owed = self.shared.backlog();
        let (owed_rows, dropped_rows) = (owed.rows() as u64, owed.dropped());
        RemoteStoreState {
            is_unavailable: *self.shared.availability.borrow() != Availability::Available,
            backlog_rows: owed_rows,
            dropped_rows,
        }
    }

    /// Runs `work` on the store, if it answers in time.
    async fn attempt<T, Work>(
        &self,
        series: Option<&Series>,
        work: impl FnOnce(Arc<dyn CandleStore>) -> Work,
    ) -> Result<T, Unavailability>
    where
        Work: Future<Output = Result<T, StoreError>>,
    {
        let deadline = Instant::now() + REQUEST_TIMEOUT;
        let store = self.shared.available_store(deadline).await.ok_or(Unavailability::AlreadyKnown)?;
        if let Some(series) = series {
            *lock(&self.shared.last_series) = Some(series.clone());
        }
        let outcome = timeout_at(deadline, work(store)).await;
        outcome.unwrap_or_else(|_| Err(self.shared.timeout_error())).map_err(Unavailability::Failed)
    }

    /// Adds a write to the backlog, and logs that the first time.
    async fn defer_after_failure(&self, series: &Series, owing: DeferredWrite, absence: Unavailability) {
        self.shared.defer(owing);
        if let Unavailability::Failed(error) = absence {
            tracing::warn!("{error}; deferred writes are sent to it later, if this program still runs");
            // Another process may hold a lock while everything else works.
            let coverage = self.shared.store.get().map(|store| store.coverage(series));
            let alive = match coverage {
                Some(coverage) => timeout(PROBE_TIMEOUT, coverage).await.is_ok_and(|opened| opened.is_ok()),
                None => false,
            };
            if !alive {
                self.shared.mark_unavailable(&error);
            }
        }
    }
}

impl RemoteStoreInner {
    /// Returns the store, unless it is unavailable. If that is not known yet, waits for the answer until
    /// `deadline`.
    async fn available_store(&self, deadline: Instant) -> Option<Arc<dyn CandleStore>> {
        let mut phase = self.availability.subscribe();
        let known = timeout_at(deadline, phase.wait_for(|phase| *phase != Availability::Opening)).await;
        match known {
            Ok(Ok(phase)) if *phase == Availability::Available => {}
            Ok(_) => return None,
            Err(_elapsed) => {
                self.mark_unavailable(&self.timeout_error());
                return None;
            }
        }
        self.store.get().map(Arc::clone)
    }

    /// Marks the store as unavailable because of `error`.
    fn mark_unavailable(&self, error: &StoreError) {
        let was_here = self.availability.send_if_modified(|phase| {
            std::mem::replace(phase, Availability::Unavailable) != Availability::Unavailable
        });
        if was_here && !self.stop.is_cancelled() {
            tracing::warn!(
                "{error}; going on without it: known data is answered from here, all else is fetched from \
                 the venue and written to it when it is back, if this program still runs"
            );
        }
        self.wake.notify_one();
    }

    fn defer(&self, owing: DeferredWrite) {
        let dropped = self.backlog().add(owing);
        if dropped {
            tracing::warn!(
                "too many writes wait for {}: the oldest are dropped, and unknown there until they are \
                 fetched again",
                self.name
            );
        }
        self.wake.notify_one();
    }

    /// Returns whether new writes have to wait behind queued ones.
    fn has_backlog(&self) -> bool {
        !self.backlog().is_empty()
    }

    fn backlog(&self) -> MutexGuard<'_, WriteBacklog> {
        lock(&self.backlog)
    }

    fn timeout_error(&self) -> StoreError {
        StoreError::new(StoreErrorKind::Inaccessible, format!("{} did not answer in time", self.name))
            .transient()
    }

    fn unavailable_error(&self) -> StoreError {
        StoreError::new(StoreErrorKind::Inaccessible, format!("{} is away", self.name)).transient()
    }
}

/// Locks a mutex. Every change under these locks is complete before they are released, so a poisoned one
/// protects nothing half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns whether the error must reach the caller, although work goes on without the store for other errors.
fn is_final(error: &StoreError) -> bool {
    matches!(error.kind(), StoreErrorKind::Unclaimed | StoreErrorKind::Closed)
}

#[async_trait]
impl CandleStore for RemoteStore {
    async fn coverage(&self, series: &Series) -> Result<Coverage, StoreError> {
        match self.attempt(Some(series), async |store| store.coverage(series).await).await {
            Ok(mut known) => {
                self.shared.backlog().subtract_forgotten(series, &mut known);
                Ok(known)
            }
            Err(Unavailability::AlreadyKnown) => Ok(Coverage::empty()),
            Err(Unavailability::Failed(error)) if is_final(&error) => Err(error),
            Err(Unavailability::Failed(error)) if error.is_transient() => {
                self.shared.mark_unavailable(&error);
                Ok(Coverage::empty())
            }
            Err(Unavailability::Failed(error)) => {
                tracing::warn!(%series, "{error}; going on without its data of this series");
                Ok(Coverage::empty())
            }
        }
    }

    async fn read(
        &self,
        series: &Series,
        range: TimeRange,
        limit: usize,
    ) -> Result<StoredCandles, StoreError> {
        self.read_result(
            self.attempt(Some(series), async |store| store.read(series, range, limit).await).await,
        )
    }

    async fn read_as_of(
        &self,
        series: &Series,
        range: TimeRange,
        limit: usize,
        moment: Timestamp,
    ) -> Result<StoredCandles, StoreError> {
        let read = async |store: Arc<dyn CandleStore>| store.read_as_of(series, range, limit, moment).await;
        self.read_result(self.attempt(Some(series), read).await)
    }

    async fn commit(
        &self,
        series: &Series,
        candles: &[Candle],
        coverage: &Coverage,
    ) -> Result<(), StoreError> {
        let owing = || DeferredWrite::Commit(series.clone(), candles.to_vec(), coverage.clone());
        if self.shared.has_backlog() {
            self.shared.defer(owing());
            return Ok(());
        }
        match self.attempt(Some(series), async |store| store.commit(series, candles, coverage).await).await {
            Ok(()) => Ok(()),
            Err(Unavailability::Failed(error)) if is_final(&error) => Err(error),
            Err(Unavailability::Failed(error)) if !error.is_transient() => {
                tracing::warn!(%series, "{error}; it is not stored there");
                Ok(())
            }
            Err(absence) => {
                self.defer_after_failure(series, owing(), absence).await;
                Ok(())
            }
        }
    }

    async fn series(&self) -> Result<Vec<Series>, StoreError> {
        self.read_result(self.attempt(None, async |store| store.series().await).await)
    }

    async fn forget(&self, series: &Series, range: TimeRange) -> Result<(), StoreError> {
        let owing = || DeferredWrite::Forget(series.clone(), range);
        if self.shared.has_backlog() {
            self.shared.defer(owing());
            return Ok(());
        }
        match self.attempt(Some(series), async |store| store.forget(series, range).await).await {
            Ok(()) => Ok(()),
            Err(Unavailability::Failed(error)) if !error.is_transient() => Err(error),
            Err(absence) => {
                self.defer_after_failure(series, owing(), absence).await;
                Ok(())
            }
        }
    }

    /// Closes the store within four seconds, whatever the store does.
    async fn close(&self) {
        self.shared.stop.cancel();
        self.tasks.wait().await; // it ends at once
        let store = self.shared.store.get();
        if let Some(store) = store
            && *self.shared.availability.borrow() == Availability::Available
        {
            let _ = timeout(GRACE_PERIOD, self.shared.flush(store)).await;
        }
        let left = self.shared.backlog().rows();
        if left > 0 {
            // Logged already, when they could not be written; nothing may follow a program's last message.
            tracing::info!("{left} candles have not been written to {}", self.shared.name);
        }
        if let Some(store) = store
            && timeout(GRACE_PERIOD, store.close()).await.is_err()
        {
            tracing::info!("{} is still busy with our work; not waiting for it", self.shared.name);
        }
    }
}

impl RemoteStore {
    /// Turns an attempt to read into its result or the reason for its failure.
    fn read_result<T>(&self, attempt: Result<T, Unavailability>) -> Result<T, StoreError> {
        attempt.map_err(|absence| match absence {
            Unavailability::AlreadyKnown => self.shared.unavailable_error(),
            Unavailability::Failed(error) => {
                if error.is_transient() {
                    self.shared.mark_unavailable(&error);
                }
                error
            }
        })
    }
}

impl Drop for RemoteStore {
    fn drop(&mut self) {
        self.shared.stop.cancel();
    }
}

impl fmt::Debug for RemoteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, state) = (&self.shared.name, self.state());
        f.debug_struct("DistantStore").field("name", name).field("state", &state).finish_non_exhaustive()
    }
}
