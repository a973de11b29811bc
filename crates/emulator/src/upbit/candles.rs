//! Pages of candles in Upbit's spelling.

use super::api_error::UpbitApiError;
use super::markets::EmulatedMarket;
use super::route::UpbitQueryParams;
use crate::calendar::{self, DAY, HOUR};
use crate::hash_random;
use crate::json::{self, JsonObject};
use crate::number::{NumberFormat, NumberStyle, WireNumber};
use crate::tape::{self, CandleInterval, IDS_PER_MS, TapeBar, TapePageQuery};
use crate::world::EmulatorWorld;

/// The largest number of rows of a page; larger ones are silently cut to this.
pub(crate) const PAGE: usize = 200;

/// The moment and the delay with which pages of candles show the venue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CandleVisibility {
    /// The time of the view: later trades are not in it yet.
    pub(crate) at_ms: i64,
    /// The number of newest closed candles that are not served yet; the forming one is not served either.
    pub(crate) late_rows: u64,
}

impl CandleVisibility {
    /// Returns the time from which candles are not served.
    fn served_until(self, frame: CandleInterval) -> i64 {
        if self.late_rows == 0 {
            return i64::MAX;
        }
        (0..self.late_rows).fold(frame.start(self.at_ms), |start, _| frame.start(start - 1))
    }
}

/// Answers `GET /v1/candles/…`, newest first.
pub(crate) fn page(
    world: &EmulatorWorld,
    frame: CandleInterval,
    parameters: &UpbitQueryParams,
    view: CandleVisibility,
) -> Result<String, UpbitApiError> {
    let now_ms = view.at_ms;
    let market = world.markets.get(parameters.required("market")?).ok_or(UpbitApiError::UnknownMarket)?;
    let count = parameters.count(1, PAGE)?;
    let before_ms = match parameters.get(&["to"]) {
        Some(text) => calendar::parse_instant(text).ok_or(UpbitApiError::InvalidValue)?,
        None => now_ms + 1,
    };
    let converts = match parameters.get(&["converting_price_unit", "convertingPriceUnit"]) {
        Some(unit) if unit == world.scenario.region.currency() => frame == CandleInterval::Day,
        Some(_) => return Err(UpbitApiError::InvalidValue),
        None => false,
    };
    let floor_ms = match frame {
        CandleInterval::Second => now_ms - i64::from(world.scenario.seconds_days) * DAY,
        _ => i64::MIN,
    };
    let before_ms = before_ms.min(view.served_until(frame));
    // A day's row contains the close of the row before it, so one more is folded than shown.
    let spare = usize::from(frame == CandleInterval::Day);
    let ask = TapePageQuery { interval: frame, before_ms, floor_ms, now_ms, count: count + spare };
    let bars = tape::page(&market.tape, ask);
    let rows = bars.iter().enumerate().take(count).map(|(at, bar)| {
        let row = start_row(world, market, frame, bar);
        match frame {
            CandleInterval::Second => row.end(),
            CandleInterval::Minutes(unit) => row.int("unit", unit).end(),
            CandleInterval::Day => {
                let before = bars.get(at + 1).map_or(bar.open, |before| before.close);
                let row = day_fields(row, bar, before, price_style(world, market));
                if converts { convert(row, world, market, bar, now_ms).end() } else { row.end() }
            }
            CandleInterval::Week | CandleInterval::Month | CandleInterval::Year => {
                row.text("first_day_of_period", &calendar::date(bar.open_ms)).end()
            }
        }
    });
    Ok(json::array(rows))
}

fn price_style(world: &EmulatorWorld, market: &EmulatedMarket) -> NumberStyle {
    world.scenario.number_format.style(if market.is_national() {
        NumberStyle::Point
    } else {
        NumberStyle::Fixed8
    })
}

fn start_row(
    world: &EmulatorWorld,
    market: &EmulatedMarket,
    frame: CandleInterval,
    bar: &TapeBar,
) -> JsonObject {
    let price = price_style(world, market);
    let sums = world.scenario.number_format.style(NumberStyle::Fixed8);
    let spelled = |units: i64| WireNumber::e8(units.into());
    let mut row = JsonObject::new()
        .text("market", &market.code)
        .text("candle_date_time_utc", &calendar::stamp(bar.open_ms));
    if world.scenario.region.is_korea() {
        row = row.text("candle_date_time_kst", &calendar::stamp(bar.open_ms + 9 * HOUR));
    }
    row.number("opening_price", spelled(bar.open), price)
        .number("high_price", spelled(bar.high), price)
        .number("low_price", spelled(bar.low), price)
        .number("trade_price", spelled(bar.close), price)
        .int("timestamp", bar.last_ms + world.scenario.quirks.candle_lag_ms)
        .number("candle_acc_trade_price", WireNumber::e16(bar.turnover), sums)
        .number(
            "candle_acc_trade_volume",
            WireNumber::e8(bar.volume + volume_discrepancy(world, market, frame, bar)),
            sums,
        )
}

/// Returns the error of a day's volume on an odd day: the venue's granularities do not always agree.
fn volume_discrepancy(
    world: &EmulatorWorld,
    market: &EmulatedMarket,
    frame: CandleInterval,
    bar: &TapeBar,
) -> i128 {
    let odd_days = world.scenario.quirks.odd_days;
    let day = bar.open_ms.div_euclid(DAY).cast_unsigned();
    let is_odd = frame == CandleInterval::Day
        && odd_days > 0
        && hash_random::draw(market.tape.key() ^ 0x0DD, day).is_multiple_of(odd_days);
    if is_odd { 1 + bar.volume / 1_000 } else { 0 }
}

fn day_fields(row: JsonObject, bar: &TapeBar, before: i64, style: NumberStyle) -> JsonObject {
    let change = bar.close - before;
    row.number("prev_closing_price", WireNumber::e8(before.into()), style)
        .number("change_price", WireNumber::e8(change.into()), style)
        .number(
            "change_rate",
            WireNumber::ratio(change, before.max(1)),
            NumberFormat::Measured.style(NumberStyle::Point),
        )
}

/// Returns the close in KRW, at the KRW price of the quote currency when the candle last traded.
fn convert(
    row: JsonObject,
    world: &EmulatorWorld,
    market: &EmulatedMarket,
    bar: &TapeBar,
    now_ms: i64,
) -> JsonObject {
    let cut = (bar.last_ms.min(now_ms) + 1) * IDS_PER_MS;
    let home = world.scenario.region.currency();
    let rate =
        world.markets.get(&format!("{home}-{}", market.quote())).and_then(|rate| rate.tape.last_before(cut));
    match rate {
        Some(rate) => {
            let converted = i128::from(bar.close) * i128::from(rate.price_e8);
            row.number("converted_trade_price", WireNumber::e16(converted), price_style(world, market))
        }
        None => row.raw("converted_trade_price", "null"),
    }
}
