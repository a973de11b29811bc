//! Answers for a range: the known part comes first, then each hole is fetched.

use market_backbone_core::{CandleQuery, SourceError, TimeRange};

use super::answer::StoredAnswer;
use crate::gap_query::GapQuery;

/// Answers with all candles that open in `range`.
pub(super) async fn answer(mut answer: StoredAnswer, range: TimeRange) -> Result<(), SourceError> {
    let Ok(range) = TimeRange::new(range.from(), range.to().min(answer.end())) else {
        return Ok(()); // all of it is in the future
    };
    let mut known = answer.known().await?;
    for stretch in known.known().stretches(range).held() {
        let outcome = answer.emit_stored(&known, stretch, usize::MAX).await?;
        outcome.gone.into_iter().for_each(|gone| known.remove(gone));
    }
    let skipped = answer.skip_ranges(&known);
    let (grid, timeframe) = (answer.source.grid, answer.query.series.timeframe);
    let holes = skipped.stretches(range).without_empty_gaps(grid, timeframe);
    let holes = holes.filter(|stretch| !stretch.is_held).map(|stretch| stretch.range);
    let questions = holes.map(|hole| question(&answer, hole)).collect::<Result<_, _>>()?;
    answer.fetch(questions, |_| ()).await
}

/// Builds the query for a hole; for the forming slot alone, in the form that is cheapest for upstream.
fn question(answer: &StoredAnswer, hole: TimeRange) -> Result<CandleQuery, SourceError> {
    let queries = GapQuery::of(&answer.query, answer.forming_open);
    let has_ended_slots =
        TimeRange::new(hole.from(), answer.forming_open).is_ok_and(|ended| answer.slots(ended) > 0);
    if !queries.reaches_now(hole) || has_ended_slots {
        return Ok(queries.all(hole));
    }
    let forming_slot = TimeRange::new(answer.forming_open, hole.to()).unwrap_or(hole);
    queries.newest(forming_slot, 1)
}
