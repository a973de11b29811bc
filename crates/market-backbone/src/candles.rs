//! A question for candles, built step by step and asked by `.await`.

use std::fmt;
use std::future::IntoFuture;

use futures::StreamExt;
use futures::future::BoxFuture;
use market_backbone_core::{
    CandleQuery, CandleSet, Forming, Priority, QueryError, Series, SymbolError, TimeError, TimeRange,
    Timestamp,
};

use crate::{Backbone, Error};

/// How far a fetch has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Rows that have arrived, from wherever.
    pub rows: u64,
    /// Requests the venue was sent for them.
    pub requests: u64,
}

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

    /// Tells how far it has come, each time a piece arrives.
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

    async fn ask(self) -> Result<CandleSet, Error> {
        let series = self.series.clone()?;
        let query = self.query(series.clone())?;
        let mut report = self.progress;
        let mut so_far = Progress::default();
        let mut parts = Vec::new();
        let mut stream = self.backbone.candles().stream(query.clone());
        while let Some(part) = stream.next().await {
            let part = match part {
                Ok(part) => part,
                Err(error) => {
                    return Err(self.backbone.explain(error, &[series.symbol], self.priority).await.into());
                }
            };
            so_far.rows += part.candles.len() as u64;
            so_far.requests += part.served.requests;
            if let Some(report) = &mut report {
                report(so_far);
            }
            parts.push(part);
        }
        Ok(CandleSet::answer(&query, parts))
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
