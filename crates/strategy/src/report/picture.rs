//! Pictures of a run as SVG, without a library and without a request: price with entries and exits, equity, drawdown.
//!
//! Colours are classes of a style sheet inside the picture, which follows the reader's preference for light or dark.

mod axis;
mod candle_chart;
mod equity_chart;
mod heat_map;
mod markup;
mod page;

use market_backbone_core::{CandleColumns, Series};

pub use self::heat_map::{HeatCell, HeatMap};
use super::BacktestReport;
use crate::backtest::ThreeWays;

/// The width of a picture, in units of its own.
const WIDTH: f64 = 960.0;

/// The style of pictures and pages, light and dark.
const STYLE: &str = include_str!("picture/style.css");

/// A run and the candles that it was over, for pictures and the page.
#[derive(Clone, Copy, Debug)]
pub struct RunPicture<'a> {
    /// The name of the run, as the page shows it.
    pub title: &'a str,
    /// The outcome of the run.
    pub ways: &'a ThreeWays,
    /// The series whose candles are shown.
    pub series: &'a Series,
    /// The candles that are shown.
    pub candles: &'a CandleColumns,
    /// The reason why the year has so many days.
    pub year_origin: &'a str,
}

impl RunPicture<'_> {
    /// Returns one SVG with price, equity and drawdown, to be opened or embedded by itself.
    #[must_use]
    pub fn to_svg(&self) -> String {
        let (price, equity) = (self.overview(), equity_chart::equity(self.report()));
        let fall = equity_chart::drawdown(self.report());
        let mut stacked = String::new();
        let mut height = 0.0;
        for chart in [price, equity, fall] {
            stacked += &format!("<g transform=\"translate(0 {height})\">{}</g>\n", chart.body);
            height += chart.height + 12.0;
        }
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" \
             class=\"standalone\" font-family=\"system-ui, sans-serif\">\n<style>{STYLE}</style>\n\
             <rect class=\"ground\" width=\"100%\" height=\"100%\"/>\n{stacked}</svg>\n"
        )
    }

    /// Returns a page that needs nothing else: no script, no font, no request.
    #[must_use]
    pub fn to_html(&self) -> String {
        page::page(self)
    }

    fn report(&self) -> &BacktestReport {
        &self.ways.assumed
    }

    fn overview(&self) -> Chart {
        let trips = &self.report().round_trips;
        candle_chart::candles(self.series, self.candles, trips, &format!("{} from begin to end", self.series))
    }

    /// The last trades on candles that can be told apart, where the overview joins many into one.
    fn detail(&self) -> Option<Chart> {
        let trips = &self.report().round_trips;
        let last = trips.last()?;
        if self.candles.len() <= candle_chart::MOST_CANDLES {
            return None;
        }
        let end = self.candles.rows_before(last.left) + 20;
        let end = end.min(self.candles.len());
        let entry = self.candles.rows_before(last.entered).saturating_sub(20);
        let begin = end.saturating_sub(candle_chart::MOST_CANDLES).min(entry);
        let candles = self.candles.slice(begin..end);
        let title = format!("The last trades, {}", self.series.timeframe);
        Some(candle_chart::candles(self.series, &candles, trips, &title))
    }
}

/// The inside of a picture and its height.
#[derive(Clone, Debug)]
struct Chart {
    body: String,
    height: f64,
}

impl Chart {
    /// The picture alone, for a page that has the style.
    fn to_inline_svg(&self, label: &str) -> String {
        format!(
            "<svg viewBox=\"0 0 {WIDTH} {}\" role=\"img\" aria-label=\"{}\">{}</svg>",
            self.height,
            markup::escaped(label),
            self.body
        )
    }
}
