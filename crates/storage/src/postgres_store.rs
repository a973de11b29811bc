//! One Postgres for several machines: what one of them has fetched from the venue, the others need not fetch.
//!
//! Several processes write at the same time. A ledger is read, extended and written back, which two of them
//! must not do concurrently: each commit first locks the row of its series, and only then reads the coverage.
//! Nothing is cached here, so nothing can be stale; a process that needs speed wraps this store with a near
//! one.

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

/// The longest that reading or creating tables may take.
///
/// The server ends a statement by itself before that; this is for the case that it no longer answers.
const DEADLINE: Duration = Duration::from_secs(25);
/// The longest that connecting to a server may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest that a transaction may take.
const TRANSACTION_DEADLINE: Duration = Duration::from_secs(60);
/// The longest that closing waits for work in flight.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// A store of candles in a Postgres database that any number of processes share.
///
/// Rows and their coverage are written in one transaction. If a caller stops waiting for a commit, that does
/// not cancel it: it happens or it does not.
pub struct PostgresStore {
    config: PostgresConfig,
    connections: ConnectionPool,
    /// The sources whose series have not been claimed.
    unclaimed: Mutex<BTreeSet<VenueId>>,
    /// True if rows that are read are counted, and missing ones made unknown.
    verifies_counts: bool,
}

impl PostgresStore {
    /// Connects, and creates or migrates the tables. Must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// [`Inaccessible`](market_backbone_core::StoreErrorKind::Inaccessible) if the server cannot be reached
    /// or refuses the login, [`TooNew`](market_backbone_core::StoreErrorKind::TooNew) if a newer version of
    /// this program has created the tables. No error holds the password.
    pub async fn connect(config: PostgresConfig) -> Result<Self, StoreError> {
        let config = config.checked()?;
        let prepared = async {
            // Not from the pool, which would retry and then only report a timeout.
            let options = config.connection();
            let greeting = timeout(CONNECT_TIMEOUT, PgConnection::connect_with(&options)).await;
            let mut conn = greeting
                .map_err(|_| fault::timed_out(&config))?
                .map_err(|error| fault::database(&config, error))?;
            let prepared = match schema::prepare(&mut conn, &config).await {
                Ok(()) => unclaimed::all(&mut conn).await.map_err(|error| fault::database(&config, error)),
                Err(error) => Err(error),
            };
            let _ = conn.close().await; // whatever the result, the connection is gone
            prepared
        };
        let prepared = timeout(DEADLINE, prepared);
        let unclaimed = prepared.await.unwrap_or_else(|_| Err(fault::timed_out(&config)))?;
        let connections = ConnectionPool::new(config.clone());
        Ok(Self { config, connections, unclaimed: Mutex::new(unclaimed), verifies_counts: true })
    }

    /// Returns the sources whose series were unclaimed at the time of connecting.
    ///
    /// An older version, which did not keep sources apart, wrote these series. They are neither read nor
    /// listed, and nothing is added to them, until they are [claimed](Self::claim). Other connected processes
    /// see that after they have reconnected.
    #[must_use]
    pub fn unclaimed(&self) -> Vec<VenueId> {
        self.unclaimed_sources().iter().copied().collect()
    }

    /// Assigns the series that an older version kept under `claimed` to `source`, which may be `claimed`
    /// itself.
    ///
    /// # Errors
    ///
    /// [`Unclaimed`](StoreErrorKind::Unclaimed) if `claimed` needs no claim, or if `source` is of another
    /// venue or has series already; any error of the database.
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
                ClaimOutcome::NotUnclaimed | ClaimOutcome::Taken => drop(transaction), // rolled back with its connection
            }
            Ok(outcome)
        });
        match outcome.await? {
            ClaimOutcome::Done => {
                self.unclaimed_sources().remove(&claimed);
                Ok(())
            }
            ClaimOutcome::NotUnclaimed => {
                refused(format!("the series of {claimed} in the database {config} need no claim"))
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
        // A set is consistent between any two statements.
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
                // A reader looks at the coverage afterwards, and must not find that missing rows were empty
                // slots.
                let mut transaction = connections.begin_with(conn).await?;
                row_counts::repair(&mut transaction, &series, wrong).await?;
                transaction.commit().await?;
            }
            Ok(StoredCandles { candles: candles.into(), from_memory: 0 })
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
            let bounds = (rows::first_ms(cut.unwrap_or(range.from())), rows::first_ms(range.to()));
            let wrong = row_counts::mismatched(&mut snapshot, &series, bounds).await?;
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
            Ok(StoredCandles { candles: candles.into(), from_memory: 0 })
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
            tracing::warn!(database = %self.config, "the database is still busy with our work; not waiting for it");
        }
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").field("config", &self.config).finish_non_exhaustive()
    }
}
