//! Reads a page of candles, and derives what it proves.
//!
//! Bars come newest first, and a slot without a trade has none. The venue counts the bars they are made of
//! (minutes below a day, days above) from the end of the requested range towards its beginning, until it has
//! counted as many as were requested or none are left. Only in the first case does it send the address of the
//! rest. So between two bars every slot without one is empty: a night, a holiday, or a share that nobody
//! traded. Without a rest nothing older exists in the requested range; but one answer alone does not prove
//! that.

use std::time::Duration;

use market_backbone_core::{
    BadRow, Candle, CandlePage, CandlePageBuilder, CandlePageRequest, FinalityRules, PageProof, SourceError,
    Timeframe, Timestamp,
};
use serde_json::value::RawValue;

use super::rows;
use crate::capabilities::{GRID, MassivePlan};
use crate::error::malformed;
use crate::naming::base_bars;
use crate::wire::AggregateRow;

/// The circumstances by which the answer is judged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DecodeContext {
    pub(crate) plan: MassivePlan,
    pub(crate) asked_at: Timestamp,
    /// The time after its end at which a candle no longer changes.
    pub(crate) finality_delay: Duration,
}

pub(crate) fn page(
    request: &CandlePageRequest,
    body: &[u8],
    circumstances: DecodeContext,
) -> Result<CandlePage, SourceError> {
    let timeframe = request.series.timeframe;
    let answer = rows(body)?;
    if answer.results.is_none() && answer.query_count.is_none() {
        // There are neither bars nor a count of zero: this answer is about something else.
        return Err(malformed(body));
    }
    let mut bars = CandlePageBuilder::new(request, GRID);
    for raw in answer.results.unwrap_or_default() {
        bars.push(read(raw, request));
    }
    if bars.is_unreadable() {
        return Err(malformed(body));
    }
    // The address of the rest is not relied upon: a full count is treated as truncated.
    let counted = answer.query_count.unwrap_or(0);
    let cut_short = answer.next_url.is_some_and(|url| !url.is_empty())
        || counted >= u64::from(request.count) * u64::from(base_bars(timeframe));
    let DecodeContext { asked_at, finality_delay, .. } = circumstances;
    // A trade that is reported late changes a bar whether there is a newer one or not.
    let rules = FinalityRules {
        grid: GRID,
        superseded_delay: finality_delay,
        clock_delay: finality_delay,
        newest_delay: finality_delay,
    };
    let page = bars.into_page(asked_at, rules, (!cut_short).then(|| covered_from(timeframe, circumstances)));
    // What lies before the beginning of a plan is not available, whether it exists or not.
    let exhausted = !cut_short && circumstances.plan.history_start(asked_at).is_some();
    Ok(CandlePage { proof: PageProof { exhausted, ..page.proof }, ..page })
}

fn read(raw: &RawValue, request: &CandlePageRequest) -> Result<Candle, BadRow> {
    let row: AggregateRow<'_> = serde_json::from_str(raw.get()).map_err(|error| BadRow {
        market: None,
        time: time_of(raw),
        reason: format!("it cannot be read: {error}"),
    })?;
    if row.t <= 0 {
        return Err(BadRow { market: None, time: None, reason: "it has no open time".to_owned() });
    }
    match row.ticker.as_deref().filter(|ticker| *ticker != request.series.symbol.code()) {
        None => Ok(candle(&row)),
        Some(other) => Err(BadRow {
            market: Some(other.to_owned()),
            time: Some(Timestamp::from_millis(row.t)),
            reason: format!("{} was asked for", request.series.symbol),
        }),
    }
}

/// Returns the open time of a bar whose other fields cannot be read.
fn time_of(raw: &RawValue) -> Option<Timestamp> {
    #[derive(serde::Deserialize)]
    struct RowTime {
        t: i64,
    }
    serde_json::from_str::<RowTime>(raw.get()).ok().map(|row| Timestamp::from_millis(row.t))
}

/// Returns the figures of a bar; not final and not validated. Old bars lack the average price; the close is
/// used instead.
fn candle(row: &AggregateRow<'_>) -> Candle {
    Candle {
        open_time: Timestamp::from_millis(row.t),
        open: row.o,
        high: row.h,
        low: row.l,
        close: row.c,
        volume: row.v,
        turnover: row.v * row.vw.unwrap_or(row.c),
        is_final: false,
    }
}

/// Returns the start of the range that was requested as a whole.
fn covered_from(timeframe: Timeframe, circumstances: DecodeContext) -> Timestamp {
    let begin = circumstances.plan.history_start(circumstances.asked_at);
    // The request was sent a moment before the venue's time, perhaps before midnight: one day less is on the
    // safe side.
    begin.map_or(Timestamp::MIN, |begin| GRID.ceil(timeframe, GRID.step(Timeframe::D1, begin, 1)))
}
