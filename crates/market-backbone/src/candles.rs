//! A question for candles, built step by step and asked by `.await`.

use std::fmt;
use std::future::IntoFuture;

use futures::StreamExt;
use futures::future::BoxFuture;
use market_backbone_core::{
    CandleQuery, CandleSet, Forming, Priority, QueryError, Series, SymbolError, TimeError, TimeRange,
    Timestamp,
};

use crate::progress::Tally;
use crate::{Backbone, Error, Plan, Progress};

/// Which candles are wanted. The newest 200 unless said otherwise.
#[derive(Clone, Copy, Debug)]
enum Which {
    Last { count: usize, before: Option<Timestamp> },
    Range { from: Timestamp, to: Timestamp },
}

/// A question for candles: `.await` asks it.
#[must_use = "nothing is asked until it is awaited"]
pub struct CandleRequest {
    backbone: Backbone,
    series: Result<Series, SymbolError>,
    which: Which,
    forming: Forming,
    priority: Priority,
    progress: Option<Box<dyn FnMut(Progress) + Send>>,
}

impl CandleRequest {
    pub(crate) fn new(backbone: Backbone, series: Result<Series, SymbolError>, priority: Priority) -> Self {
        let which = Which::Last { count: 200, before: None };
        Self { backbone, series, which, forming: Forming::Include, priority, progress: None }
    }

    /// The newest `count` that exist. More than the venue gives at once is no matter here.
    pub fn count(mut self, count: usize) -> Self {
        let before = match self.which {
            Which::Last { before, .. } => before,
            Which::Range { to, .. } => Some(to),
        };
        self.which = Which::Last { count, before };
        self
    }

    /// Those that open in `range`; its end is exclusive.
    pub fn range(mut self, range: std::ops::Range<Timestamp>) -> Self {
        self.which = Which::Range { from: range.start, to: range.end };
        self
    }

    /// With a count: the newest that open before `moment`.
    pub fn before(mut self, moment: Timestamp) -> Self {
        if let Which::Last { before, .. } = &mut self.which {
            *before = Some(moment);
        }
        self
    }

    /// Leaves out the candle in progress.
    pub fn closed(mut self) -> Self {
        self.forming = Forming::Exclude;
        self
    }

    /// Tells how far it has come: before anything is asked, each time a piece arrives, and at the end.
    pub fn on_progress(mut self, report: impl FnMut(Progress) + Send + 'static) -> Self {
        self.progress = Some(Box::new(report));
        self
    }

    fn query(&self, series: Series) -> Result<CandleQuery, QueryError> {
        let query = match self.which {
            Which::Range { from, to } => CandleQuery::within(series, TimeRange::new(from, to)?),
            Which::Last { count, before: None } => CandleQuery::last(series, count)?,
            Which::Last { before: Some(Timestamp::MIN), .. } => {
                return Err(TimeError::Backwards { from: Timestamp::MIN, to: Timestamp::MIN }.into());
            }
            Which::Last { count, before: Some(before) } => CandleQuery::last(series, count)?.before(before),
        };
        Ok(query.forming(self.forming).priority(self.priority))
    }

    /// Says what the answer would cost, without a request: pages, requests by what they count against, and how long
    /// it will take.
    ///
    /// # Errors
    ///
    /// If the question makes no sense, or the store cannot be read. That there is no such market is not noticed.
    pub async fn plan(self) -> Result<Plan, Error> {
        let query = self.query(self.series.clone()?)?;
        self.backbone.plan(&query).await
    }

    async fn ask(self) -> Result<CandleSet, Error> {
        let query = self.query(self.series.clone()?)?;
        let mut watch = match self.progress {
            Some(report) => Some(Watch::begin(report, &self.backbone, &query).await?),
            None => None,
        };
        let mut parts = Vec::new();
        let mut stream = self.backbone.candles().stream(query.clone());
        while let Some(part) = stream.next().await {
            let part = match part {
                Ok(part) => part,
                Err(error) => {
                    let symbol = query.series.symbol.clone();
                    return Err(self.backbone.explain(error, &[symbol], self.priority).await.into());
                }
            };
            if let Some(watch) = &mut watch {
                watch.report(|tally| tally.take(&part));
            }
            parts.push(part);
        }
        if let Some(watch) = &mut watch {
            watch.report(Tally::finish);
        }
        Ok(CandleSet::answer(&query, parts))
    }
}

/// Somebody who wants to know how far it has come.
struct Watch {
    tally: Tally,
    tell: Box<dyn FnMut(Progress) + Send>,
}

impl Watch {
    async fn begin(
        tell: Box<dyn FnMut(Progress) + Send>,
        backbone: &Backbone,
        query: &CandleQuery,
    ) -> Result<Self, Error> {
        let survey = backbone.survey(query).await?;
        let mut watch = Self { tally: Tally::new(query.clone(), backbone.grid(), &survey), tell };
        watch.report(|_| ());
        Ok(watch)
    }

    fn report(&mut self, change: impl FnOnce(&mut Tally)) {
        change(&mut self.tally);
        (self.tell)(self.tally.progress);
    }
}

impl IntoFuture for CandleRequest {
    type Output = Result<CandleSet, Error>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.ask())
    }
}

impl fmt::Debug for CandleRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CandleRequest")
            .field("series", &self.series)
            .field("which", &self.which)
            .field("forming", &self.forming)
            .field("priority", &self.priority)
            .finish_non_exhaustive()
    }
}
