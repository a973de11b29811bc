//! The bars of a market that a screen looks at, and what it reads from them.

use std::time::Duration;

use market_backbone_core::{CandleSet, Grid, TimeRange, Timeframe, Timestamp};

use super::answer::WhyUnknown;
use super::term::{Measure, ScreenTerm, SpanFigure};
use super::values::NamedValues;
use crate::indicator::{BarRuns, IndicatorSpec, PriceSource};

/// The time within which a venue tells of a slot that has closed.
const LATEST: Duration = Duration::from_secs(120);

/// The bars of a market, an answer for each timeframe.
#[derive(Clone, Copy, Debug)]
pub struct MarketBars<'a> {
    /// The answers. They end with the newest bar; whether that one may be forming is the caller's choice.
    pub sets: &'a [CandleSet],
    /// The grid of the venue.
    pub grid: Grid,
    /// The present. A slot that closed two minutes before it or earlier, and is not known, makes the newest values unknown.
    pub now: Timestamp,
}

/// A value and what is to be said about it.
pub(super) type Read = Result<(f64, Vec<&'static str>), WhyUnknown>;

impl MarketBars<'_> {
    /// Reads a term.
    pub(super) fn read(&self, term: &ScreenTerm, values: &dyn NamedValues) -> Read {
        let set = self.sets.iter().find(|set| set.series.timeframe == term.timeframe);
        let set = set.filter(|set| !set.is_empty()).ok_or(WhyUnknown::NoBars)?;
        self.check_end(set)?;
        match &term.measure {
            Measure::Indicator(spec) => self.indicator(spec, set, term.back),
            Measure::Figure(figure) => self.figure(*figure, set, term.back),
            Measure::Span(figure, duration) => self.span(*figure, *duration, set, term.back),
            Measure::Named(name) => {
                let mut set = set.clone();
                set.candles.truncate(set.len().saturating_sub(term.back));
                let value = values.value(name, &set, self.grid).map_err(WhyUnknown::Other)?;
                finite(value)
            }
        }
    }

    /// The end of the slots that must be known by now.
    fn due(&self, timeframe: Timeframe) -> Timestamp {
        self.grid.floor(timeframe, self.now.minus(LATEST))
    }

    /// Checks that nothing that is due is unknown between the newest bar and the present.
    fn check_end(&self, set: &CandleSet) -> Result<(), WhyUnknown> {
        let timeframe = set.series.timeframe;
        let Some(last) = set.last() else { return Err(WhyUnknown::NoBars) };
        let from = self.grid.close(timeframe, last.open_time);
        let until = self.due(timeframe);
        match TimeRange::new(from, until).map(|range| set.coverage.missing(range)) {
            Ok(missing) => match missing.first() {
                Some(range) => Err(WhyUnknown::Stale { since: range.from() }),
                None => Ok(()),
            },
            Err(_) => Ok(()),
        }
    }

    fn indicator(&self, spec: &IndicatorSpec, set: &CandleSet, back: usize) -> Read {
        let runs = BarRuns::of_set(set, self.grid);
        let start = runs.as_slice().last().map_or(0, |run| run.start);
        let (have, need) = (set.len() - start, spec.warm_up() + back);
        let is_after_hole = start > 0;
        let too_few = WhyUnknown::Warming { have, need, is_after_hole };
        let row =
            set.len().checked_sub(back + 1).filter(|row| *row >= start).ok_or_else(|| too_few.clone())?;
        let columns = spec.over(&set.candles, &runs, self.grid);
        let value = columns.get(row).ok_or(if have < need { too_few } else { WhyUnknown::Undefined })?;
        let mut notes = Vec::new();
        if columns.is_flat(row) {
            notes.push("flat");
        }
        if spec.settle().is_none_or(|settle| have < settle + back) {
            notes.push("settling");
        }
        Ok((value, notes))
    }

    fn figure(&self, figure: PriceSource, set: &CandleSet, back: usize) -> Read {
        let runs = BarRuns::of_set(set, self.grid);
        let start = runs.as_slice().last().map_or(0, |run| run.start);
        let row = set.len().checked_sub(back + 1).filter(|row| *row >= start);
        let bar = row.and_then(|row| set.candles.get(row));
        let have = set.len() - start;
        let bar = bar.ok_or(WhyUnknown::Warming { have, need: back + 1, is_after_hole: start > 0 })?;
        finite(figure.of(&bar))
    }

    /// Reads a figure over the stretch of time that ends with the newest bar: slots, whether they have a bar or not.
    fn span(&self, figure: SpanFigure, duration: Duration, set: &CandleSet, back: usize) -> Read {
        let timeframe = set.series.timeframe;
        let end = self.end(set, back);
        let begin = end.minus(duration);
        let before = set.candles.rows_before(begin);
        let rows = before..set.candles.rows_before(end).max(before);
        // A change needs the close before the stretch; the others what lies in it.
        let from = match set.candles.get(before.wrapping_sub(1)) {
            Some(bar) if figure == SpanFigure::Change => bar.open_time,
            _ => begin,
        };
        self.check_known(set, timeframe, from, end)?;
        let columns = set.candles.slice(rows.clone());
        finite(match figure {
            SpanFigure::Volume => columns.volumes().iter().sum(),
            SpanFigure::Turnover => columns.turnovers().iter().sum(),
            SpanFigure::High => columns.highs().iter().copied().reduce(f64::max).ok_or(WhyUnknown::NoBars)?,
            SpanFigure::Low => columns.lows().iter().copied().reduce(f64::min).ok_or(WhyUnknown::NoBars)?,
            SpanFigure::Change => {
                let Some(old) = set.candles.get(before.wrapping_sub(1)) else {
                    return Err(WhyUnknown::Warming {
                        have: rows.len(),
                        need: rows.len() + 1,
                        is_after_hole: false,
                    });
                };
                let new = columns.last().unwrap_or(old);
                (new.close - old.close) * 100.0 / old.close
            }
        })
    }

    /// The end of the newest slot that has closed, or of the forming bar if there is one; `back` slots earlier.
    fn end(&self, set: &CandleSet, back: usize) -> Timestamp {
        let timeframe = set.series.timeframe;
        let current = self.grid.floor(timeframe, self.now);
        let end = set.last().map_or(current, |last| self.grid.close(timeframe, last.open_time).max(current));
        self.grid.step(timeframe, end, -i64::try_from(back).unwrap_or(i64::MAX))
    }

    fn check_known(
        &self,
        set: &CandleSet,
        timeframe: Timeframe,
        from: Timestamp,
        end: Timestamp,
    ) -> Result<(), WhyUnknown> {
        let end = end.min(self.due(timeframe));
        let missing = TimeRange::new(from, end).map(|range| set.coverage.missing(range)).unwrap_or_default();
        let holes = missing.iter().find(|range| {
            let rows = set.candles.rows_within(**range).len() as u64;
            self.grid.slots(timeframe, **range) > rows
        });
        holes.map_or(Ok(()), |range| Err(WhyUnknown::Hole { range: *range }))
    }
}

fn finite(value: f64) -> Read {
    if value.is_finite() { Ok((value, Vec::new())) } else { Err(WhyUnknown::Undefined) }
}
