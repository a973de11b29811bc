//! A store that may be away: what is far is asked for as long as it answers, and done without while it does not.
//!
//! What a store does not say it knows, its reader asks of whoever lies behind it. So a store that is away knows nothing,
//! says so at once, and nobody waits for it; what it should have been told is [owed](owed) to it. Somebody [tends](tending) it
//! in the background until it is back. See `docs/decisions/0014-a-database-that-is-away.md`.

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

/// How long a start waits for the store, and the end for what it still has to write.
const GRACE_PERIOD: Duration = Duration::from_secs(2);
/// How long a question waits until it is done without the store.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// How long it is waited for a sign of life where something could not be written.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// Opens the store, or fails; called again until it succeeds.
type Opener = Box<dyn Fn() -> BoxFuture<'static, Result<Arc<dyn CandleStore>, StoreError>> + Send + Sync>;

/// Where it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Availability {
    /// Nobody knows yet.
    Opening,
    /// The store answers.
    Available,
    /// It does not.
    Unavailable,
}

/// The state of a [`RemoteStore`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RemoteStoreState {
    /// True if the store is unavailable, and work goes on without it.
    pub is_unavailable: bool,
    /// Rows that wait to be written to it.
    pub backlog_rows: u64,
    /// Rows that will never be, because too many waited.
    pub dropped_rows: u64,
}

/// Keeps another store, which may be stopped, restarted or stalled, from holding anybody up.
///
/// As long as it does not answer it knows nothing, and what is committed or forgotten waits, up to 200,000 rows: beyond
/// that the oldest are let go of, so that their slots stay unknown there. It is tried again in the background, at longer and
/// longer intervals up to 15 s, and told what it is owed, oldest first, when it is back. What is still owed when it is
/// closed it is never told.
///
/// A question waits five seconds for it at the most, and nobody after that until it is back.
pub struct RemoteStore {
    shared: Arc<RemoteStoreInner>,
    /// Who tends it.
    tasks: TaskTracker,
}

struct RemoteStoreInner {
    /// What it is called in messages.
    name: String,
    opener: Opener,
    store: OnceLock<Arc<dyn CandleStore>>,
    availability: watch::Sender<Availability>,
    backlog: Mutex<WriteBacklog>,
    /// Of which series it is asked, to see whether it is back.
    last_series: Mutex<Option<Series>>,
    /// Something is to be seen to.
    wake: Notify,
    stop: CancellationToken,
}

/// Why it was done without the store.
enum Unavailability {
    /// It was known to be away.
    AlreadyKnown,
    /// It has just failed.
    Failed(StoreError),
}

impl RemoteStore {
    /// Opens the store that is called `name`, and waits two seconds for it: if it is not there by then, or fails for a
    /// reason that may be over by itself, it is away. To be called inside a tokio runtime.
    ///
    /// # Errors
    ///
    /// If it is there and does not want to be opened.
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
        let (told, first) = oneshot::channel();
        let tasks = TaskTracker::new();
        tasks.spawn(reconnect::run(Arc::clone(&shared), told));
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

    /// Does something to the store, if it answers in time.
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

    /// Keeps something for later, and says so the first time.
    async fn defer_after_failure(&self, series: &Series, owing: DeferredWrite, absence: Unavailability) {
        self.shared.defer(owing);
        if let Unavailability::Failed(error) = absence {
            tracing::warn!(
                "{error}; what it could not be told is written to it later, if this program runs so long"
            );
            // Somebody may hold a lock, and all else be well.
            let coverage = self.shared.store.get().map(|store| store.coverage(series));
            let alive = match coverage {
                Some(coverage) => timeout(PROBE_TIMEOUT, coverage).await.is_ok_and(|told| told.is_ok()),
                None => false,
            };
            if !alive {
                self.shared.mark_unavailable(&error);
            }
        }
    }
}

impl RemoteStoreInner {
    /// The store, unless it is away; where nobody knows yet, after waiting for the answer until `deadline`.
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

    /// Does without it from now on, because of `error`.
    fn mark_unavailable(&self, error: &StoreError) {
        let was_here = self.availability.send_if_modified(|phase| {
            std::mem::replace(phase, Availability::Unavailable) != Availability::Unavailable
        });
        if was_here && !self.stop.is_cancelled() {
            tracing::warn!(
                "{error}; going on without it: what is known here is answered, all else is asked of the venue and written to \
                 it when it is back, if this program runs so long"
            );
        }
        self.wake.notify_one();
    }

    fn defer(&self, owing: DeferredWrite) {
        let dropped = self.backlog().add(owing);
        if dropped {
            tracing::warn!(
                "too much waits to be written to {}: the oldest is let go of, and unknown there until it is asked for again",
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

/// Every change under these locks is complete before they are let go, so a poisoned one holds nothing half done.
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
                tracing::warn!(%series, "{error}; done without what it knows of this series");
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
                tracing::warn!(%series, "{error}; it is not kept there");
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
            // Said already, when they could not be; nothing is to come after a program's last word.
            tracing::info!("{left} candles have not been written to {}", self.shared.name);
        }
        if let Some(store) = store
            && timeout(GRACE_PERIOD, store.close()).await.is_err()
        {
            tracing::info!("{} still works for us and is left to itself", self.shared.name);
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
