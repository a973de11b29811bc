//! Reads a page of candles, and says what it proves.
//!
//! Upbit writes newest first and leaves out every slot without a trade, so a page is a run of *existing*
//! candles: between its oldest row and the moment it was asked up to, a slot without a row had no trade.

use market_backbone_core::{
    Candle, CandlePage, CandlePageRequest, Proof, SourceError, TimeRange, Timeframe, Timestamp,
};

use super::{element, elements, left_out};
use crate::code::{minutes, utc};
use crate::limits::{GRID, SETTLING};
use crate::wire::CandleRow;

pub(crate) fn page(
    request: &CandlePageRequest,
    body: &[u8],
    asked_at: Timestamp,
) -> Result<CandlePage, SourceError> {
    let elements = elements(body)?;
    let mut candles = Vec::with_capacity(elements.len());
    // Each row opens before the one above it, the first one before what was asked.
    let mut bound = request.before.unwrap_or(Timestamp::MAX);
    for raw in &elements {
        let row = element::<CandleRow<'_>>(raw).filter(|row| is_of(row, request));
        let candle = row.and_then(|row| candle(&row, request.series.timeframe));
        if let Some(mut candle) = candle.filter(|candle| candle.open_time < bound) {
            bound = candle.open_time;
            candle.is_final = is_settled(request.series.timeframe, candle.open_time, asked_at);
            candles.push(candle);
        }
    }
    let dropped = left_out(body, elements.len(), candles.len())?;
    candles.reverse();
    let proof = match dropped {
        0 => prove(request, candles.first().map(|oldest| oldest.open_time), asked_at),
        _ => Proof::default(),
    };
    Ok(CandlePage { candles, proof, asked_at, attempts: 1, dropped })
}

/// A sound candle on the grid, not final.
pub(crate) fn candle(row: &CandleRow<'_>, timeframe: Timeframe) -> Option<Candle> {
    let candle = Candle {
        open_time: utc(&row.candle_date_time_utc)?,
        open: row.opening_price,
        high: row.high_price,
        low: row.low_price,
        close: row.trade_price,
        volume: row.candle_acc_trade_volume,
        turnover: row.candle_acc_trade_price,
        is_final: false,
    };
    (candle.is_sound() && GRID.is_open_time(timeframe, candle.open_time)).then_some(candle)
}

fn is_of(row: &CandleRow<'_>, request: &CandlePageRequest) -> bool {
    let timeframe = minutes(request.series.timeframe);
    row.code == request.series.symbol.code() && (row.unit.is_none() || row.unit == timeframe)
}

fn is_settled(timeframe: Timeframe, open: Timestamp, asked_at: Timestamp) -> bool {
    GRID.close(timeframe, open).plus(SETTLING) <= asked_at
}

/// What a page without a bad row proves; `oldest` is `None` for an empty one.
fn prove(request: &CandlePageRequest, oldest: Option<Timestamp>, asked_at: Timestamp) -> Proof {
    let timeframe = request.series.timeframe;
    // The slot that had not settled when the page was asked, and all after it, prove nothing.
    let settled = GRID.floor(timeframe, asked_at.minus(SETTLING));
    let to = request.before.map_or(settled, |before| before.min(settled));
    let from = match oldest {
        Some(open) => Some(open),
        // Older than three months, seconds are gone rather than empty.
        None if timeframe == Timeframe::S1 => None,
        None => Some(Timestamp::MIN),
    };
    Proof { covered: from.and_then(|from| TimeRange::new(from, to).ok()), exhausted: oldest.is_none() }
}
