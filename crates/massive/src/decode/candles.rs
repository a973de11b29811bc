//! Reads a page of candles, and says what it proves.
//!
//! Bars come newest first, and a slot without a trade has none. The venue counts the bars they are made of (minutes
//! below a day, days above) from the end of what was asked towards its beginning, until it has counted as many as
//! were asked for or there is nothing left, and only in the first case it says where the rest is. So between the
//! oldest bar and the end every slot without a bar is empty, be it night, a holiday or a share nobody wanted; and
//! without a rest so is everything before, as far back as was asked.

use market_backbone_core::{
    Candle, CandlePage, CandlePageRequest, Proof, SourceError, SourceErrorKind, TimeRange, Timeframe,
    Timestamp,
};

use super::{element, left_out, rows};
use crate::code::{MASSIVE, base_bars};
use crate::error::malformed;
use crate::limits::{GRID, Plan};
use crate::wire::BarRow;

/// What the answer is judged by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Circumstances {
    pub(crate) plan: Plan,
    pub(crate) asked_at: Timestamp,
    /// From here back everything has settled.
    pub(crate) settled: Timestamp,
}

pub(crate) fn page(
    request: &CandlePageRequest,
    body: &[u8],
    circumstances: Circumstances,
) -> Result<CandlePage, SourceError> {
    let timeframe = request.series.timeframe;
    let rows = rows(body)?;
    if rows.results.is_none() && rows.query_count.is_none() {
        // Neither bars nor the word that none were counted: this is about something else.
        return Err(malformed(body));
    }
    let elements = rows.results.unwrap_or_default();
    let mut candles = Vec::with_capacity(elements.len());
    // Each row opens before the one above it, the first one before what was asked.
    let mut bound = request.before.unwrap_or(Timestamp::MAX);
    for raw in &elements {
        let row = element::<BarRow<'_>>(raw).filter(|row| is_of(row, request));
        let candle = row.and_then(|row| candle(&row, timeframe));
        if let Some(mut candle) = candle.filter(|candle| candle.open_time < bound) {
            bound = candle.open_time;
            candle.is_final = GRID.close(timeframe, candle.open_time) <= circumstances.settled;
            candles.push(candle);
        }
    }
    let dropped = left_out(body, elements.len(), candles.len())?;
    candles.reverse();
    // That it says so is not relied upon: a full count is taken for one that was cut short.
    let counted = rows.query_count.unwrap_or(0);
    let cut_short = rows.next_url.is_some_and(|url| !url.is_empty())
        || counted >= u64::from(request.count) * u64::from(base_bars(timeframe));
    let oldest = candles.first().map(|oldest| oldest.open_time);
    if oldest.is_none() && !cut_short && request.before.is_none() {
        return Err(unknown(request));
    }
    let proof = match (dropped, oldest) {
        (0, Some(oldest)) if cut_short => prove(request, oldest, false, circumstances),
        (0, _) if !cut_short => prove(request, begin(timeframe, circumstances), true, circumstances),
        _ => Proof::default(),
    };
    Ok(CandlePage { candles, proof, asked_at: circumstances.asked_at, attempts: 1, dropped })
}

/// A sound candle on the grid, not final. Old bars lack the average price: then the last one stands for it.
fn candle(row: &BarRow<'_>, timeframe: Timeframe) -> Option<Candle> {
    let candle = Candle {
        open_time: Timestamp::from_millis(row.t),
        open: row.o,
        high: row.h,
        low: row.l,
        close: row.c,
        volume: row.v,
        turnover: row.v * row.vw.unwrap_or(row.c),
        is_final: false,
    };
    (candle.is_sound() && GRID.is_open_time(timeframe, candle.open_time)).then_some(candle)
}

fn is_of(row: &BarRow<'_>, request: &CandlePageRequest) -> bool {
    row.ticker.as_deref().is_none_or(|ticker| ticker == request.series.symbol.code())
}

/// From where on everything was asked for.
fn begin(timeframe: Timeframe, circumstances: Circumstances) -> Timestamp {
    let begin = circumstances.plan.begin(circumstances.asked_at);
    // It was asked a moment earlier than the venue says it was, perhaps before midnight: a day less is on the safe side.
    begin.map_or(Timestamp::MIN, |begin| GRID.ceil(timeframe, GRID.step(Timeframe::D1, begin, 1)))
}

fn prove(
    request: &CandlePageRequest,
    from: Timestamp,
    exhausted: bool,
    circumstances: Circumstances,
) -> Proof {
    // The slot that had not settled when the page was asked, and all after it, prove nothing.
    let settled = GRID.floor(request.series.timeframe, circumstances.settled);
    let to = request.before.map_or(settled, |before| before.min(settled));
    Proof { covered: TimeRange::new(from, to).ok(), exhausted }
}

/// Massive knows of no market that it does not: it answers that there are no bars.
fn unknown(request: &CandlePageRequest) -> SourceError {
    let message = format!("unknown market {} on massive, or it has never been traded", request.series.symbol);
    SourceError::new(SourceErrorKind::UnknownMarket, message).at(MASSIVE)
}
