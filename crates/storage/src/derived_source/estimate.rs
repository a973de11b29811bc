//! Estimates the known part of an answer and the queries for the rest. Reads the store and sends nothing.

use market_backbone_core::{
    CandleQuery, Coverage, Origin, Provenance, Selection, Series, SourceError, Span, StoredCandles,
    TimeRange, Timeframe, Timestamp,
};

use super::{DerivedSource, aggregation};
use crate::as_of;
use crate::gap_query::GapQuery;

/// The number of rows from which a density is estimated.
const SAMPLE: usize = 1_000;
/// The number of rows counted at once.
const ROWS_AT_ONCE: usize = 10_000;

/// The known part of an answer, and the queries for the rest.
#[derive(Clone, Debug, PartialEq)]
pub struct QueryEstimate {
    /// The size of the answer: slots of a range, candles of a count.
    pub wanted: u64,
    /// The part of it that is known, or that can be computed from known data.
    pub known: u64,
    /// The queries to the venue for the rest.
    pub queries: Vec<CandleQuery>,
    /// The share of slots that have a candle, from 0 to 1, estimated from what is known of the series; `None`
    /// if too little is known.
    pub density: Option<f64>,
    /// The number of rows read from disk for the estimate.
    ///
    /// They are in memory now, so an answer that takes them from there must count them as read from disk.
    pub read_from_disk: u64,
}

impl DerivedSource {
    /// Estimates how much of the answer to `query` is known, and which queries the rest needs.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub async fn estimate(&self, query: &CandleQuery) -> Result<QueryEstimate, SourceError> {
        let query = &as_of::exclude_forming(query.clone());
        if let Some(base) = self.substitute_for(query.series.timeframe)? {
            return self.estimate_substitute(query, base).await;
        }
        let own = self.store.coverage(&query.series).await?;
        let questions = Vec::new();
        let Some(window) = self.window(query) else {
            return Ok(QueryEstimate {
                wanted: 0,
                known: 0,
                queries: questions,
                density: None,
                read_from_disk: 0,
            });
        };
        let pieces = self.plan_derivation(query, window).await?.map(|plan| plan.ranges).unwrap_or_default();
        let mut known = own.within(window);
        for range in &pieces {
            let provenance = Provenance { origin: Origin::Derived, observed_at: Timestamp::EPOCH };
            known.insert(Span { range: *range, provenance });
        }
        match query.selection() {
            Selection::Range(_) => {
                let mut survey = self.estimate_range(query, window, &known);
                if !survey.queries.is_empty() {
                    // Where all is known, nothing is read that was not asked for.
                    survey.density = self.density(&query.series, &own, &mut survey.read_from_disk).await?;
                }
                Ok(survey)
            }
            Selection::Last { count, .. } => {
                let walk = BackwardScan {
                    source: self,
                    query,
                    window,
                    stored: &own,
                    density: None,
                    wanted: count,
                    queries: questions,
                    from_disk: 0,
                };
                walk.run(&known, count).await
            }
        }
    }

    /// The same of candles that the venue lacks: it is asked for shorter ones.
    async fn estimate_substitute(
        &self,
        query: &CandleQuery,
        base: Timeframe,
    ) -> Result<QueryEstimate, SourceError> {
        let Some(window) = self.window(query) else {
            return Ok(QueryEstimate {
                wanted: 0,
                known: 0,
                queries: Vec::new(),
                density: None,
                read_from_disk: 0,
            });
        };
        let shorter = self.substitute_query(query, base, window)?;
        let estimate = Box::pin(self.estimate(&shorter)).await?;
        let parts = aggregation::parts_per_slot(base, query.series.timeframe) as u64;
        Ok(QueryEstimate {
            wanted: estimate.wanted.div_ceil(parts),
            known: estimate.known / parts,
            ..estimate
        })
    }

    fn slots(&self, query: &CandleQuery, range: TimeRange) -> u64 {
        self.grid.slots(query.series.timeframe, range)
    }

    fn estimate_range(&self, query: &CandleQuery, window: TimeRange, known: &Coverage) -> QueryEstimate {
        let wanted = self.slots(query, window);
        let holes = known.missing(window);
        let missing: u64 = holes.iter().map(|hole| self.slots(query, *hole)).sum();
        let queries = GapQuery::of(query, self.forming_open(query));
        let asked = holes.into_iter().filter(|hole| self.slots(query, *hole) > 0);
        let questions = asked.map(|hole| queries.all(hole)).collect();
        let known = wanted.saturating_sub(missing);
        QueryEstimate { wanted, known, queries: questions, density: None, read_from_disk: 0 }
    }

    /// Returns the share of slots with a candle in the newest known range; `None` if that is less than a
    /// page.
    async fn density(
        &self,
        series: &Series,
        known: &Coverage,
        from_disk: &mut u64,
    ) -> Result<Option<f64>, SourceError> {
        let Some(newest) = known.ranges().pop() else { return Ok(None) };
        let sample = self.store.read(series, newest, SAMPLE).await?;
        *from_disk += read_from_disk(&sample);
        let sample = sample.candles;
        let oldest = sample.first().map_or(newest.from(), |candle| candle.open_time);
        let cut = sample.len() == SAMPLE || newest.from() == Timestamp::MIN;
        let from = if cut { oldest } else { newest.from() };
        let slots =
            TimeRange::new(from, newest.to()).map_or(0, |range| self.grid.slots(series.timeframe, range));
        Ok((slots >= self.page && from > Timestamp::MIN).then(|| sample.len() as f64 / slots as f64))
    }

    async fn count_rows(
        &self,
        series: &Series,
        range: TimeRange,
        limit: usize,
        from_disk: &mut u64,
    ) -> Result<usize, SourceError> {
        let (mut rows, mut rest) = (0, Some(range));
        while let Some(range) = rest
            && rows < limit
        {
            let ask = (limit - rows).min(ROWS_AT_ONCE);
            let read = self.store.read(series, range, ask).await?;
            *from_disk += read_from_disk(&read);
            let read = read.candles;
            rows += read.len();
            let oldest = read.first().filter(|_| read.len() == ask);
            rest = oldest.and_then(|oldest| TimeRange::new(range.from(), oldest.open_time).ok());
        }
        Ok(rows)
    }
}

fn read_from_disk(read: &StoredCandles) -> u64 {
    (read.candles.len() as u64).saturating_sub(read.from_memory)
}

/// A scan of a count backwards from its end, with an estimate of the rows in unknown ranges.
struct BackwardScan<'a> {
    source: &'a DerivedSource,
    query: &'a CandleQuery,
    window: TimeRange,
    stored: &'a Coverage,
    /// The density, computed at the first gap: where all is known, nothing is read that was not asked for.
    density: Option<Option<f64>>,
    wanted: usize,
    queries: Vec<CandleQuery>,
    from_disk: u64,
}

impl BackwardScan<'_> {
    async fn run(mut self, known: &Coverage, count: usize) -> Result<QueryEstimate, SourceError> {
        let (known, mut found) = (known.known(), 0);
        let (grid, timeframe) = (self.source.grid, self.query.series.timeframe);
        for stretch in known.stretches(self.window).without_empty_gaps(grid, timeframe).rev() {
            if self.wanted == 0 {
                break;
            }
            if stretch.is_held {
                let rows = self.rows_in(stretch.range).await?.min(self.wanted);
                found += rows;
                self.wanted -= rows;
            } else {
                self.pass_gap(stretch.range).await?;
            }
        }
        let Self { queries: questions, density, from_disk, .. } = self;
        let (wanted, known) = (count as u64, found as u64);
        Ok(QueryEstimate {
            wanted,
            known,
            queries: questions,
            density: density.flatten(),
            read_from_disk: from_disk,
        })
    }

    /// Returns the rows of a known range: stored ones are counted, and derived ones are assumed to fill every
    /// slot.
    async fn rows_in(&mut self, range: TimeRange) -> Result<usize, SourceError> {
        let series = &self.query.series;
        let mut rows = self.source.count_rows(series, range, self.wanted, &mut self.from_disk).await?;
        for computed in self.stored.missing(range) {
            rows += usize::try_from(self.source.slots(self.query, computed)).unwrap_or(usize::MAX);
        }
        Ok(rows)
    }

    async fn pass_gap(&mut self, gap: TimeRange) -> Result<(), SourceError> {
        let slots = usize::try_from(self.source.slots(self.query, gap)).unwrap_or(usize::MAX);
        let queries = GapQuery::of(self.query, self.source.forming_open(self.query));
        self.queries.push(queries.newest(gap, self.wanted.min(slots))?);
        let density = match self.density {
            Some(claims) => claims,
            None => self.source.density(&self.query.series, self.stored, &mut self.from_disk).await?,
        };
        self.density = Some(density);
        let rows = (slots as f64 * density.unwrap_or(1.0)).ceil() as usize;
        self.wanted = self.wanted.saturating_sub(rows);
        Ok(())
    }
}
