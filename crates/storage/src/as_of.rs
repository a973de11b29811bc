//! Answers as of an earlier moment: what is different about them, for every part that gives one.
//!
//! They end with the slots that had ended by then, their rows are read as they stood, and what was disputed only later is
//! not disputed. What nobody had asked for is asked for now, kept as it is, and reads as it was first seen.

use market_backbone_core::{
    CandleQuery, CandleStore, Clock, Coverage, Forming, Provenance, Series, StoreError, StoredCandles,
    TimeRange, Timestamp,
};

/// Leaves out the candle in progress where the answer is of an earlier moment: what it was then nobody has kept.
pub(crate) fn exclude_forming(query: CandleQuery) -> CandleQuery {
    let forming = query.as_of.map_or(query.forming, |_| Forming::Exclude);
    query.forming(forming)
}

/// The moment that the answer to `query` is of.
pub(crate) fn effective_time(query: &CandleQuery, clock: &dyn Clock) -> Timestamp {
    let now = clock.now();
    query.as_of.map_or(now, |moment| moment.min(now))
}

/// The same question, of the moment of `query` and put with it.
pub(crate) fn with_moment_of(mut question: CandleQuery, query: &CandleQuery) -> CandleQuery {
    question.as_of = query.as_of;
    question.pages_since = query.pages_since;
    question
}

/// Reads rows of `series` as they stood then.
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

/// What is `known` without what was disputed only later.
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
