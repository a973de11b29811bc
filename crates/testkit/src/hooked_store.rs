//! A store that calls a hook before each access.

use std::sync::Arc;

use async_trait::async_trait;
use futures::FutureExt;
use futures::future::BoxFuture;
use market_backbone_core::{
    Candle, CandleStore, Coverage, Series, StoreError, StoredCandles, TimeRange, Timestamp,
};

/// An access to a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreCall {
    /// The coverage of a series is read.
    Coverage,
    /// Rows of a series are read, as they are or as they were.
    Read,
    /// Rows are stored with their proof.
    Commit {
        /// The number of rows.
        rows: usize,
    },
    /// The series are listed.
    Series,
    /// Rows of a series are removed.
    Forget,
    /// The store is closed.
    Close,
}

impl StoreCall {
    /// Returns whether the access changes what is stored.
    #[must_use]
    pub const fn is_write(self) -> bool {
        matches!(self, Self::Commit { .. } | Self::Forget)
    }
}

type Hook = dyn Fn(StoreCall) -> BoxFuture<'static, Result<(), StoreError>> + Send + Sync;

/// A store in front of another one. A hook runs before each access: it can let it wait, fail it, or change the store.
pub struct HookedStore {
    store: Arc<dyn CandleStore>,
    hook: Box<Hook>,
}

impl HookedStore {
    /// Puts `hook` before `store`. An access whose hook fails does not take place, and fails in the same way.
    pub fn new<F>(store: Arc<dyn CandleStore>, hook: impl Fn(StoreCall) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), StoreError>> + Send + 'static,
    {
        Self { store, hook: Box::new(move |call| hook(call).boxed()) }
    }

    /// Puts a `hook` before `store` that has nothing to wait for.
    pub fn checked(
        store: Arc<dyn CandleStore>,
        hook: impl Fn(StoreCall) -> Result<(), StoreError> + Send + Sync + 'static,
    ) -> Self {
        Self::new(store, move |call| std::future::ready(hook(call)))
    }
}

impl std::fmt::Debug for HookedStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HookedStore").finish_non_exhaustive()
    }
}

#[async_trait]
impl CandleStore for HookedStore {
    async fn coverage(&self, series: &Series) -> Result<Coverage, StoreError> {
        (self.hook)(StoreCall::Coverage).await?;
        self.store.coverage(series).await
    }

    async fn read(
        &self,
        series: &Series,
        range: TimeRange,
        limit: usize,
    ) -> Result<StoredCandles, StoreError> {
        (self.hook)(StoreCall::Read).await?;
        self.store.read(series, range, limit).await
    }

    async fn read_as_of(
        &self,
        series: &Series,
        range: TimeRange,
        limit: usize,
        moment: Timestamp,
    ) -> Result<StoredCandles, StoreError> {
        (self.hook)(StoreCall::Read).await?;
        self.store.read_as_of(series, range, limit, moment).await
    }

    async fn commit(
        &self,
        series: &Series,
        candles: &[Candle],
        coverage: &Coverage,
    ) -> Result<(), StoreError> {
        (self.hook)(StoreCall::Commit { rows: candles.len() }).await?;
        self.store.commit(series, candles, coverage).await
    }

    async fn series(&self) -> Result<Vec<Series>, StoreError> {
        (self.hook)(StoreCall::Series).await?;
        self.store.series().await
    }

    async fn forget(&self, series: &Series, range: TimeRange) -> Result<(), StoreError> {
        (self.hook)(StoreCall::Forget).await?;
        self.store.forget(series, range).await
    }

    async fn close(&self) {
        if (self.hook)(StoreCall::Close).await.is_ok() {
            self.store.close().await;
        }
    }
}
