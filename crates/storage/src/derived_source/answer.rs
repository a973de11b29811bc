//! Combines derived and fetched ranges into one answer.

use futures::{StreamExt, stream};
use market_backbone_core::{
    CandlePart, CandleQuery, FetchStats, Selection, Series, SourceError, StoredCandles, TimeRange,
};

use super::DerivedSource;
use super::derivation_plan::DerivationPlan;
use crate::gap_query::{GapQuery, GapRows};
use crate::stored_source::emitter::Emitter;
use crate::{as_of, invalid_rows};

/// The number of one-minute rows aggregated at once.
const ROWS_PER_PART: u64 = 10_000;
/// The number of ranges fetched concurrently.
const STRETCHES_AT_ONCE: usize = 4;

pub(super) async fn answer(
    source: DerivedSource,
    query: CandleQuery,
    out: Emitter,
) -> Result<(), SourceError> {
    let Some(window) = source.window(&query) else { return Ok(()) };
    let pieces = source.plan_derivation(&query, window).await?;
    let mut answer = DerivedAnswer { source, query, out };
    match (pieces, answer.query.selection()) {
        (None, _) => answer.fetch(vec![answer.query.clone()], |_| ()).await,
        (Some(pieces), Selection::Range(_)) => answer.range(&pieces, window).await,
        (Some(pieces), Selection::Last { count, .. }) => answer.last(&pieces, window, count).await,
    }
}

struct DerivedAnswer {
    source: DerivedSource,
    query: CandleQuery,
    out: Emitter,
}

impl DerivedAnswer {
    async fn range(&mut self, pieces: &DerivationPlan, window: TimeRange) -> Result<(), SourceError> {
        for piece in &pieces.ranges {
            self.compute(pieces, *piece, usize::MAX).await?;
        }
        let (grid, timeframe) = (self.source.grid, self.query.series.timeframe);
        let rest = pieces.ranges.stretches(window).without_empty_gaps(grid, timeframe);
        let holes = rest.filter(|stretch| !stretch.is_held).map(|stretch| stretch.range);
        let queries = GapQuery::of(&self.query, self.source.forming_open(&self.query));
        let questions = holes.map(|hole| as_of::with_moment_of(queries.all(hole), &self.query)).collect();
        self.fetch(questions, |_| ()).await
    }

    /// Answers backwards from the end, as the store's own answer to such a query does.
    async fn last(
        &mut self,
        pieces: &DerivationPlan,
        window: TimeRange,
        count: usize,
    ) -> Result<(), SourceError> {
        let (grid, timeframe) = (self.source.grid, self.query.series.timeframe);
        let mut wanted = count;
        for stretch in pieces.ranges.stretches(window).without_empty_gaps(grid, timeframe).rev() {
            if wanted == 0 {
                break;
            }
            wanted = wanted.saturating_sub(if stretch.is_held {
                self.compute(pieces, stretch.range, wanted).await?
            } else {
                self.fetch_last(stretch.range, wanted).await?
            });
        }
        Ok(())
    }

    /// Emits the newest candles of `piece`, about `limit` of them or a little more; returns how many.
    async fn compute(
        &mut self,
        pieces: &DerivationPlan,
        piece: TimeRange,
        limit: usize,
    ) -> Result<usize, SourceError> {
        let (timeframe, grid) = (self.query.series.timeframe, self.source.grid);
        let minutes = timeframe.typical().as_secs() / 60;
        let (mut found, mut rest) = (0, Some(piece));
        while let Some(range) = rest
            && found < limit
        {
            // The newest row says where to look: a range may reach back to the beginning of time.
            let newest = self.read(&pieces.base, range, 1).await?;
            let chunk = match newest.candles.last() {
                Some(newest) => {
                    let slots = (ROWS_PER_PART / minutes.max(1)).clamp(1, (limit - found) as u64);
                    let back = 1 - i64::try_from(slots).unwrap_or(i64::MAX);
                    let from = grid.step(timeframe, newest.open_time, back).max(range.from());
                    TimeRange::new(from, range.to()).unwrap_or(range)
                }
                None => range,
            };
            found += match self.emit(pieces, chunk).await? {
                Some(rows) => rows,
                None => {
                    let slots = usize::try_from(grid.slots(timeframe, chunk)).unwrap_or(usize::MAX);
                    self.fetch_last(chunk, slots.clamp(1, limit - found)).await?
                }
            };
            rest = TimeRange::new(range.from(), chunk.from()).ok();
        }
        Ok(found)
    }

    async fn read(
        &self,
        base: &Series,
        range: TimeRange,
        limit: usize,
    ) -> Result<StoredCandles, SourceError> {
        Ok(as_of::read(self.source.store.as_ref(), &self.query, base, range, limit).await?)
    }

    /// Emits the candles of `chunk` and returns how many; `None` if part of it proved to be unknown.
    async fn emit(
        &mut self,
        pieces: &DerivationPlan,
        chunk: TimeRange,
    ) -> Result<Option<usize>, SourceError> {
        let mut read = self.read(&pieces.base, chunk, usize::MAX).await?;
        let (store, grid) = (self.source.store.as_ref(), self.source.grid);
        let bad = invalid_rows::remove_invalid(store, grid, &pieces.base, &mut read.candles).await;
        if !bad.is_empty() || !store.coverage(&pieces.base).await?.covers(chunk) {
            return Ok(None);
        }
        let candles = grid.derive(self.query.series.timeframe, &read.candles);
        let rows = candles.len() as u64;
        let served = if read.from_memory == read.candles.len() as u64 {
            FetchStats { memory_rows: rows, ..FetchStats::default() }
        } else {
            FetchStats { disk_rows: rows, ..FetchStats::default() }
        };
        let found = candles.len();
        let coverage = pieces.proof(chunk);
        self.out.emit(CandlePart { candles, coverage, stats: served, ..CandlePart::default() }).await?;
        Ok(Some(found))
    }

    /// Fetches the newest `wanted` candles of `gap`; returns how many came.
    async fn fetch_last(&mut self, gap: TimeRange, wanted: usize) -> Result<usize, SourceError> {
        let queries = GapQuery::of(&self.query, self.source.forming_open(&self.query));
        let question = as_of::with_moment_of(queries.newest(gap, wanted)?, &self.query);
        let mut came = GapRows::new(gap);
        self.fetch(vec![question], |part| came.add(part)).await?;
        Ok(came.count())
    }

    /// Sends queries to the inner source and passes the results on.
    async fn fetch(
        &mut self,
        questions: Vec<CandleQuery>,
        mut seen: impl FnMut(&CandlePart) + Send,
    ) -> Result<(), SourceError> {
        let streams: Vec<_> =
            questions.into_iter().map(|question| self.source.inner.stream(question)).collect();
        let mut parts = stream::iter(streams).flatten_unordered(STRETCHES_AT_ONCE);
        while let Some(part) = parts.next().await {
            let part = part?;
            seen(&part);
            self.out.emit(part).await?;
        }
        Ok(())
    }
}
