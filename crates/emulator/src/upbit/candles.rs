//! Pages of candles as Upbit spells them.

use super::markets::Market;
use super::refusal::Refusal;
use super::route::Parameters;
use crate::calendar::{self, DAY, HOUR};
use crate::chance;
use crate::json::{self, Object};
use crate::number::{Number, Spelling, Style};
use crate::tape::{self, Ask, Bar, Frame, IDS_PER_MS};
use crate::world::World;

/// Rows of a page; more is cut to this in silence.
pub(crate) const PAGE: usize = 200;

/// The venue at a moment, as pages of candles show it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View {
    /// Trades after this are not in it yet.
    pub(crate) at_ms: i64,
    /// So many of the newest closed candles are not served yet, nor is the one that forms.
    pub(crate) late_rows: u64,
}

impl View {
    /// Candles that open from here on are not served.
    fn served_until(self, frame: Frame) -> i64 {
        if self.late_rows == 0 {
            return i64::MAX;
        }
        (0..self.late_rows).fold(frame.start(self.at_ms), |start, _| frame.start(start - 1))
    }
}

/// `GET /v1/candles/…`, newest first.
pub(crate) fn page(
    world: &World,
    frame: Frame,
    parameters: &Parameters,
    view: View,
) -> Result<String, Refusal> {
    let now_ms = view.at_ms;
    let market = world.markets.get(parameters.required("market")?).ok_or(Refusal::UnknownMarket)?;
    let count = parameters.count(1, PAGE)?;
    let before_ms = match parameters.get(&["to"]) {
        Some(text) => calendar::parse_instant(text).ok_or(Refusal::InvalidValue)?,
        None => now_ms + 1,
    };
    let converts = match parameters.get(&["converting_price_unit", "convertingPriceUnit"]) {
        Some(unit) if unit == world.scenario.region.currency() => frame == Frame::Day,
        Some(_) => return Err(Refusal::InvalidValue),
        None => false,
    };
    let floor_ms = match frame {
        Frame::Second => now_ms - i64::from(world.scenario.seconds_days) * DAY,
        _ => i64::MIN,
    };
    let before_ms = before_ms.min(view.served_until(frame));
    // A day's row names the close of the row before it, so one more is folded than shown.
    let spare = usize::from(frame == Frame::Day);
    let ask = Ask { frame, before_ms, floor_ms, now_ms, count: count + spare };
    let bars = tape::page(&market.tape, ask);
    let rows = bars.iter().enumerate().take(count).map(|(at, bar)| {
        let row = start_row(world, market, frame, bar);
        match frame {
            Frame::Second => row.end(),
            Frame::Minutes(unit) => row.int("unit", unit).end(),
            Frame::Day => {
                let before = bars.get(at + 1).map_or(bar.open, |before| before.close);
                let row = day_fields(row, bar, before, price_style(world, market));
                if converts { convert(row, world, market, bar, now_ms).end() } else { row.end() }
            }
            Frame::Week | Frame::Month | Frame::Year => {
                row.text("first_day_of_period", &calendar::date(bar.open_ms)).end()
            }
        }
    });
    Ok(json::array(rows))
}

fn price_style(world: &World, market: &Market) -> Style {
    world.scenario.spelling.style(if market.is_national() { Style::Point } else { Style::Fixed8 })
}

fn start_row(world: &World, market: &Market, frame: Frame, bar: &Bar) -> Object {
    let price = price_style(world, market);
    let sums = world.scenario.spelling.style(Style::Fixed8);
    let spelled = |units: i64| Number::e8(units.into());
    let mut row = Object::new()
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
        .number("candle_acc_trade_price", Number::e16(bar.turnover), sums)
        .number("candle_acc_trade_volume", Number::e8(bar.volume + oddity(world, market, frame, bar)), sums)
}

/// What a day's volume is off by on an odd day: the venue's granularities do not always agree.
fn oddity(world: &World, market: &Market, frame: Frame, bar: &Bar) -> i128 {
    let odd_days = world.scenario.quirks.odd_days;
    let day = bar.open_ms.div_euclid(DAY).cast_unsigned();
    let is_odd = frame == Frame::Day
        && odd_days > 0
        && chance::draw(market.tape.key() ^ 0x0DD, day).is_multiple_of(odd_days);
    if is_odd { 1 + bar.volume / 1_000 } else { 0 }
}

fn day_fields(row: Object, bar: &Bar, before: i64, style: Style) -> Object {
    let change = bar.close - before;
    row.number("prev_closing_price", Number::e8(before.into()), style)
        .number("change_price", Number::e8(change.into()), style)
        .number("change_rate", Number::ratio(change, before.max(1)), Spelling::Measured.style(Style::Point))
}

/// The close in KRW, at the KRW price of the quote currency when the candle last traded.
fn convert(row: Object, world: &World, market: &Market, bar: &Bar, now_ms: i64) -> Object {
    let cut = (bar.last_ms.min(now_ms) + 1) * IDS_PER_MS;
    let home = world.scenario.region.currency();
    let rate =
        world.markets.get(&format!("{home}-{}", market.quote())).and_then(|rate| rate.tape.last_before(cut));
    match rate {
        Some(rate) => {
            let converted = i128::from(bar.close) * i128::from(rate.price_e8);
            row.number("converted_trade_price", Number::e16(converted), price_style(world, market))
        }
        None => row.raw("converted_trade_price", "null"),
    }
}
