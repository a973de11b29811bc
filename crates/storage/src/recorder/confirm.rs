//! Asks the venue to confirm what was recorded: one page of a series at a time, in the background.

use std::sync::Arc;
use std::time::Duration;

use market_backbone_core::{
    Candle, CandleQuery, CandleSet, CandleSource, CandleStore, Capabilities, Coverage, Grid, Origin,
    Priority, Provenance, RangeSet, Series, SourceError, SourceErrorKind, Span, TimeRange, Timestamp,
};
use tokio::time::timeout;

use super::confirm_schedule::streamed_only;

/// A request for confirmation.
#[derive(Debug)]
pub(super) struct ConfirmRequest {
    series: Series,
    /// The number of the round that it belongs to.
    round: usize,
    range: TimeRange,
    /// True if the request is as large as a page, so that waiting would save no request.
    pub(super) fills_page: bool,
}

impl ConfirmRequest {
    /// Creates a request about the oldest slots of `unconfirmed` that end until `settled`, at most a page of
    /// them.
    pub(super) fn about(
        series: &Series,
        round: usize,
        unconfirmed: &RangeSet,
        venue: &Capabilities,
        settled: Timestamp,
    ) -> Option<Self> {
        let (grid, frame) = (venue.grid, series.timeframe);
        let settled = TimeRange::new(Timestamp::MIN, grid.floor(frame, settled)).ok()?;
        let unconfirmed = unconfirmed.within(settled);
        let (from, to) = (unconfirmed.first()?.from(), unconfirmed.last()?.to());
        let page = grid.step(frame, from, i64::from(venue.candle_page_of(frame)));
        let range = TimeRange::new(from, to.min(page)).ok()?;
        Some(Self { series: series.clone(), round, range, fills_page: page <= to })
    }

    /// Returns the open time of its oldest slot.
    pub(super) fn oldest(&self) -> Timestamp {
        self.range.from()
    }

    /// Sends the request.
    pub(super) async fn send(self, upstream: Arc<dyn CandleSource>, within: Duration) -> ConfirmReply {
        let Self { series, round, range, .. } = self;
        let query = CandleQuery::within(series.clone(), range).closed().priority(Priority::Low);
        let result = timeout(within, upstream.candles(query)).await.unwrap_or_else(|_| {
            let message = format!("no answer about {series} from {range} within {within:?}");
            Err(SourceError::new(SourceErrorKind::TimedOut, message))
        });
        ConfirmReply { series, round, range, result }
    }
}

/// The reply to a request for confirmation.
#[derive(Debug)]
pub(super) struct ConfirmReply {
    pub(super) series: Series,
    pub(super) round: usize,
    pub(super) range: TimeRange,
    result: Result<CandleSet, SourceError>,
}

/// The consequences of a reply for the recorded slots.
#[derive(Debug)]
pub(super) struct ConfirmOutcome {
    /// The ranges that the reply covers.
    pub(super) covered: Vec<TimeRange>,
    /// The slots that are disputed since.
    pub(super) disputed: Vec<TimeRange>,
    /// The open times of slots whose row has changed, disputed or not.
    pub(super) changed: Vec<Timestamp>,
}

impl ConfirmReply {
    /// Commits the reply to the store, which compares it.
    pub(super) async fn apply(self, store: &dyn CandleStore) -> Result<ConfirmOutcome, SourceError> {
        let mut set = self.result?;
        set.clip(self.range);
        let rows_before = store.read(&self.series, self.range, usize::MAX).await?.candles.to_vec();
        let known = store.coverage(&self.series).await?.within(self.range);
        let before = disputed(&known);
        confirm_claims(&mut set.coverage, &known, &rows_before);
        store.commit(&self.series, &set.candles.to_vec(), &set.coverage).await?;
        let after = disputed(&store.coverage(&self.series).await?.within(self.range));
        let disputed = after.into_iter().flat_map(|range| before.gaps(range)).collect();
        let rows_after = store.read(&self.series, self.range, usize::MAX).await?.candles;
        let was = |row: &Candle| {
            let index = rows_before.binary_search_by_key(&row.open_time, |old| old.open_time).ok()?;
            Some(rows_before[index])
        };
        let is_new = |row: &Candle| was(row).is_none_or(|old| !old.agrees_with(row));
        let changed = rows_after.iter().filter(is_new).map(|row| row.open_time).collect();
        Ok(ConfirmOutcome { covered: set.coverage.ranges(), disputed, changed })
    }
}

/// Confirms claims: a slot that was live-observed to be empty, and that the page leaves out at its edge, has
/// two witnesses of different kinds.
fn confirm_claims(said: &mut Coverage, known: &Coverage, rows: &[Candle]) {
    for claim in said.claims().to_vec().into_iter().filter(|claim| !claim.is_uncertain()) {
        let mut both = streamed_only(known, claim.range);
        for row in rows.iter().filter(|row| claim.range.contains(row.open_time)) {
            // The page lacks it: it may be late. One nanosecond is enough, because no other candle opens in
            // its slot.
            let slot = TimeRange::new(row.open_time, row.open_time.plus(Duration::from_nanos(1)));
            slot.into_iter().for_each(|slot| both.remove(slot));
        }
        let provenance = Provenance { origin: Origin::Rest, observed_at: claim.last_asked_at };
        both.into_iter().for_each(|range| said.insert(Span { range, provenance }));
    }
}

/// Returns the disputed slots.
fn disputed(known: &Coverage) -> RangeSet {
    known.disputes().iter().map(|dispute| dispute.range).collect()
}

/// Returns how many slots of `series` open in `ranges`.
pub(super) fn slots_in(grid: Grid, series: &Series, ranges: &[TimeRange]) -> u64 {
    ranges.iter().map(|range| grid.slots(series.timeframe, *range)).sum()
}
