//! Candles with the entries and exits of trades on them.

use market_backbone_core::{Candle, CandleColumns, Series, Timestamp};

use super::Chart;
use super::axis::{BOTTOM, ChartScale, TOP, short};
use super::markup::place;
use crate::backtest::RoundTrip;
use crate::order::FillCertainty;

/// The most candles of a chart: beyond it, several are drawn as one.
pub(super) const MOST_CANDLES: usize = 220;
const INNER: f64 = 300.0;

/// Draws candles and the trades that lie among them.
pub(super) fn candles(series: &Series, candles: &CandleColumns, trips: &[RoundTrip], title: &str) -> Chart {
    let height = TOP + INNER + BOTTOM;
    let joined = joined(candles);
    let (Some(first), Some(last)) = (joined.first(), joined.last()) else {
        return Chart { body: "<text class=\"title\" x=\"84\" y=\"15\">no bars</text>".to_owned(), height };
    };
    let each = candles.len().div_ceil(MOST_CANDLES).max(1);
    let step = i64::try_from(series.timeframe.typical().as_nanos()).unwrap_or(0).saturating_mul(each as i64);
    let end = Timestamp::from_nanos(last.open_time.as_nanos().saturating_add(step));
    let low = joined.iter().map(|candle| candle.low).fold(f64::INFINITY, f64::min);
    let high = joined.iter().map(|candle| candle.high).fold(f64::NEG_INFINITY, f64::max);
    let scale = ChartScale::new((first.open_time, end), (low, high), INNER);
    let title = if each > 1 { format!("{title} (a candle is {each} bars)") } else { title.to_owned() };
    let mut body = scale.frame(&title, short);
    let width = ((scale.x(end) - scale.x(first.open_time)) / joined.len() as f64 * 0.7).clamp(0.6, 14.0);
    for candle in &joined {
        draw(candle, &scale, (step / 2, width), &mut body);
    }
    draw_trades(trips, &scale, &mut body);
    Chart { body, height }
}

fn draw(candle: &Candle, scale: &ChartScale, (half, width): (i64, f64), body: &mut String) {
    let class = if candle.close >= candle.open { "rise" } else { "drop" };
    let x = scale.x(Timestamp::from_nanos(candle.open_time.as_nanos().saturating_add(half)));
    let (top, bottom) = (scale.y(candle.open.max(candle.close)), scale.y(candle.open.min(candle.close)));
    *body += &format!(
        "<path class=\"{class} wick\" d=\"M{0} {1}V{2}\"/><rect class=\"{class}\" x=\"{3}\" y=\"{4}\" width=\"{5}\" height=\"{6}\" stroke=\"none\"/>",
        place(x),
        place(scale.y(candle.high)),
        place(scale.y(candle.low)),
        place(x - width / 2.0),
        place(top),
        place(width),
        place((bottom - top).max(0.8)),
    );
}

/// Draws a triangle for each entry and exit; of those that fall on one place only the first.
fn draw_trades(trips: &[RoundTrip], scale: &ChartScale, body: &mut String) {
    let (mut last_entry, mut last_exit) = (f64::NEG_INFINITY, f64::NEG_INFINITY);
    let lies_in = |time: Timestamp| scale.from <= time && time <= scale.to;
    for trip in trips {
        let doubtful = if trip.certainty == FillCertainty::Ambiguous { " doubtful" } else { "" };
        let (entry, exit) = (scale.x(trip.entered), scale.x(trip.left));
        if lies_in(trip.entered) && entry - last_entry >= 3.0 {
            last_entry = entry;
            let word = if trip.is_long { "bought" } else { "sold short" };
            let label = format!("{word} {} at {}", trip.quantity, trip.entry_price);
            triangle(entry, scale.y(trip.entry_price), (1.0, &format!("entry{doubtful}"), &label), body);
        }
        if lies_in(trip.left) && exit - last_exit >= 3.0 {
            last_exit = exit;
            let label = format!("left at {}, {:+.2} %", trip.exit_price, trip.profit_share() * 100.0);
            triangle(exit, scale.y(trip.exit_price), (-1.0, &format!("exit{doubtful}"), &label), body);
        }
    }
}

/// A triangle whose tip is at the price: from below for an entry (1), from above for an exit (-1).
fn triangle(x: f64, y: f64, (way, class, label): (f64, &str, &str), body: &mut String) {
    *body += &format!(
        "<path class=\"{class}\" d=\"M{} {}l-4 {}h8z\"><title>{label}</title></path>",
        place(x),
        place(y),
        8.0 * way
    );
}

/// The candles, so many to one that they can be told apart.
fn joined(candles: &CandleColumns) -> Vec<Candle> {
    let each = candles.len().div_ceil(MOST_CANDLES).max(1);
    let mut joined: Vec<Candle> = Vec::with_capacity(MOST_CANDLES);
    for (row, candle) in candles.iter().enumerate() {
        match joined.last_mut() {
            Some(last) if row % each != 0 => {
                last.high = last.high.max(candle.high);
                last.low = last.low.min(candle.low);
                last.close = candle.close;
            }
            _ => joined.push(candle),
        }
    }
    joined
}
