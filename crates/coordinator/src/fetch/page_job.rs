//! One page to be fetched, and its outcome.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{AbortHandle, BoxFuture, abortable};
use market_backbone_core::{
    CandlePageRequest, CandlePart, Priority, Series, SourceError, SourceErrorKind, TimeRange, Timestamp,
};

use crate::fetch_context::FetchContext;
use crate::single_flight::{PageKey, PageResult};

/// One page to be fetched.
#[derive(Debug)]
pub(crate) struct PageJob {
    pub(crate) request: CandlePageRequest,
    /// The range it is expected to show. Nothing else is requested for it meanwhile.
    pub(crate) chunk: TimeRange,
    /// The number of its failures.
    pub(crate) tries: u32,
    /// The number of requests its failures took.
    pub(crate) requests_spent: u64,
}

/// The outcome of a job in flight.
pub(crate) enum FetchOutcome {
    Page { number: u64, job: PageJob, result: Arc<PageResult> },
    Forming(Result<Option<CandlePart>, SourceError>),
    Aborted,
}

impl PageJob {
    pub(crate) fn new(request: CandlePageRequest, chunk: TimeRange) -> Self {
        Self { request, chunk, tries: 0, requests_spent: 0 }
    }

    /// Returns the job as a future, with a handle to cancel it.
    pub(crate) fn run(
        self,
        number: u64,
        context: Arc<FetchContext>,
        slot: Option<Timestamp>,
        (priority, began): (Priority, u64),
    ) -> (BoxFuture<'static, FetchOutcome>, AbortHandle) {
        let pause = context.config.retry_pause * self.tries;
        let (work, abort) = abortable(async move {
            wait(pause).await;
            let key = PageKey { request: self.request.clone(), slot };
            let result = context.single_flight.get_or_spawn(&key, priority, began).await;
            FetchOutcome::Page { number, job: self, result }
        });
        (work.map(|result| result.unwrap_or(FetchOutcome::Aborted)).boxed(), abort)
    }

    /// Returns the error that ends a fetch because this page is not available.
    pub(crate) fn final_error(&self, error: &SourceError) -> SourceError {
        let Self { request, chunk, tries, .. } = self;
        let message = format!("cannot fetch {} from {chunk}, tried {tries} times", request.series);
        SourceError::new(error.kind(), message)
            .at_venue(request.series.symbol.venue())
            .with_source(error.clone())
    }
}

/// Requests the forming candle, after a pause.
pub(crate) fn forming(
    context: Arc<FetchContext>,
    series: Series,
    priority: Priority,
    pause: Duration,
) -> BoxFuture<'static, FetchOutcome> {
    async move {
        wait(pause).await;
        let deadline = context.config.page_deadline;
        let asked = tokio::time::timeout(deadline, context.pages.forming(&series, priority)).await;
        FetchOutcome::Forming(asked.unwrap_or_else(|_| {
            let message = format!("no forming candle of {series} arrived within {} s", deadline.as_secs());
            Err(SourceError::new(SourceErrorKind::TimedOut, message).at_venue(series.symbol.venue()))
        }))
    }
    .boxed()
}

async fn wait(pause: Duration) {
    if !pause.is_zero() {
        tokio::time::sleep(pause).await;
    }
}
