//! The queries for a gap of a ledger, and the count of what they bring.

use std::collections::HashSet;

use market_backbone_core::{
    CandlePart, CandleQuery, Forming, QueryError, Series, SourceError, SourceErrorKind, TimeRange, Timestamp,
};

/// The queries for gaps in the answer to another query.
pub(crate) struct GapQuery<'a> {
    /// The query that is being answered.
    pub(crate) query: &'a CandleQuery,
    /// The series to ask for.
    pub(crate) series: &'a Series,
    /// The open time of the slot that is forming.
    pub(crate) forming_open: Timestamp,
}

impl<'a> GapQuery<'a> {
    /// Asks for the series of `query` itself.
    pub(crate) const fn of(query: &'a CandleQuery, forming_open: Timestamp) -> Self {
        Self { query, series: &query.series, forming_open }
    }

    /// Asks for the newest `count` candles of `gap`.
    ///
    /// A query that reaches the forming slot has no end: the venue may move on before it answers.
    pub(crate) fn newest(&self, gap: TimeRange, count: usize) -> Result<CandleQuery, SourceError> {
        let question = CandleQuery::last(self.series.clone(), count).map_err(|error| bad_request(&error))?;
        let question = question.not_before(gap.from()).priority(self.query.priority);
        Ok(match self.query.forming {
            Forming::Include if self.reaches_now(gap) => question,
            Forming::Include | Forming::Exclude => question.before(gap.to()).closed(),
        })
    }

    /// Asks for all candles of `gap`.
    pub(crate) fn all(&self, gap: TimeRange) -> CandleQuery {
        let forming = if self.reaches_now(gap) { self.query.forming } else { Forming::Exclude };
        CandleQuery::within(self.series.clone(), gap).forming(forming).priority(self.query.priority)
    }

    /// Returns whether `gap` reaches into the forming slot.
    pub(crate) fn reaches_now(&self, gap: TimeRange) -> bool {
        gap.to() > self.forming_open
    }
}

/// Builds the error for an invalid query, which is a bug here: it is derived from a valid one.
fn bad_request(error: &QueryError) -> SourceError {
    SourceError::new(SourceErrorKind::BadRequest, error.to_string())
}

/// The candles of a gap that have come, each slot counted once.
#[derive(Debug)]
pub(crate) struct GapRows {
    gap: TimeRange,
    open_times: HashSet<Timestamp>,
}

impl GapRows {
    pub(crate) fn new(gap: TimeRange) -> Self {
        Self { gap, open_times: HashSet::new() }
    }

    /// Counts the candles of a piece that open in the gap.
    pub(crate) fn add(&mut self, part: &CandlePart) {
        let gap = self.gap;
        let times = part.candles.iter().map(|candle| candle.open_time);
        self.open_times.extend(times.filter(|time| gap.contains(*time)));
    }

    pub(crate) fn count(&self) -> usize {
        self.open_times.len()
    }
}
