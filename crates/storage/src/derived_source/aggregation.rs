//! Candles of a timeframe that the venue lacks: added up from the longest one it has that divides them.
//!
//! The shorter candles are asked for as any others, so they are stored and proven, or computed from minutes themselves. A
//! longer slot is known where all of its shorter ones are, and only then: with one of them unknown it is unknown, whatever
//! candles there are.

use market_backbone_core::{
    Candle, CandlePart, CandleQuery, CandleSet, CandleSource, Coverage, Dispute, Grid, MAX_COUNT, Origin,
    Provenance, Selection, Series, SourceError, SourceErrorKind, Span, TimeRange, Timeframe,
};

use super::DerivedSource;
use crate::as_of;
use crate::gap_query::GapQuery;
use crate::stored_source::emitter::Emitter;

/// Shorter candles asked for in one go.
const ROWS_PER_PART: usize = 10_000;

/// The shorter candles of which one longer candle consists at the most.
pub(super) fn parts_per_slot(base: Timeframe, timeframe: Timeframe) -> usize {
    let parts = timeframe.typical().as_secs().div_ceil(base.typical().as_secs().max(1));
    usize::try_from(parts).unwrap_or(usize::MAX).max(1)
}

impl DerivedSource {
    /// The timeframe from which `timeframe` is computed because the venue lacks it; `None` if it need not be.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](SourceErrorKind::Unsupported), with the list of what the venue has, if it cannot be.
    pub(super) fn substitute_for(&self, timeframe: Timeframe) -> Result<Option<Timeframe>, SourceError> {
        if self.capabilities.timeframes.contains(&timeframe) {
            return Ok(None);
        }
        match self.capabilities.aggregation_base(timeframe) {
            Some(base) if self.derive.allows_substitutes() => Ok(Some(base)),
            _ => Err(self.capabilities.no_such_timeframe(timeframe)),
        }
    }

    /// The question for all shorter candles that the answer to `query` takes, as far as that can be told beforehand.
    pub(super) fn substitute_query(
        &self,
        query: &CandleQuery,
        base: Timeframe,
        window: TimeRange,
    ) -> Result<CandleQuery, SourceError> {
        let series = Series::new(query.series.symbol.clone(), base);
        let question = match query.selection() {
            Selection::Range(_) => CandleQuery::within(series, window),
            Selection::Last { count, .. } => {
                let parts = parts_per_slot(base, query.series.timeframe);
                newest(series, count.saturating_mul(parts).min(MAX_COUNT))?
                    .not_before(window.from())
                    .before(window.to())
            }
        };
        Ok(question.forming(query.forming).priority(query.priority))
    }
}

fn newest(series: Series, count: usize) -> Result<CandleQuery, SourceError> {
    CandleQuery::last(series, count)
        .map_err(|error| SourceError::new(SourceErrorKind::BadRequest, error.to_string()))
}

/// Answers `query` out of candles of `base`, newest first.
pub(super) async fn answer(
    source: DerivedSource,
    query: CandleQuery,
    base: Timeframe,
    mut out: Emitter,
) -> Result<(), SourceError> {
    let Some(window) = source.window(&query) else { return Ok(()) };
    let mut wanted = match query.selection() {
        Selection::Range(_) => usize::MAX,
        Selection::Last { count, .. } => count,
    };
    let parts = parts_per_slot(base, query.series.timeframe);
    let mut rest = Some(window);
    while let Some(range) = rest
        && wanted > 0
    {
        // One slot more than is wanted: the oldest of them may be cut off.
        let rows = wanted.saturating_add(1).saturating_mul(parts).min(ROWS_PER_PART.max(2 * parts));
        let question = shorter_query(&source, &query, (base, range), rows)?;
        let set = source.candles(question).await?;
        let chunk = match set.candles.first() {
            Some(oldest) if set.candles.len() >= rows => {
                let from = source.grid.ceil(query.series.timeframe, oldest.open_time);
                TimeRange::new(from.max(range.from()), range.to())
            }
            _ => Ok(range),
        };
        let Ok(chunk) = chunk else { break };
        let part = Aggregation { source: &source, query: &query, base }.aggregate(set, chunk);
        wanted = wanted.saturating_sub(part.candles.len());
        out.emit(part).await?;
        rest = TimeRange::new(range.from(), chunk.from()).ok();
    }
    Ok(())
}

/// The question for the newest `rows` shorter candles of `range`.
fn shorter_query(
    source: &DerivedSource,
    query: &CandleQuery,
    (base, range): (Timeframe, TimeRange),
    rows: usize,
) -> Result<CandleQuery, SourceError> {
    let series = Series::new(query.series.symbol.clone(), base);
    let queries = GapQuery { query, series: &series, forming_open: source.forming_open(query) };
    Ok(as_of::with_moment_of(queries.newest(range, rows)?, query))
}

struct Aggregation<'a> {
    source: &'a DerivedSource,
    query: &'a CandleQuery,
    base: Timeframe,
}

impl Aggregation<'_> {
    /// The longer candles of `chunk`, and what is known of it.
    fn aggregate(&self, set: CandleSet, chunk: TimeRange) -> CandlePart {
        let (timeframe, grid) = (self.query.series.timeframe, self.source.grid);
        let longer = grid.derive(timeframe, &set.candles.within(chunk));
        let candles = longer.into_iter().filter_map(|candle| self.whole(candle, &set.coverage)).collect();
        CandlePart {
            candles,
            coverage: coverage(grid, timeframe, &set.coverage, chunk),
            stats: set.stats,
            rejected: set.rejected,
            write_failure: set.write_failure,
        }
    }

    /// The candle, if all that belongs to it is known; not final while its slot lasts.
    fn whole(&self, candle: Candle, known: &Coverage) -> Option<Candle> {
        let (timeframe, grid) = (self.query.series.timeframe, self.source.grid);
        let close = grid.close(timeframe, candle.open_time);
        let now = as_of::effective_time(self.query, self.source.clock.as_ref());
        // Of the slot in progress, the shorter ones that are over.
        let over = close.min(grid.floor(self.base, now));
        let is_known = TimeRange::new(candle.open_time, over).map_or(true, |range| known.covers(range));
        is_known.then_some(Candle { is_final: candle.is_final && close <= now, ..candle })
    }
}

/// Returns the coverage of the slots of `timeframe` in `chunk`, given that of the shorter ones.
pub(super) fn coverage(grid: Grid, timeframe: Timeframe, known: &Coverage, chunk: TimeRange) -> Coverage {
    let whole = |range: TimeRange| grid.whole_slots(timeframe, range)?.intersect(chunk);
    let mut coverage: Coverage =
        known.ranges().into_iter().filter_map(whole).filter_map(|range| derived_span(known, range)).collect();
    for dispute in known.disputes() {
        let from = grid.floor(timeframe, dispute.range.from());
        let to = grid.ceil(timeframe, dispute.range.to());
        if let Some(range) = TimeRange::new(from, to).ok().and_then(|range| range.intersect(chunk)) {
            coverage.add_dispute(Dispute { range, ..*dispute });
        }
    }
    coverage
}

/// Returns the proof of `range`: derived, as of the oldest observation beneath it.
pub(super) fn derived_span(known: &Coverage, range: TimeRange) -> Option<Span> {
    let beneath = known.within(range);
    let observed_at = beneath.spans().iter().map(|span| span.provenance.observed_at).min()?;
    Some(Span { range, provenance: Provenance { origin: Origin::Derived, observed_at } })
}
