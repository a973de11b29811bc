//! The chunks of the newest candles of a count: fetched newest first, to find out where they begin, and returned oldest
//! first.

use market_backbone_core::{CandleQuery, Series, TimeRange, Timestamp};

use crate::Error;
use crate::candle_request::fetch::{FetchSettings, ProgressReporter};

/// Fetches the newest `count` candles before `before` in steps of `chunk` candles, and returns the range of each step,
/// oldest first.
///
/// Nothing but the ranges is held: the store keeps what has been fetched.
pub(super) async fn chunk_ranges(
    series: &Series,
    (count, before): (usize, Option<Timestamp>),
    chunk: usize,
    settings: &FetchSettings,
    progress: Option<&ProgressReporter>,
) -> Result<Vec<TimeRange>, Error> {
    let mut ranges = Vec::new();
    let mut end = before.unwrap_or(Timestamp::MAX);
    let mut wanted = count;
    while wanted > 0 {
        let step = wanted.min(chunk);
        let query = CandleQuery::last(series.clone(), step)?;
        let query = if end == Timestamp::MAX { query } else { query.before(end) };
        let set = settings.fetch(settings.applied_to(query)?, progress).await?;
        let Some(oldest) = set.first() else { break };
        ranges.extend(TimeRange::new(oldest.open_time, end));
        end = oldest.open_time;
        wanted -= set.len().min(wanted);
        if set.len() < step {
            break; // there are no older ones
        }
    }
    ranges.reverse();
    Ok(ranges)
}
