//! Answers for the newest candles of a count: backwards from the end, through known and unknown ranges, until
//! there are enough.

use std::collections::HashSet;

use market_backbone_core::{
    CandleQuery, Coverage, Forming, QueryError, SourceError, SourceErrorKind, TimeRange, Timestamp,
};

use super::answer::StoredAnswer;

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
    let mut cursor = before.unwrap_or(Timestamp::MAX).min(answer.end());
    let mut wanted = count;
    while wanted > 0 && cursor > floor {
        let known = answer.known().await?; // again each time: it grows with what is fetched
        let (is_known, end) = range_before(&answer, &known, cursor);
        let mut from = end.max(floor);
        if let Ok(stretch) = TimeRange::new(from, cursor) {
            wanted -= if is_known {
                let told = answer.emit_stored(&known, stretch, wanted).await?;
                from = told.reached;
                told.found
            } else {
                fetch_gap(&mut answer, stretch, wanted).await?.min(wanted)
            };
        }
        cursor = from;
    }
    Ok(())
}

/// Returns whether the newest slot before `cursor` needs no request, and how far back that holds.
fn range_before(answer: &StoredAnswer, known: &Coverage, cursor: Timestamp) -> (bool, Timestamp) {
    let ranges = answer.skip_ranges(known);
    match ranges.iter().rev().find(|range| range.from() < cursor) {
        Some(range) if answer.slots(range.to(), cursor) == 0 => (true, range.from()),
        Some(range) => (false, range.to()),
        None => (false, Timestamp::MIN),
    }
}

/// Fetches the newest `wanted` candles in `gap` from upstream; returns how many came.
async fn fetch_gap(answer: &mut StoredAnswer, gap: TimeRange, wanted: usize) -> Result<usize, SourceError> {
    let slots = usize::try_from(answer.slots(gap.from(), gap.to())).unwrap_or(usize::MAX);
    if slots == 0 {
        return Ok(0);
    }
    // If the gap reaches the forming slot, the venue may move on meanwhile, and then there are more slots
    // than these.
    let moves = gap.to() > answer.forming_open;
    let question =
        CandleQuery::last(answer.query.series.clone(), if moves { wanted } else { wanted.min(slots) })
            .map_err(|error| query_error(&error))?
            .not_before(gap.from())
            .priority(answer.query.priority);
    let question = match answer.query.forming {
        Forming::Include if moves => question,
        Forming::Include | Forming::Exclude => question.before(gap.to()).closed(),
    };
    let mut came = HashSet::new();
    let in_gap = |time: &Timestamp| gap.contains(*time);
    answer
        .fetch(vec![question], |part| {
            came.extend(part.candles.iter().map(|candle| candle.open_time).filter(in_gap));
        })
        .await?;
    Ok(came.len())
}

/// Builds the error for an invalid query, which is a bug here: it is derived from a valid one.
pub(super) fn query_error(error: &QueryError) -> SourceError {
    SourceError::new(SourceErrorKind::BadRequest, error.to_string())
}
