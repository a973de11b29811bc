//! Fetches the candles of a query, within its time limit, and joins the parts.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use market_backbone_core::{
    CandlePart, CandleQuery, CandleSet, FetchStats, Forming, QueryError, SourceError, SourceErrorKind,
    TimeError, Timestamp, WriteFailure,
};
use market_backbone_routing::RequestOptions;
use tokio::time::timeout;

use crate::progress::ProgressTracker;
use crate::{Backbone, Error, Progress};

/// A callback for the progress of a fetch.
pub(crate) type ProgressCallback = Box<dyn FnMut(Progress) + Send>;

/// The settings of a request for candles, without its market and window.
#[derive(Clone, Debug)]
pub(crate) struct FetchSettings {
    pub(crate) backbone: Backbone,
    pub(crate) options: RequestOptions,
    pub(crate) forming: Forming,
    pub(crate) as_of: Option<Result<Timestamp, TimeError>>,
    pub(crate) adjusted: bool,
}

impl FetchSettings {
    /// Returns the query with these settings.
    pub(crate) fn applied_to(&self, query: CandleQuery) -> Result<CandleQuery, QueryError> {
        let query = match &self.as_of {
            Some(moment) => query.as_of(moment.clone()?),
            None => query,
        };
        Ok(query.forming(self.forming).priority(self.options.get_priority()))
    }

    /// Fetches the candles, unless the plan says that it would take too long.
    pub(crate) async fn fetch(
        &self,
        query: CandleQuery,
        progress: Option<&ProgressReporter>,
    ) -> Result<CandleSet, Error> {
        let Some(within) = self.options.get_timeout() else {
            return self.fetch_unlimited(query, progress).await;
        };
        let would_take = self.backbone.plan(&query).await?.eta;
        if would_take > within {
            return Err(deadline_error(within, would_take).into());
        }
        match timeout(within, self.fetch_unlimited(query, progress)).await {
            Ok(answer) => answer,
            Err(_elapsed) => Err(deadline_error(within, within + would_take).into()),
        }
    }

    async fn fetch_unlimited(
        &self,
        query: CandleQuery,
        progress: Option<&ProgressReporter>,
    ) -> Result<CandleSet, Error> {
        let mut parts = Vec::new();
        let mut stream = self.backbone.candles().stream(query.clone());
        while let Some(part) = stream.next().await {
            let part = match part {
                Ok(part) => part,
                Err(error) => {
                    let (symbol, priority) = (query.series.symbol.clone(), self.options.get_priority());
                    return Err(self.backbone.suggest_on_unknown(error, &[symbol], priority).await.into());
                }
            };
            if let Some(progress) = progress {
                progress.add_part(&part);
            }
            parts.push(part);
        }
        let mut set = CandleSet::for_query(&query, parts);
        if let Some(why) = self.backbone.inner().tiers.memory_fallback() {
            let rows = set.stats.venue_rows;
            set.write_failure = (rows > 0).then(|| WriteFailure { rows, reason: Arc::clone(why) });
        }
        if let Some(progress) = progress {
            progress.restore_disk_rows(&mut set.stats);
        }
        if self.adjusted { self.backbone.adjusted(set, &query).await } else { Ok(set) }
    }
}

fn deadline_error(within: Duration, would_take: Duration) -> SourceError {
    let (took, allowed) = (would_take.as_secs_f32(), within.as_secs_f32());
    let message =
        format!("the candles would take about {took:.1} s, {allowed:.1} s were allowed; ask for fewer");
    SourceError::new(SourceErrorKind::DeadlineExceeded { estimated: would_take }, message)
}

/// Counts the parts of a fetch and reports the progress to a callback.
pub(crate) struct ProgressReporter(Mutex<ReporterState>);

struct ReporterState {
    tracker: ProgressTracker,
    callback: ProgressCallback,
    /// The rows that the estimate has read from disk, and that are not yet counted in an answer.
    read_from_disk: u64,
}

impl ProgressReporter {
    /// Reads what is known of `query`, and reports that.
    pub(crate) async fn begin(
        callback: ProgressCallback,
        backbone: &Backbone,
        query: &CandleQuery,
    ) -> Result<Self, Error> {
        let survey = backbone.survey(query).await?;
        let tracker = ProgressTracker::new(query.clone(), backbone.grid(), &survey);
        let state = ReporterState { tracker, callback, read_from_disk: survey.read_from_disk };
        let reporter = Self(Mutex::new(state));
        reporter.report(|_| ());
        Ok(reporter)
    }

    fn add_part(&self, part: &CandlePart) {
        self.report(|tracker| tracker.add_part(part));
    }

    /// Reports that everything available is there.
    pub(crate) fn finish(&self) {
        self.report(ProgressTracker::finish);
    }

    fn report(&self, change: impl FnOnce(&mut ProgressTracker)) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state.tracker);
        let progress = state.tracker.progress;
        (state.callback)(progress);
    }

    /// Counts rows as read from disk that the estimate has just brought into memory.
    fn restore_disk_rows(&self, stats: &mut FetchStats) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let moved = state.read_from_disk.min(stats.memory_rows);
        state.read_from_disk -= moved;
        stats.memory_rows -= moved;
        stats.disk_rows += moved;
    }
}
