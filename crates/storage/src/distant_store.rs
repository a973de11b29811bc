//! A store that may be away: what is far is asked for as long as it answers, and done without while it does not.
//!
//! What a store does not say it knows, its reader asks of whoever lies behind it. So a store that is away knows nothing,
//! says so at once, and nobody waits for it; what it should have been told is [owed](owed) to it. Somebody [tends](tending) it
//! in the background until it is back. See `docs/decisions/0014-a-database-that-is-away.md`.

mod owed;
mod tending;

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

use self::owed::{Owed, Owing};

/// How long a start waits for the store, and the end for what it still has to write.
const GRACE: Duration = Duration::from_secs(2);
/// How long a question waits until it is done without the store.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long it is waited for a sign of life where something could not be written.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);

/// Opens the store, or fails; called again until it succeeds.
type Opener = Box<dyn Fn() -> BoxFuture<'static, Result<Arc<dyn CandleStore>, StoreError>> + Send + Sync>;

/// Where it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nobody knows yet.
    Opening,
    /// It answers.
    Here,
    /// It does not.
    Away,
}

/// How a [`DistantStore`] is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DistantState {
    /// Whether it is done without.
    pub is_away: bool,
    /// Rows that wait to be written to it.
    pub owed_rows: u64,
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
pub struct DistantStore {
    shared: Arc<Shared>,
    /// Who tends it.
    tasks: TaskTracker,
}

struct Shared {
    /// What it is called in messages.
    name: String,
    opener: Opener,
    store: OnceLock<Arc<dyn CandleStore>>,
    phase: watch::Sender<Phase>,
    owed: Mutex<Owed>,
    /// Of which series it is asked, to see whether it is back.
    asked_last: Mutex<Option<Series>>,
    /// Something is to be seen to.
    wake: Notify,
    stop: CancellationToken,
}

/// Why it was done without the store.
enum Absence {
    /// It was known to be away.
    Known,
    /// It has just failed.
    Fresh(StoreError),
}

impl DistantStore {
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
        let shared = Arc::new(Shared {
            name: name.into(),
            opener: Box::new(opener),
            store: OnceLock::new(),
            phase: watch::Sender::new(Phase::Opening),
            owed: Mutex::default(),
            asked_last: Mutex::default(),
            wake: Notify::new(),
            stop: CancellationToken::new(),
        });
        let (told, first) = oneshot::channel();
        let tasks = TaskTracker::new();
        tasks.spawn(tending::tend(Arc::clone(&shared), told));
        tasks.close();
        let store = Self { shared, tasks };
        match timeout(GRACE, first).await {
            Ok(Ok(Err(error))) if !error.is_transient() => {
                store.close().await;
                return Err(error);
            }
            Ok(_) => {}
            Err(_elapsed) => tracing::warn!(
                "{} has not answered for {} s; going on with what is known here, it is used when it answers",
                store.shared.name,
                GRACE.as_secs()
            ),
        }
        Ok(store)
    }

    /// How it is.
    #[must_use]
    pub fn state(&self) -> DistantState {
        let owed = self.shared.owed();
        let (owed_rows, dropped_rows) = (owed.rows() as u64, owed.dropped());
        DistantState { is_away: *self.shared.phase.borrow() != Phase::Here, owed_rows, dropped_rows }
    }

    /// Does something to the store, if it answers in time.
    async fn attempt<T, Work>(
        &self,
        series: Option<&Series>,
        work: impl FnOnce(Arc<dyn CandleStore>) -> Work,
    ) -> Result<T, Absence>
    where
        Work: Future<Output = Result<T, StoreError>>,
    {
        let deadline = Instant::now() + PATIENCE;
        let store = self.shared.here(deadline).await.ok_or(Absence::Known)?;
        if let Some(series) = series {
            *lock(&self.shared.asked_last) = Some(series.clone());
        }
        let outcome = timeout_at(deadline, work(store)).await;
        outcome.unwrap_or_else(|_| Err(self.shared.too_slow())).map_err(Absence::Fresh)
    }

    /// Keeps something for later, and says so the first time.
    async fn owe(&self, series: &Series, owing: Owing, absence: Absence) {
        self.shared.owe(owing);
        if let Absence::Fresh(error) = absence {
            tracing::warn!(
                "{error}; what it could not be told is written to it later, if this program runs so long"
            );
            // Somebody may hold a lock, and all else be well.
            let coverage = self.shared.store.get().map(|store| store.coverage(series));
            let alive = match coverage {
                Some(coverage) => timeout(SIGN_OF_LIFE, coverage).await.is_ok_and(|told| told.is_ok()),
                None => false,
            };
            if !alive {
                self.shared.leave(&error);
            }
        }
    }
}

impl Shared {
    /// The store, unless it is away; where nobody knows yet, after waiting for the answer until `deadline`.
    async fn here(&self, deadline: Instant) -> Option<Arc<dyn CandleStore>> {
        let mut phase = self.phase.subscribe();
        let known = timeout_at(deadline, phase.wait_for(|phase| *phase != Phase::Opening)).await;
        match known {
            Ok(Ok(phase)) if *phase == Phase::Here => {}
            Ok(_) => return None,
            Err(_elapsed) => {
                self.leave(&self.too_slow());
                return None;
            }
        }
        self.store.get().map(Arc::clone)
    }

    /// Does without it from now on, because of `error`.
    fn leave(&self, error: &StoreError) {
        let was_here =
            self.phase.send_if_modified(|phase| std::mem::replace(phase, Phase::Away) != Phase::Away);
        if was_here && !self.stop.is_cancelled() {
            tracing::warn!(
                "{error}; going on without it: what is known here is answered, all else is asked of the venue and written to \
                 it when it is back, if this program runs so long"
            );
        }
        self.wake.notify_one();
    }

    fn owe(&self, owing: Owing) {
        let dropped = self.owed().add(owing);
        if dropped {
            tracing::warn!(
                "too much waits to be written to {}: the oldest is let go of, and unknown there until it is asked for again",
                self.name
            );
        }
        self.wake.notify_one();
    }

    /// Whether what is to be written has to wait behind other things.
    fn owes(&self) -> bool {
        !self.owed().is_empty()
    }

    fn owed(&self) -> MutexGuard<'_, Owed> {
        lock(&self.owed)
    }

    fn too_slow(&self) -> StoreError {
        StoreError::new(StoreErrorKind::Inaccessible, format!("{} did not answer in time", self.name))
            .transient()
    }

    fn away(&self) -> StoreError {
        StoreError::new(StoreErrorKind::Inaccessible, format!("{} is away", self.name)).transient()
    }
}

/// Every change under these locks is complete before they are let go, so a poisoned one holds nothing half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What has to be said to whoever asks, whatever can be done without.
fn is_final(error: &StoreError) -> bool {
    matches!(error.kind(), StoreErrorKind::Unclaimed | StoreErrorKind::Closed)
}

#[async_trait]
impl CandleStore for DistantStore {
    async fn coverage(&self, series: &Series) -> Result<Coverage, StoreError> {
        match self.attempt(Some(series), async |store| store.coverage(series).await).await {
            Ok(mut known) => {
                self.shared.owed().forgotten(series, &mut known);
                Ok(known)
            }
            Err(Absence::Known) => Ok(Coverage::empty()),
            Err(Absence::Fresh(error)) if is_final(&error) => Err(error),
            Err(Absence::Fresh(error)) if error.is_transient() => {
                self.shared.leave(&error);
                Ok(Coverage::empty())
            }
            Err(Absence::Fresh(error)) => {
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
        self.told(self.attempt(Some(series), async |store| store.read(series, range, limit).await).await)
    }

    async fn read_as_of(
        &self,
        series: &Series,
        range: TimeRange,
        limit: usize,
        moment: Timestamp,
    ) -> Result<StoredCandles, StoreError> {
        let read = async |store: Arc<dyn CandleStore>| store.read_as_of(series, range, limit, moment).await;
        self.told(self.attempt(Some(series), read).await)
    }

    async fn commit(
        &self,
        series: &Series,
        candles: &[Candle],
        coverage: &Coverage,
    ) -> Result<(), StoreError> {
        let owing = || Owing::Keep(series.clone(), candles.to_vec(), coverage.clone());
        if self.shared.owes() {
            self.shared.owe(owing());
            return Ok(());
        }
        match self.attempt(Some(series), async |store| store.commit(series, candles, coverage).await).await {
            Ok(()) => Ok(()),
            Err(Absence::Fresh(error)) if is_final(&error) => Err(error),
            Err(Absence::Fresh(error)) if !error.is_transient() => {
                tracing::warn!(%series, "{error}; it is not kept there");
                Ok(())
            }
            Err(absence) => {
                self.owe(series, owing(), absence).await;
                Ok(())
            }
        }
    }

    async fn series(&self) -> Result<Vec<Series>, StoreError> {
        self.told(self.attempt(None, async |store| store.series().await).await)
    }

    async fn forget(&self, series: &Series, range: TimeRange) -> Result<(), StoreError> {
        let owing = || Owing::Forget(series.clone(), range);
        if self.shared.owes() {
            self.shared.owe(owing());
            return Ok(());
        }
        match self.attempt(Some(series), async |store| store.forget(series, range).await).await {
            Ok(()) => Ok(()),
            Err(Absence::Fresh(error)) if !error.is_transient() => Err(error),
            Err(absence) => {
                self.owe(series, owing(), absence).await;
                Ok(())
            }
        }
    }

    /// Within four seconds, whatever the store does.
    async fn close(&self) {
        self.shared.stop.cancel();
        self.tasks.wait().await; // it ends at once
        let store = self.shared.store.get();
        if let Some(store) = store
            && *self.shared.phase.borrow() == Phase::Here
        {
            let _ = timeout(GRACE, self.shared.pay(store)).await;
        }
        let left = self.shared.owed().rows();
        if left > 0 {
            // Said already, when they could not be; nothing is to come after a program's last word.
            tracing::info!("{left} candles have not been written to {}", self.shared.name);
        }
        if let Some(store) = store
            && timeout(GRACE, store.close()).await.is_err()
        {
            tracing::info!("{} still works for us and is left to itself", self.shared.name);
        }
    }
}

impl DistantStore {
    /// What was read, or why not.
    fn told<T>(&self, attempt: Result<T, Absence>) -> Result<T, StoreError> {
        attempt.map_err(|absence| match absence {
            Absence::Known => self.shared.away(),
            Absence::Fresh(error) => {
                if error.is_transient() {
                    self.shared.leave(&error);
                }
                error
            }
        })
    }
}

impl Drop for DistantStore {
    fn drop(&mut self) {
        self.shared.stop.cancel();
    }
}

impl fmt::Debug for DistantStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, state) = (&self.shared.name, self.state());
        f.debug_struct("DistantStore").field("name", name).field("state", &state).finish_non_exhaustive()
    }
}
