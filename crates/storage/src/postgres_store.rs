//! One Postgres for a fleet: what one worker has asked of the venue, none of the others need ask.
//!
//! Workers write at the same time. A ledger is read, grown and written back, which two of them must not do at
//! once: each commit first locks the row of its series, and only then looks at what is known. Nothing is kept
//! in memory here, so nothing can be stale; a worker that wants speed puts a store of its own before this one.

mod config;
mod copy;
mod fault;
mod ledger_rows;
mod lone_witness;
mod pgpass;
mod pool;
mod recent_failure;
mod revision_rows;
mod row_counts;
mod rows;
mod schema;
mod series_row;
mod stats;
mod unclaimed;
mod validation;
mod write;

use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use market_backbone_core::{
    Candle, CandleStore, Coverage, Series, StoreError, StoreErrorKind, StoredCandles, TimeRange, Timestamp,
    VenueId,
};
use sqlx::Connection;
use sqlx::postgres::PgConnection;
use tokio::time::timeout;

pub use self::config::PostgresConfig;
use self::pool::ConnectionPool;
pub use self::stats::{DatabaseSeries, DatabaseStats, DatabaseTable};
use self::unclaimed::ClaimOutcome;
use crate::batch::Batch;

/// How long reading or making tables may take. The server gives a statement up by itself before that;
/// this is for the case that nothing is heard of it any more.
const DEADLINE: Duration = Duration::from_secs(25);
/// How long a server may take to say that it is there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a transaction may take.
const TRANSACTION_DEADLINE: Duration = Duration::from_secs(60);
/// How long the end waits for what is under way.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Keeps candles in a Postgres database that any number of processes share.
///
/// Rows and the proof that came with them are written in one transaction. A caller who gives up waiting for a
/// commit does not take it back: it happens or it does not.
pub struct PostgresStore {
    config: PostgresConfig,
    connections: ConnectionPool,
    /// Sources of which nobody has said whose their series are.
    unclaimed: Mutex<BTreeSet<VenueId>>,
    /// Whether what is read is counted, and what is missing made unknown.
    verifies_counts: bool,
}

impl PostgresStore {
    /// Connects, and makes the tables where they are missing or old. To be called inside a tokio runtime.
    ///
    /// # Errors
    ///
    /// [`Inaccessible`](market_backbone_core::StoreErrorKind::Inaccessible) if the server cannot be reached or
    /// does not let us in, [`TooNew`](market_backbone_core::StoreErrorKind::TooNew) if a newer version of this
    /// program has made the tables. No error holds the password.
    pub async fn connect(config: PostgresConfig) -> Result<Self, StoreError> {
        let config = config.checked()?;
        let prepared = async {
            // Not from the pool, which would try again and again and then say only that it took too long.
            let options = config.connection();
            let greeting = timeout(CONNECT_TIMEOUT, PgConnection::connect_with(&options)).await;
            let mut conn = greeting
                .map_err(|_| fault::timed_out(&config))?
                .map_err(|error| fault::database(&config, error))?;
            let prepared = match schema::prepare(&mut conn, &config).await {
                Ok(()) => unclaimed::all(&mut conn).await.map_err(|error| fault::database(&config, error)),
                Err(error) => Err(error),
            };
            let _ = conn.close().await; // whatever comes of it, the connection is gone
            prepared
        };
        let prepared = timeout(DEADLINE, prepared);
        let unclaimed = prepared.await.unwrap_or_else(|_| Err(fault::timed_out(&config)))?;
        let connections = ConnectionPool::new(config.clone());
        Ok(Self { config, connections, unclaimed: Mutex::new(unclaimed), verifies_counts: true })
    }

    /// The sources of whose series it was not known, when this connected, whether they are theirs: an older version wrote
    /// them, which did not keep sources apart. They are neither read nor listed, and nothing is added to them, until they
    /// are [claimed](Self::add_claim); workers that are connected then go on after they have connected anew.
    #[must_use]
    pub fn unclaimed(&self) -> Vec<VenueId> {
        self.unclaimed_sources().iter().copied().collect()
    }

    /// Says whose the series are that an older version kept under `claimed`: `source`'s, which may be `claimed` itself.
    ///
    /// # Errors
    ///
    /// [`Unclaimed`](StoreErrorKind::Unclaimed) if that is no question, or if `source` is of another venue, or has series
    /// already; if the database fails.
    pub async fn claim(&self, claimed: VenueId, source: VenueId) -> Result<(), StoreError> {
        let refused = |what: String| Err(StoreError::new(StoreErrorKind::Unclaimed, what));
        let config = &self.config;
        if source.family() != claimed.family() {
            return refused(format!("{source} is no source of {}", claimed.family()));
        }
        let connections = self.connections.clone();
        let outcome = self.run(TRANSACTION_DEADLINE, async move {
            let mut transaction = connections.begin().await?;
            let outcome = unclaimed::claim(&mut transaction, claimed, source).await?;
            match outcome {
                ClaimOutcome::Done => transaction.commit().await?,
                ClaimOutcome::NotUnclaimed | ClaimOutcome::Taken => drop(transaction), // undone with its connection
            }
            Ok(outcome)
        });
        match outcome.await? {
            ClaimOutcome::Done => {
                self.unclaimed_sources().remove(&claimed);
                Ok(())
            }
            ClaimOutcome::NotUnclaimed => {
                refused(format!("whose the series of {claimed} in the database {config} are is no question"))
            }
            ClaimOutcome::Taken => {
                refused(format!("there are series of {source} in the database {config} already"))
            }
        }
    }

    fn require_claimed(&self, series: &Series) -> Result<(), StoreError> {
        let source = series.symbol.venue();
        if self.unclaimed_sources().contains(&source) {
            return Err(fault::unclaimed(&self.config, source));
        }
        Ok(())
    }

    fn unclaimed_sources(&self) -> MutexGuard<'_, BTreeSet<VenueId>> {
        // A set is whole between any two statements.
        self.unclaimed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn run<T: Send + 'static>(
        &self,
        deadline: Duration,
        work: impl Future<Output = Result<T, sqlx::Error>> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.connections.run(deadline, work).await.map_err(|error| fault::database(&self.config, error))
    }
}

#[async_trait]
impl CandleStore for PostgresStore {
    async fn coverage(&self, series: &Series) -> Result<Coverage, StoreError> {
        self.require_claimed(series)?;
        let (connections, series) = (self.connections.clone(), series.clone());
        self.run(DEADLINE, async move {
            let mut conn = connections.acquire().await?;
            let known = ledger_rows::of(&mut conn, &series).await?;
            conn.release();
            Ok(known)
        })
        .await
    }

    async fn read(
        &self,
        series: &Series,
        range: TimeRange,
        limit: usize,
    ) -> Result<StoredCandles, StoreError> {
        self.require_claimed(series)?;
        let (connections, series, mends) = (self.connections.clone(), series.clone(), self.verifies_counts);
        self.run(DEADLINE, async move {
            let mut conn = connections.acquire().await?;
            let (candles, wrong) = rows::counted(&mut conn, &series, range, limit).await?;
            if wrong.is_empty() || !mends {
                conn.release();
            } else {
                // Whoever reads looks at what is known afterwards, and must not find that what is missing was empty.
                let mut transaction = connections.begin_with(conn).await?;
                row_counts::repair(&mut transaction, &series, wrong).await?;
                transaction.commit().await?;
            }
            Ok(StoredCandles { candles, from_memory: 0 })
        })
        .await
    }

    async fn read_as_of(
        &self,
        series: &Series,
        range: TimeRange,
        limit: usize,
        moment: Timestamp,
    ) -> Result<StoredCandles, StoreError> {
        self.require_claimed(series)?;
        let (connections, series) = (self.connections.clone(), series.clone());
        self.run(DEADLINE, async move {
            let mut snapshot = connections.snapshot().await?;
            let candles = revision_rows::newest_as_of(&mut snapshot, &series, range, limit, moment).await?;
            let cut = candles.first().filter(|_| candles.len() == limit).map(|oldest| oldest.open_time);
            let told = (rows::first_ms(cut.unwrap_or(range.from())), rows::first_ms(range.to()));
            let wrong = row_counts::mismatched(&mut snapshot, &series, told).await?;
            snapshot.commit().await?;
            if !wrong.is_empty() {
                let mut transaction = connections.begin().await?;
                row_counts::repair(
                    &mut transaction,
                    &series,
                    wrong.iter().map(|count| count.from_ms).collect(),
                )
                .await?;
                transaction.commit().await?;
            }
            Ok(StoredCandles { candles, from_memory: 0 })
        })
        .await
    }

    async fn commit(
        &self,
        series: &Series,
        candles: &[Candle],
        coverage: &Coverage,
    ) -> Result<(), StoreError> {
        self.require_claimed(series)?;
        let batch = Batch::accept(series, candles, coverage)?;
        if batch.is_empty() {
            return Ok(());
        }
        let (connections, series) = (self.connections.clone(), series.clone());
        self.run(TRANSACTION_DEADLINE, async move {
            let mut transaction = connections.begin().await?;
            write::commit(&mut transaction, &series, &batch).await?;
            transaction.commit().await
        })
        .await
    }

    async fn series(&self) -> Result<Vec<Series>, StoreError> {
        let connections = self.connections.clone();
        let all = self.run(DEADLINE, async move {
            let mut conn = connections.acquire().await?;
            let all = series_row::all(&mut conn).await?;
            conn.release();
            Ok(all)
        });
        let mut all = all.await?;
        all.retain(|series| self.require_claimed(series).is_ok());
        Ok(all)
    }

    async fn forget(&self, series: &Series, range: TimeRange) -> Result<(), StoreError> {
        self.require_claimed(series)?;
        let (connections, series) = (self.connections.clone(), series.clone());
        self.run(TRANSACTION_DEADLINE, async move {
            let mut transaction = connections.begin().await?;
            write::forget(&mut transaction, &series, range).await?;
            transaction.commit().await
        })
        .await
    }

    async fn close(&self) {
        if timeout(CLOSE_TIMEOUT, self.connections.close()).await.is_err() {
            tracing::warn!(database = %self.config, "the database still works for us and is left to itself");
        }
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").field("config", &self.config).finish_non_exhaustive()
    }
}
