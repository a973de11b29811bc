//! The equity, and how far it lies below its peak.

use market_backbone_core::Timestamp;

use super::Chart;
use super::axis::{BOTTOM, ChartScale, TOP, short};
use super::markup::place;
use crate::report::BacktestReport;

const EQUITY_INNER: f64 = 200.0;
const FALL_INNER: f64 = 110.0;
/// The most points of a line: more than the picture is wide would not be seen.
const MOST_POINTS: usize = 700;

fn times(report: &BacktestReport) -> (Timestamp, Timestamp) {
    (report.begin, report.end)
}

/// Draws the equity with the band between its lows and highs.
pub(super) fn equity(report: &BacktestReport) -> Chart {
    let low = report.curve.iter().map(|point| point.low).fold(f64::INFINITY, f64::min);
    let high = report.curve.iter().map(|point| point.high).fold(f64::NEG_INFINITY, f64::max);
    let height = TOP + EQUITY_INNER + BOTTOM;
    if report.curve.is_empty() {
        return Chart { body: String::new(), height };
    }
    let scale = ChartScale::new(times(report), (low, high), EQUITY_INNER);
    let mut body = scale.frame("Equity", short);
    let (mut above, mut below, mut line) = (String::from("M"), Vec::new(), String::from("M"));
    for points in report.curve.chunks(report.curve.len().div_ceil(MOST_POINTS)) {
        let last = points[points.len() - 1];
        let x = place(scale.x(last.time));
        let lowest = points.iter().map(|point| point.low).fold(last.low, f64::min);
        let highest = points.iter().map(|point| point.high).fold(last.high, f64::max);
        above += &format!("{x} {} ", place(scale.y(highest)));
        below.push(format!("{x} {} ", place(scale.y(lowest))));
        line += &format!("{x} {} ", place(scale.y(last.equity)));
    }
    let back: String = below.into_iter().rev().collect();
    body += &format!(
        "<path class=\"band\" d=\"{above}L{back}z\"/><path class=\"equity\" d=\"{}\"/>",
        line.trim_end()
    );
    Chart { body, height }
}

/// Draws the distance of the equity from its peak.
pub(super) fn drawdown(report: &BacktestReport) -> Chart {
    let height = TOP + FALL_INNER + BOTTOM;
    let mut peak = f64::NEG_INFINITY;
    let falls: Vec<(Timestamp, f64)> = report
        .curve
        .iter()
        .map(|point| {
            peak = peak.max(point.high);
            (point.time, if peak > 0.0 { point.low / peak - 1.0 } else { 0.0 })
        })
        .collect();
    let (Some(first), Some(last)) = (falls.first(), falls.last()) else {
        return Chart { body: String::new(), height };
    };
    let deepest = falls.iter().map(|(_, fall)| *fall).fold(-1e-4, f64::min);
    let scale = ChartScale::new(times(report), (deepest, 0.0), FALL_INNER);
    let mut body = scale.frame("Drawdown", |value| format!("{:.1} %", value * 100.0));
    let ground = place(scale.y(0.0));
    let mut path = format!("M{} {ground} L", place(scale.x(first.0)));
    for points in falls.chunks(falls.len().div_ceil(MOST_POINTS)) {
        let fall = points.iter().map(|(_, fall)| *fall).fold(0.0, f64::min);
        path += &format!("{} {} ", place(scale.x(points[points.len() - 1].0)), place(scale.y(fall)));
    }
    body += &format!("<path class=\"fall\" d=\"{path}L{} {ground}z\"/>", place(scale.x(last.0)));
    Chart { body, height }
}
