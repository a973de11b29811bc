//! One page to be fetched, and what comes of it.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{AbortHandle, BoxFuture, abortable};
use market_backbone_core::{
    CandlePageRequest, CandlePart, Priority, Series, SourceError, SourceErrorKind, TimeRange, Timestamp,
};

use crate::flight::{FlightKey, Landed};
use crate::office::Office;

/// One page to be fetched.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) request: CandlePageRequest,
    /// The stretch it is hoped to show. Nothing else is asked for it meanwhile.
    pub(crate) chunk: TimeRange,
    /// How often it has failed.
    pub(crate) tries: u32,
    /// What its failures cost, in requests.
    pub(crate) spent: u64,
}

/// What comes of what is under way.
pub(crate) enum Arrival {
    Page { number: u64, job: Job, landed: Arc<Landed> },
    Forming(Result<Option<CandlePart>, SourceError>),
    Abandoned,
}

impl Job {
    pub(crate) fn new(request: CandlePageRequest, chunk: TimeRange) -> Self {
        Self { request, chunk, tries: 0, spent: 0 }
    }

    /// The job as a future, and the means to give it up.
    pub(crate) fn run(
        self,
        number: u64,
        office: Arc<Office>,
        slot: Option<Timestamp>,
        (priority, began): (Priority, u64),
    ) -> (BoxFuture<'static, Arrival>, AbortHandle) {
        let pause = office.config.retry_pause * self.tries;
        let (work, abort) = abortable(async move {
            wait(pause).await;
            let key = FlightKey { request: self.request.clone(), slot };
            let landed = office.flights.board(&key, priority, began).await;
            Arrival::Page { number, job: self, landed }
        });
        (work.map(|result| result.unwrap_or(Arrival::Abandoned)).boxed(), abort)
    }

    /// The error that ends a fetch because this page cannot be had.
    pub(crate) fn given_up(&self, error: &SourceError) -> SourceError {
        let Self { request, chunk, tries, .. } = self;
        let message = format!("cannot fetch {} from {chunk}, tried {tries} times", request.series);
        SourceError::new(error.kind(), message).at(request.series.symbol.venue()).because(error.clone())
    }
}

/// Asks for the candle in progress, after a pause.
pub(crate) fn forming(
    office: Arc<Office>,
    series: Series,
    priority: Priority,
    pause: Duration,
) -> BoxFuture<'static, Arrival> {
    async move {
        wait(pause).await;
        let deadline = office.config.page_deadline;
        let asked = tokio::time::timeout(deadline, office.pages.forming(&series, priority)).await;
        Arrival::Forming(asked.unwrap_or_else(|_| {
            let message = format!("no candle of {series} in progress came within {} s", deadline.as_secs());
            Err(SourceError::new(SourceErrorKind::TimedOut, message).at(series.symbol.venue()))
        }))
    }
    .boxed()
}

async fn wait(pause: Duration) {
    if !pause.is_zero() {
        tokio::time::sleep(pause).await;
    }
}
