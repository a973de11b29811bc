//! A request for candles, built step by step and sent by `.await`.

use std::fmt;
use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::BoxFuture;
use market_backbone_core::{
    CandleQuery, CandleSet, Forming, QueryError, Series, SourceError, SourceErrorKind, SymbolError,
    TimeError, TimeRange, Timestamp, WriteFailure,
};
use market_backbone_routing::RequestOptions;
use tokio::time::timeout;

use crate::progress::ProgressTracker;
use crate::{Backbone, Error, Plan, Progress};

/// The window of requested candles; by default the newest 200.
#[derive(Clone, Copy, Debug)]
enum RequestedWindow {
    Last { count: usize, before: Option<Timestamp> },
    Range { from: Timestamp, to: Timestamp },
}

/// A request for candles, which `.await` sends.
#[must_use = "nothing is asked until it is awaited"]
pub struct CandleRequest {
    backbone: Backbone,
    series: Result<Series, SymbolError>,
    window: RequestedWindow,
    forming: Forming,
    as_of: Option<Timestamp>,
    adjusted: bool,
    terms: RequestOptions,
    progress: Option<Box<dyn FnMut(Progress) + Send>>,
}

impl CandleRequest {
    pub(crate) fn new(
        backbone: Backbone,
        series: Result<Series, SymbolError>,
        terms: RequestOptions,
    ) -> Self {
        let which = RequestedWindow::Last { count: 200, before: None };
        let forming = Forming::Include;
        Self { backbone, series, window: which, forming, as_of: None, adjusted: false, terms, progress: None }
    }

    /// Requests the newest `count` existing candles. It may exceed the venue's page limit.
    pub fn count(mut self, count: usize) -> Self {
        let before = match self.window {
            RequestedWindow::Last { before, .. } => before,
            RequestedWindow::Range { to, .. } => Some(to),
        };
        self.window = RequestedWindow::Last { count, before };
        self
    }

    /// Requests the candles that open in `range`; its end is exclusive.
    pub fn range(mut self, range: std::ops::Range<Timestamp>) -> Self {
        self.window = RequestedWindow::Range { from: range.start, to: range.end };
        self
    }

    /// Counts back from `moment` instead of from now: the newest candles that open before it.
    pub fn before(mut self, moment: Timestamp) -> Self {
        if let RequestedWindow::Last { before, .. } = &mut self.window {
            *before = Some(moment);
        }
        self
    }

    /// Leaves out what may still change: the forming candle, and those of slots that have ended and are not
    /// final yet, by the venue's clock. Where the venue corrects its live data, recorded bars are included
    /// before they are final.
    pub fn closed(mut self) -> Self {
        self.forming = Forming::Exclude;
        self
    }

    /// Requests the candles of slots that had ended by `moment`, as the store held them then: what a live
    /// program knew.
    ///
    /// A later correction is not applied, and a slot that was proven empty then is empty. Two answers as of two
    /// moments differ exactly by the slots that ended between them and by the corrections stored between them.
    ///
    /// Only the store of this machine knows the past. Slots it does not know are fetched from the venue as
    /// usual, and read as they were first stored, even if that was after `moment`. The same holds for what was
    /// fetched after it, what was forgotten since, and corrections made before this store first saw a slot.
    /// Corrections of candles of another timeframe, or copied from a shared database or an archive, were not
    /// seen here. Later disputes are not reported.
    pub fn as_of(mut self, moment: Timestamp) -> Self {
        self.as_of = Some(moment);
        self
    }

    /// Adjusts prices and volumes from before a split to the shares after it. Stored data stays as it was
    /// traded; the splits of a share are fetched once a day. With [`as_of`](Self::as_of) only splits count that
    /// had taken effect by then. Coins are not split: theirs stay as they are. Dividends are not taken out of
    /// prices.
    ///
    /// A week, month or year that a split falls into is computed from its days, each in new shares. This costs
    /// one request for each such candle whose days are not known yet. If they are not completely available, the
    /// candle is left out, its slot is [unknown](crate::Slot::Unknown), and a warning is logged.
    pub fn adjusted(mut self) -> Self {
        self.adjusted = true;
        self
    }

    /// Requires the answer within `limit`, like [`Client::timeout`](crate::Client::timeout).
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.terms.timeout = Some(limit);
        self
    }

    /// Reports the progress: before the first request, each time a part arrives, and at the end.
    pub fn on_progress(mut self, report: impl FnMut(Progress) + Send + 'static) -> Self {
        self.progress = Some(Box::new(report));
        self
    }

    fn query(&self, series: Series) -> Result<CandleQuery, QueryError> {
        let query = match self.window {
            RequestedWindow::Range { from, to } => CandleQuery::within(series, TimeRange::new(from, to)?),
            RequestedWindow::Last { count, before: None } => CandleQuery::last(series, count)?,
            RequestedWindow::Last { before: Some(Timestamp::MIN), .. } => {
                return Err(TimeError::Backwards { from: Timestamp::MIN, to: Timestamp::MIN }.into());
            }
            RequestedWindow::Last { count, before: Some(before) } => {
                CandleQuery::last(series, count)?.before(before)
            }
        };
        let query = self.as_of.into_iter().fold(query, CandleQuery::as_of);
        Ok(query.forming(self.forming).priority(self.terms.priority))
    }

    /// Estimates the cost of the answer without a request: pages, requests by rate limit group, and the time it
    /// will take.
    ///
    /// # Errors
    ///
    /// If the request is invalid, or the store cannot be read. An unknown market is not noticed.
    pub async fn plan(self) -> Result<Plan, Error> {
        let query = self.query(self.series.clone()?)?;
        self.backbone.plan(&query).await
    }

    /// Sends the request, unless the plan says that it would take too long.
    async fn send(self) -> Result<CandleSet, Error> {
        let query = self.query(self.series.clone()?)?;
        let Some(within) = self.terms.timeout else { return self.fetch(query).await };
        let would_take = self.backbone.plan(&query).await?.eta;
        if would_take > within {
            return Err(deadline_error(within, would_take).into());
        }
        match timeout(within, self.fetch(query)).await {
            Ok(answer) => answer,
            Err(_elapsed) => Err(deadline_error(within, within + would_take).into()),
        }
    }

    async fn fetch(self, query: CandleQuery) -> Result<CandleSet, Error> {
        let priority = self.terms.priority;
        let mut watch = match self.progress {
            Some(report) => Some(ProgressReporter::begin(report, &self.backbone, &query).await?),
            None => None,
        };
        let mut parts = Vec::new();
        let mut stream = self.backbone.candles().stream(query.clone());
        while let Some(part) = stream.next().await {
            let part = match part {
                Ok(part) => part,
                Err(error) => {
                    let symbol = query.series.symbol.clone();
                    return Err(self.backbone.suggest_on_unknown(error, &[symbol], priority).await.into());
                }
            };
            if let Some(watch) = &mut watch {
                watch.report(|tally| tally.add_part(&part));
            }
            parts.push(part);
        }
        if let Some(watch) = &mut watch {
            watch.report(ProgressTracker::finish);
        }
        let mut set = CandleSet::for_query(&query, parts);
        if let Some(why) = self.backbone.inner().tiers.memory_fallback() {
            let rows = set.stats.venue_rows;
            set.write_failure = (rows > 0).then(|| WriteFailure { rows, reason: Arc::clone(why) });
        }
        if let Some(watch) = &watch {
            // The estimate has read them from disk a moment ago.
            let moved = watch.read_from_disk.min(set.stats.memory_rows);
            set.stats.memory_rows -= moved;
            set.stats.disk_rows += moved;
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

/// A progress callback with its tracker.
struct ProgressReporter {
    tally: ProgressTracker,
    notify: Box<dyn FnMut(Progress) + Send>,
    read_from_disk: u64,
}

impl ProgressReporter {
    async fn begin(
        tell: Box<dyn FnMut(Progress) + Send>,
        backbone: &Backbone,
        query: &CandleQuery,
    ) -> Result<Self, Error> {
        let survey = backbone.survey(query).await?;
        let tally = ProgressTracker::new(query.clone(), backbone.grid(), &survey);
        let mut watch = Self { tally, notify: tell, read_from_disk: survey.read_from_disk };
        watch.report(|_| ());
        Ok(watch)
    }

    fn report(&mut self, change: impl FnOnce(&mut ProgressTracker)) {
        change(&mut self.tally);
        (self.notify)(self.tally.progress);
    }
}

impl IntoFuture for CandleRequest {
    type Output = Result<CandleSet, Error>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}

impl fmt::Debug for CandleRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CandleRequest")
            .field("series", &self.series)
            .field("which", &self.window)
            .field("forming", &self.forming)
            .field("as_of", &self.as_of)
            .field("adjusted", &self.adjusted)
            .field("terms", &self.terms)
            .finish_non_exhaustive()
    }
}
