//! Answers for a range: the known part comes first, then each hole is fetched.

use market_backbone_core::{CandleQuery, Forming, SourceError, TimeRange};

use super::answer::StoredAnswer;

/// Answers with all candles that open in `range`.
pub(super) async fn answer(mut answer: StoredAnswer, range: TimeRange) -> Result<(), SourceError> {
    let Ok(range) = TimeRange::new(range.from(), range.to().min(answer.end())) else {
        return Ok(()); // all of it is in the future
    };
    let mut known = answer.known().await?;
    for stretch in known.within(range).ranges() {
        let told = answer.emit_stored(&known, stretch, usize::MAX).await?;
        told.gone.into_iter().for_each(|gone| known.remove(gone));
    }
    let holes = answer.skip_ranges(&known).gaps(range);
    let holes = holes.into_iter().filter(|hole| answer.slots(hole.from(), hole.to()) > 0);
    let questions = holes.map(|hole| question(&answer, hole)).collect::<Result<_, _>>()?;
    answer.fetch(questions, |_| ()).await
}

/// Builds the query for a hole; for the forming slot alone, in the form that is cheapest for upstream.
fn question(answer: &StoredAnswer, hole: TimeRange) -> Result<CandleQuery, SourceError> {
    let series = answer.query.series.clone();
    let reaches_now = hole.to() > answer.forming_open;
    let forming = if reaches_now { answer.query.forming } else { Forming::Exclude };
    let question = if reaches_now && answer.slots(hole.from(), answer.forming_open) == 0 {
        CandleQuery::last(series, 1)
            .map_err(|error| super::last::query_error(&error))?
            .not_before(answer.forming_open)
    } else {
        CandleQuery::within(series, hole)
    };
    Ok(question.forming(forming).priority(answer.query.priority))
}
