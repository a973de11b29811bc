//! The cost of an answer and how much of it is proven, as one JSON object for scripts.

mod answer_summary;

use market_backbone::{
    FetchStats, Grid, Metrics, Provenance, RejectedRow, RouteReason, TimeRange, Timestamp, WriteFailure,
};
use serde::Serialize;
use serde_json::{Value, json};

pub(crate) use self::answer_summary::AnswerSummary;

/// The requested range.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestedRange {
    /// The start; if it is missing, the oldest candle of the answer.
    pub(crate) from: Option<Timestamp>,
    /// The end; if it is missing, the last slot that was over at `at`, or the newest candle.
    pub(crate) to: Option<Timestamp>,
    /// The time of the request, or the moment as of which it was made.
    pub(crate) at: Timestamp,
}

impl RequestedRange {
    /// Returns the whole range, as far as it lies in the past.
    fn resolved(&self, summary: &AnswerSummary, grid: Grid) -> Option<TimeRange> {
        if let (Some(from), Some(to)) = (self.from, self.to) {
            return TimeRange::new(from, to).ok();
        }
        let timeframe = summary.timeframe;
        let over = grid.floor(timeframe, self.at).min(self.to.unwrap_or(Timestamp::MAX));
        let end = summary.newest().map(|newest| grid.close(timeframe, newest).max(over));
        let from = self.from.or_else(|| summary.oldest())?;
        TimeRange::new(from, end.unwrap_or(over)).ok()
    }
}

/// Builds the object that `--stats` prints after candles.
///
/// `rate_limited` counts requests that the venue refused because they were too many. `rejected_rows` names
/// invalid rows of its replies, or of a store. `store_away` says whether the database of --store was
/// unavailable, and `owed_rows` how many rows it has still to receive.
pub(crate) fn candle_stats(
    summary: &AnswerSummary,
    metrics: &Metrics,
    asked: RequestedRange,
    grid: Grid,
) -> Value {
    let mut value = row_stats(summary.rows, &summary.served, metrics);
    value["coverage"] = coverage(summary, asked, grid).into();
    value["rejected_rows"] = rejected_rows(&summary.rejected).into();
    value["unkept_rows"] = unkept_rows(summary.write_failure.as_ref());
    value
}

/// The counters of the rows of any number of answers, beside those that the answers say of themselves.
#[derive(Serialize)]
struct RowStats {
    #[serde(flatten)]
    served: FetchStats,
    rate_limited: u64,
    cache_hits: u64,
    rows: usize,
    store_away: Option<bool>,
    owed_rows: Option<u64>,
    decisions: Value,
    clock_offset_ms: Option<i64>,
    clock_uncertainty_ms: Option<u64>,
}

/// Returns the counters of the rows of any number of answers. `requests` counts those of the whole program.
pub(crate) fn row_stats(rows: usize, served: &FetchStats, metrics: &Metrics) -> Value {
    let clock = metrics.router.clock;
    let stats = RowStats {
        served: FetchStats { requests: metrics.router.requests, ..*served },
        rate_limited: metrics.router.limiter.throttled(),
        cache_hits: served.memory_rows + served.disk_rows + served.shared_rows,
        rows,
        store_away: metrics.shared.map(|shared| shared.is_unavailable),
        owed_rows: metrics.shared.map(|shared| shared.backlog_rows),
        decisions: decisions(metrics),
        clock_offset_ms: clock.uncertainty.map(|_| clock.offset_ms),
        clock_uncertainty_ms: clock.uncertainty.map(|off| off.as_millis() as u64),
    };
    json!(stats)
}

/// Returns the number of rows that could not be stored.
pub(crate) fn unkept_rows(unkept: Option<&WriteFailure>) -> Value {
    unkept.map_or(0, |unkept| unkept.rows).into()
}

/// Returns the venue's invalid rows.
pub(crate) fn rejected_rows(rejected: &[RejectedRow]) -> Vec<Value> {
    let row = |row: &RejectedRow| json!({ "market": row.market, "slot": row.slot.and_then(bounded_time), "reason": row.reason });
    rejected.iter().map(row).collect()
}

/// Builds the object that `--stats` prints after live values.
pub(crate) fn live_stats(rows: usize, metrics: &Metrics) -> Value {
    let clock = metrics.router.clock;
    json!({
        "requests": metrics.router.requests,
        "rate_limited": metrics.router.limiter.throttled(),
        "rows": rows,
        "decisions": decisions(metrics),
        "connections": metrics.router.live.connections,
        "clock_offset_ms": clock.uncertainty.map(|_| clock.offset_ms),
        "clock_uncertainty_ms": clock.uncertainty.map(|off| off.as_millis() as u64),
    })
}

/// The number of requests by the reason for their route, as JSON.
fn decisions(metrics: &Metrics) -> Value {
    let count = |(reason, count): &(RouteReason, u64)| (reason.as_str().to_owned(), Value::from(*count));
    Value::Object(metrics.router.decisions.iter().map(count).collect())
}

/// Returns the ranges of the answer, in order: known (with the number of present and of proven empty slots),
/// disputed (with the number of candles and the observations), or unknown.
fn coverage(summary: &AnswerSummary, asked: RequestedRange, grid: Grid) -> Vec<Value> {
    let timeframe = summary.timeframe;
    let Some(whole) = asked.resolved(summary, grid) else { return Vec::new() };
    let present = |range| summary.present(range);
    let mut agreed = summary.coverage.within(whole);
    let mut stretches: Vec<(TimeRange, Value)> = Vec::new();
    for dispute in agreed.disputes().to_vec() {
        let range = dispute.range;
        agreed.remove(range);
        let (from, to, present) = (bounded_time(range.from()), bounded_time(range.to()), present(range));
        let (earlier, later) = (dispute.earlier.map(source), dispute.later.map(source));
        stretches.push((
            range,
            json!({ "truth": "disputed", "from": from, "to": to, "present": present,
                    "earlier": earlier, "later": later }),
        ));
    }
    for range in agreed.ranges() {
        let present = present(range);
        let bounded = range.from() > Timestamp::MIN;
        let empty = bounded.then(|| grid.slots(timeframe, range).saturating_sub(present));
        let (from, to) = (bounded_time(range.from()), bounded_time(range.to()));
        stretches.push((
            range,
            json!({ "truth": "known", "from": from, "to": to, "present": present, "empty": empty }),
        ));
    }
    for range in summary.coverage.missing(whole) {
        stretches.push((
            range,
            json!({ "truth": "unknown", "from": bounded_time(range.from()), "to": bounded_time(range.to()) }),
        ));
    }
    stretches.sort_by_key(|(range, _)| *range);
    stretches.into_iter().map(|(_, stretch)| stretch).collect()
}

/// The origin and the time of an observation.
fn source(provenance: Provenance) -> Value {
    json!({ "origin": provenance.origin, "observed_at": bounded_time(provenance.observed_at) })
}

/// Formats a bound as RFC 3339, or as nothing where a range is open.
fn bounded_time(moment: Timestamp) -> Option<String> {
    (moment > Timestamp::MIN && moment < Timestamp::MAX).then(|| moment.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use market_backbone::{
        Candle, CandleSet, Coverage, Dispute, Origin, Series, Span, Symbol, Timeframe, UPBIT,
    };
    use market_backbone_testkit::flat_candle;

    fn minutes(from: i64, to: i64) -> TimeRange {
        TimeRange::new(Timestamp::from_secs(from * 60), Timestamp::from_secs(to * 60)).unwrap()
    }

    #[test]
    fn the_four_truths_are_named() {
        let series = Series::new(Symbol::new(UPBIT, "KRW-BTC").unwrap(), Timeframe::M1);
        let said = Provenance { origin: Origin::Rest, observed_at: Timestamp::EPOCH };
        let mut coverage: Coverage = [Span { range: minutes(1, 9), provenance: said }].into_iter().collect();
        coverage.add_dispute(Dispute { range: minutes(4, 5), earlier: Some(said), later: None });
        let row =
            |minute: i64| Candle { is_final: true, ..flat_candle(Timestamp::from_secs(minute * 60), 1.0) };
        let mut summary = AnswerSummary::new(&series);
        summary.add(&CandleSet { candles: [row(2), row(4)].into(), coverage, ..CandleSet::empty(series) });
        let (from, to) = (minutes(0, 10).from(), minutes(0, 10).to());
        let said = |from, to, at| -> Vec<_> {
            super::coverage(&summary, RequestedRange { from, to, at }, Grid::Utc)
                .iter()
                .map(|one| (one["truth"].to_string(), one["present"].as_u64(), one["empty"].as_u64()))
                .collect()
        };
        let truth = |word: &str| format!("\"{word}\"");
        let expected = [
            (truth("unknown"), None, None),
            (truth("known"), Some(1), Some(2)),
            (truth("disputed"), Some(1), None),
            (truth("known"), Some(0), Some(4)),
            (truth("unknown"), None, None),
        ];
        assert_eq!(said(Some(from), Some(to), from), expected);
        // For a count, and for a range without an end, the newest slots are reported as unknown, too.
        let at = minutes(11, 12).from().plus(std::time::Duration::from_secs(59));
        assert_eq!(said(None, None, at), [&[(truth("known"), Some(1), Some(1))], &expected[2..]].concat());
        assert_eq!(said(Some(from), None, at), expected);
        assert_eq!(said(None, Some(minutes(4, 9).to()), at).len(), 3);
        assert_eq!(said(None, None, from).len(), 2, "it ends with the newest candle");
    }
}
