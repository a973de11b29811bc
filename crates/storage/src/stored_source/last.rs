//! Answers for the newest candles of a count: backwards from the end, through known and unknown ranges, until
//! there are enough.

use market_backbone_core::{SourceError, TimeRange, Timestamp};

use super::answer::StoredAnswer;
use crate::gap_query::{GapQuery, GapRows};

/// Answers with the newest `count` candles that open before `before` and not before `floor`.
///
/// Each iteration handles one range below `cursor`, known or unknown, and moves `cursor` to its older end,
/// whatever the result, or up to a range that proved to be unknown, which is then handled by itself. So the
/// loop ends, and fetches each range once.
pub(super) async fn answer(
    mut answer: StoredAnswer,
    count: usize,
    before: Option<Timestamp>,
    floor: Timestamp,
) -> Result<(), SourceError> {
    let (grid, timeframe) = (answer.source.grid, answer.query.series.timeframe);
    let mut cursor = before.unwrap_or(Timestamp::MAX).min(answer.end());
    let mut wanted = count;
    while wanted > 0
        && let Ok(rest) = TimeRange::new(floor, cursor)
    {
        let known = answer.known().await?; // again each time: it grows with what is fetched
        let skipped = answer.skip_ranges(&known);
        let newest = skipped.stretches(rest).without_empty_gaps(grid, timeframe).next_back();
        let Some(stretch) = newest else { break };
        cursor = stretch.range.from();
        wanted -= if stretch.is_held {
            let outcome = answer.emit_stored(&known, stretch.range, wanted).await?;
            cursor = outcome.reached;
            outcome.found
        } else {
            fetch_gap(&mut answer, stretch.range, wanted).await?.min(wanted)
        };
    }
    Ok(())
}

/// Fetches the newest `wanted` candles in `gap` from upstream; returns how many came.
async fn fetch_gap(answer: &mut StoredAnswer, gap: TimeRange, wanted: usize) -> Result<usize, SourceError> {
    let queries = GapQuery::of(&answer.query, answer.forming_open);
    // If the gap reaches the forming slot, the venue may move on meanwhile, and then there are more slots
    // than these.
    let slots = usize::try_from(answer.slots(gap)).unwrap_or(usize::MAX);
    let count = if queries.reaches_now(gap) { wanted } else { wanted.min(slots) };
    let question = queries.newest(gap, count)?;
    let mut came = GapRows::new(gap);
    answer.fetch(vec![question], |part| came.add(part)).await?;
    Ok(came.count())
}
