//! Reads a page of candles, and derives what it proves.
//!
//! Upbit writes newest first and leaves out every slot without a trade, so a page is a run of *existing*
//! candles: between two of its rows a slot without one had no trade. A page with fewer rows than requested
//! shows that nothing is older. Candles of seconds are kept for three months only, and their pages do not show
//! that.

use market_backbone_core::{
    BadRow, Candle, CandlePage, CandlePageBuilder, CandlePageRequest, FinalityRules, PageProof, SourceError,
    Timeframe, Timestamp,
};
use market_backbone_venue_kit::{JsonList, malformed};
use serde_json::value::RawValue;

use crate::capabilities::{FINALITY_DELAY, GRID, UNCONFIRMED_FINALITY_DELAY, VISIBILITY_DELAY};
use crate::naming::{VENUE, minutes, parse_utc};
use crate::wire::CandleRow;

/// Returns the rules for finality. A candle of a second is over long before half a minute has passed, and a
/// newer one soon exists.
fn rules(timeframe: Timeframe) -> FinalityRules {
    let alone = if timeframe == Timeframe::S1 { FINALITY_DELAY } else { UNCONFIRMED_FINALITY_DELAY };
    FinalityRules {
        grid: GRID,
        superseded_delay: VISIBILITY_DELAY,
        clock_delay: FINALITY_DELAY,
        newest_delay: alone,
    }
}

pub(crate) fn page(
    request: &CandlePageRequest,
    body: &[u8],
    asked_at: Timestamp,
) -> Result<CandlePage, SourceError> {
    let mut rows = CandlePageBuilder::new(request, GRID);
    for raw in JsonList::parse(VENUE, body)?.elements() {
        rows.push(read(raw, request));
    }
    if rows.is_unreadable() {
        return Err(malformed(VENUE, body));
    }
    let fell_short = rows.count() < request.count as usize;
    let is_kept_for_ever = request.series.timeframe != Timeframe::S1;
    let page = rows.into_page(
        asked_at,
        rules(request.series.timeframe),
        (fell_short && is_kept_for_ever).then_some(Timestamp::MIN),
    );
    let exhausted = fell_short && !is_kept_for_ever;
    Ok(CandlePage { proof: PageProof { exhausted, ..page.proof }, ..page })
}

fn read(raw: &RawValue, request: &CandlePageRequest) -> Result<Candle, BadRow> {
    let row: CandleRow<'_> = serde_json::from_str(raw.get()).map_err(|error| BadRow {
        market: None,
        time: time_of(raw),
        reason: format!("it cannot be read: {error}"),
    })?;
    let time = parse_utc(&row.candle_date_time_utc);
    let bad =
        |market: Option<&str>, reason: String| BadRow { market: market.map(str::to_owned), time, reason };
    if row.code != request.series.symbol.code() {
        return Err(bad(Some(&row.code), format!("{} was asked for", request.series.symbol)));
    }
    let unit = minutes(request.series.timeframe);
    if row.unit.is_some() && row.unit != unit {
        return Err(bad(None, format!("it is of {} minutes", row.unit.unwrap_or_default())));
    }
    let Some(open_time) = time else {
        return Err(bad(None, format!("its open time `{}` is not a time", row.candle_date_time_utc)));
    };
    Ok(candle(&row, open_time))
}

/// Returns the open time of a row whose other fields cannot be read.
fn time_of(raw: &RawValue) -> Option<Timestamp> {
    #[derive(serde::Deserialize)]
    struct RowTime<'a> {
        #[serde(borrow, alias = "cdttmu")]
        candle_date_time_utc: std::borrow::Cow<'a, str>,
    }
    let row: RowTime<'_> = serde_json::from_str(raw.get()).ok()?;
    parse_utc(&row.candle_date_time_utc)
}

/// Returns the figures of a row that opens at `open_time`; not final and not validated.
fn candle(row: &CandleRow<'_>, open_time: Timestamp) -> Candle {
    Candle {
        open_time,
        open: row.opening_price,
        high: row.high_price,
        low: row.low_price,
        close: row.trade_price,
        volume: row.candle_acc_trade_volume,
        turnover: row.candle_acc_trade_price,
        is_final: false,
    }
}

/// Returns a valid candle on the grid, not final.
pub(crate) fn valid_candle(row: &CandleRow<'_>, timeframe: Timeframe) -> Option<Candle> {
    let candle = candle(row, parse_utc(&row.candle_date_time_utc)?);
    (candle.is_valid() && GRID.is_open_time(timeframe, candle.open_time)).then_some(candle)
}
