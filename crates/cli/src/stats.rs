//! What an answer cost and how much of it is proven, as one JSON object for scripts.

use market_backbone::{CandleSet, Grid, Metrics, TimeRange, Timestamp};
use serde_json::{Value, json};

/// The object that `--stats` prints.
pub(crate) fn of(set: &CandleSet, metrics: &Metrics, asked: Option<TimeRange>, grid: Grid) -> Value {
    json!({
        "requests": metrics.router.requests,
        "rejected": metrics.router.limiter.throttled(),
        "cache_hits": set.served.memory_rows + set.served.disk_rows,
        "memory_rows": set.served.memory_rows,
        "disk_rows": set.served.disk_rows,
        "venue_rows": set.served.venue_rows,
        "rows": set.candles.len(),
        "coverage": coverage(set, asked, grid),
    })
}

/// The stretches of the answer, each known (with how many slots have a candle and how many are proven empty) or not.
fn coverage(set: &CandleSet, asked: Option<TimeRange>, grid: Grid) -> Vec<Value> {
    let timeframe = set.series.timeframe;
    let end = set.candles.last().map(|newest| grid.close(timeframe, newest.open_time));
    let whole = asked.or_else(|| TimeRange::new(set.candles.first()?.open_time, end?).ok());
    let Some(whole) = whole else { return Vec::new() };
    let mut stretches: Vec<(TimeRange, Value)> = Vec::new();
    for range in set.coverage.within(whole).ranges() {
        let present = set.candles.iter().filter(|candle| range.contains(candle.open_time)).count() as u64;
        let bounded = range.from() > Timestamp::MIN;
        let empty = bounded.then(|| grid.slots(timeframe, range).saturating_sub(present));
        let (from, to) = (when(range.from()), when(range.to()));
        stretches.push((
            range,
            json!({ "truth": "known", "from": from, "to": to, "present": present, "empty": empty }),
        ));
    }
    for range in set.coverage.missing(whole) {
        stretches
            .push((range, json!({ "truth": "unknown", "from": when(range.from()), "to": when(range.to()) })));
    }
    stretches.sort_by_key(|(range, _)| *range);
    stretches.into_iter().map(|(_, stretch)| stretch).collect()
}

/// RFC 3339, or nothing where a stretch is open.
fn when(moment: Timestamp) -> Option<String> {
    (moment > Timestamp::MIN && moment < Timestamp::MAX).then(|| moment.to_string())
}
