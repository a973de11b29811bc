//! Answers as of an earlier moment: the differences for every part that gives one.
//!
//! Such an answer ends with the slots that had ended by then, its rows are read as they stood, and a slot
//! disputed only later is not disputed. Unknown ranges are fetched now, stored as they are, and read as they
//! were first observed.

use market_backbone_core::{
    CandleQuery, CandleStore, Clock, Coverage, Forming, Provenance, Series, StoreError, StoredCandles,
    TimeRange, Timestamp,
};

/// Excludes the forming candle from answers as of an earlier moment: its state at that time is not stored.
pub(crate) fn exclude_forming(query: CandleQuery) -> CandleQuery {
    let forming = query.as_of.map_or(query.forming, |_| Forming::Exclude);
    query.forming(forming)
}

/// Returns the moment as of which `query` is answered.
pub(crate) fn effective_time(query: &CandleQuery, clock: &dyn Clock) -> Timestamp {
    let now = clock.now();
    query.as_of.map_or(now, |moment| moment.min(now))
}

/// Copies the moment and the page sequence of `query` to `question`.
pub(crate) fn with_moment_of(mut question: CandleQuery, query: &CandleQuery) -> CandleQuery {
    question.as_of = query.as_of;
    question.pages_since = query.pages_since;
    question
}

/// Reads rows of `series` as they stood at that moment.
pub(crate) async fn read(
    store: &dyn CandleStore,
    query: &CandleQuery,
    series: &Series,
    range: TimeRange,
    limit: usize,
) -> Result<StoredCandles, StoreError> {
    match query.as_of {
        Some(moment) => store.read_as_of(series, range, limit, moment).await,
        None => store.read(series, range, limit).await,
    }
}

/// Returns `known` without disputes that arose only later.
pub(crate) fn without_later_disputes(known: Coverage, query: &CandleQuery) -> Coverage {
    let Some(moment) = query.as_of else { return known };
    let mut then: Coverage = known.spans().iter().copied().collect();
    let was = |later: Option<Provenance>| later.is_none_or(|later| later.observed_at <= moment);
    known
        .disputes()
        .iter()
        .filter(|dispute| was(dispute.later))
        .for_each(|dispute| then.add_dispute(*dispute));
    then
}
