//! The quantities that a screen reads from a market.

use std::fmt;
use std::time::Duration;

use market_backbone_core::{Grid, Timeframe};

use crate::indicator::{IndicatorSpec, PriceSource};

/// The timeframe of what names none.
pub const DEFAULT_TIMEFRAME: Timeframe = Timeframe::D1;

/// A figure over a stretch of time that ends with the newest bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SpanFigure {
    /// The change of the close, in percent.
    Change,
    /// The highest price.
    High,
    /// The lowest price.
    Low,
    /// The amount traded, in the base currency.
    Volume,
    /// The amount traded, in the quote currency.
    Turnover,
}

impl SpanFigure {
    /// Lists all of them.
    pub const ALL: [Self; 5] = [Self::Change, Self::High, Self::Low, Self::Volume, Self::Turnover];

    /// Returns the name in text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Change => "change",
            Self::High => "high",
            Self::Low => "low",
            Self::Volume => "volume",
            Self::Turnover => "turnover",
        }
    }
}

/// The thing that a term reads.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Measure {
    /// An indicator of the catalogue.
    Indicator(IndicatorSpec),
    /// A figure of the bar.
    Figure(PriceSource),
    /// A figure over a stretch of time.
    Span(SpanFigure, Duration),
    /// A value that the caller knows, by its name.
    Named(String),
}

/// A quantity of a market: what, of which timeframe, and how many bars back.
#[derive(Clone, Debug, PartialEq)]
pub struct ScreenTerm {
    /// The thing that is read.
    pub measure: Measure,
    /// The timeframe of the bars that it is read from.
    pub timeframe: Timeframe,
    /// The number of bars back from the newest.
    pub back: usize,
}

impl ScreenTerm {
    /// Returns the newest value of `measure`.
    #[must_use]
    pub const fn new(measure: Measure, timeframe: Timeframe) -> Self {
        Self { measure, timeframe, back: 0 }
    }

    /// Returns the number of bars of its timeframe that it needs, so that indicators have settled. A named value knows
    /// it for itself.
    pub(super) fn bars_needed(&self, grid: Grid, named: usize) -> usize {
        let bars = match &self.measure {
            Measure::Indicator(spec) => spec.bars_needed(self.timeframe, grid),
            Measure::Figure(_) => 1,
            // One more for the close before the stretch.
            Measure::Span(_, duration) => slots_in(*duration, self.timeframe).saturating_add(2),
            Measure::Named(_) => named,
        };
        bars.saturating_add(self.back)
    }
}

/// Returns the timeframe by which a stretch is measured: the longest that divides it into 24 parts or more, but minutes
/// where that would be seconds, and seconds where it is no number of minutes.
pub(super) fn timeframe_of(duration: Duration) -> Option<Timeframe> {
    let secs = i64::try_from(duration.as_secs()).ok().filter(|secs| *secs > 0)?;
    let steps = Timeframe::ALL.into_iter().filter_map(|timeframe| Some((timeframe, timeframe.fixed_secs()?)));
    let dividing = steps.filter(|(_, step)| *step <= 86_400 && secs % step == 0);
    dividing.rev().find(|(_, step)| *step <= 60 || secs / step >= 24).map(|(timeframe, _)| timeframe)
}

fn slots_in(duration: Duration, timeframe: Timeframe) -> usize {
    let step = timeframe.fixed_secs().and_then(|secs| u64::try_from(secs).ok()).unwrap_or(1).max(1);
    usize::try_from(duration.as_secs() / step).unwrap_or(usize::MAX)
}

/// Reads a duration such as `24h`, `90m` or `7d`.
pub(super) fn duration_of(text: &str) -> Option<Duration> {
    let unit = match text.chars().last()? {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 604_800,
        _ => return None,
    };
    let count: u64 = text[..text.len() - 1].parse().ok()?;
    count.checked_mul(unit).filter(|secs| *secs > 0).map(Duration::from_secs)
}

fn duration_text(duration: Duration) -> String {
    let secs = duration.as_secs();
    let (unit, letter) = [(3_600, "h"), (60, "m")]
        .into_iter()
        .find(|(unit, _)| secs.is_multiple_of(*unit))
        .unwrap_or((1, "s"));
    format!("{}{letter}", secs / unit)
}

impl fmt::Display for ScreenTerm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let timeframe = self.timeframe;
        match &self.measure {
            Measure::Indicator(spec) => write!(f, "{}", spec.with_last_argument(timeframe.as_str()))?,
            Measure::Figure(figure) => write!(f, "{figure}({timeframe})")?,
            Measure::Span(figure, duration) => {
                write!(f, "{}({})", figure.as_str(), duration_text(*duration))?
            }
            Measure::Named(name) => write!(f, "{name}({timeframe})")?,
        }
        if self.back > 0 { write!(f, "[{}]", self.back) } else { Ok(()) }
    }
}
