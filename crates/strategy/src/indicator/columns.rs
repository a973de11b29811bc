//! An indicator over columns of bars.

use std::ops::Range;

use market_backbone_core::{CandleColumns, CandleSet, Grid};

use super::bar_runs::BarRuns;
use super::flat_watch::FlatWatch;
use super::input_columns::{InputColumns, are_finite};
use super::kernel::{Formula, TaKernel};
use super::live::Indicator;
use super::reading::Reading;
use super::spec::IndicatorSpec;

/// The values of an indicator for the bars of an answer, row for row.
///
/// No column holds a NaN: which rows have a value is said beside the columns, and what has none holds zero there.
#[derive(Clone, Debug, PartialEq)]
pub struct IndicatorColumns {
    spec: IndicatorSpec,
    outputs: Vec<Vec<f64>>,
    // Invariant of both: in order, disjoint, not empty.
    valid: Vec<Range<usize>>,
    flat: Vec<Range<usize>>,
    rows: usize,
}

impl IndicatorSpec {
    /// Computes the indicator for every row of `bars`, which rise. At each row the value is the one that an [`Indicator`]
    /// answers when it is fed the same bars and told of the same unknown slots; the last row may be a forming bar.
    #[must_use]
    pub fn over(&self, bars: &CandleColumns, runs: &BarRuns, grid: Grid) -> IndicatorColumns {
        let rows = bars.len();
        let outputs = vec![vec![0.0; rows]; self.outputs().len()];
        let mut columns =
            IndicatorColumns { spec: *self, outputs, valid: Vec::new(), flat: Vec::new(), rows };
        let real = self.source.column(bars);
        let is_ours = matches!(self.formula, Formula::Vwap | Formula::Zscore);
        for run in runs.as_slice() {
            let inputs = InputColumns::of(bars, &real, run.clone());
            if is_ours || !inputs.are_finite_for(self.formula) || !columns.fill(bars, &inputs, run) {
                columns.feed(bars, run, grid);
            }
        }
        columns
    }

    /// Computes the indicator for the rows of an answer, and nothing across a slot that its coverage leaves unknown.
    #[must_use]
    pub fn over_set(&self, set: &CandleSet, grid: Grid) -> IndicatorColumns {
        self.over(&set.candles, &BarRuns::of_set(set, grid), grid)
    }
}

impl IndicatorColumns {
    /// Returns what was computed.
    #[must_use]
    pub const fn spec(&self) -> &IndicatorSpec {
        &self.spec
    }

    /// Returns the number of rows, those without a value included.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.rows
    }

    /// Returns whether there is no row.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Returns the chosen output at row `row`, if it has a value there.
    #[must_use]
    pub fn get(&self, row: usize) -> Option<f64> {
        self.get_output(self.spec.output, row)
    }

    /// Returns the output at `place` in the order of [`outputs`](IndicatorSpec::outputs) at row `row`.
    #[must_use]
    pub fn get_output(&self, place: usize, row: usize) -> Option<f64> {
        let value = *self.outputs.get(place)?.get(row)?;
        holds(&self.valid, row).then_some(value)
    }

    /// Returns the chosen output row by row.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Option<f64>> + '_ {
        (0..self.rows).map(|row| self.get(row))
    }

    /// Returns the column of the output at `place`. What is not in [`valid`](Self::valid) is zero.
    #[must_use]
    pub fn column(&self, place: usize) -> &[f64] {
        self.outputs.get(place).map_or(&[], Vec::as_slice)
    }

    /// Returns the rows that have a value, as ranges in order.
    #[must_use]
    pub fn valid(&self) -> &[Range<usize>] {
        &self.valid
    }

    /// Returns whether prices stood still at row `row`, so that the value is a convention.
    #[must_use]
    pub fn is_flat(&self, row: usize) -> bool {
        holds(&self.flat, row)
    }

    /// Fills the rows of a run with TA-Lib's batch function.
    fn fill(&mut self, bars: &CandleColumns, inputs: &InputColumns<'_>, run: &Range<usize>) -> bool {
        let warm_up = self.spec.warm_up();
        if run.len() < warm_up {
            return true;
        }
        let first = run.start + warm_up - 1;
        let mut slices = self.outputs.iter_mut().map(|output| &mut output[first..run.end]);
        let mut next = || slices.next().unwrap_or_default();
        let outputs = [next(), next(), next()];
        if TaKernel::batch(self.spec.formula, inputs, self.spec.parameters(), outputs).is_err() {
            return false;
        }
        self.accept(first..run.end);
        let mut watch = FlatWatch::new(self.spec.formula, self.spec.parameters());
        for row in run.clone() {
            if !watch.is_awake() {
                break;
            }
            let flat = bars.get(row).is_some_and(|bar| watch.take(&bar, self.spec.source));
            if flat && row >= first {
                extend(&mut self.flat, row);
            }
        }
        true
    }

    /// Marks rows as valid, but for those where an output is not finite.
    fn accept(&mut self, rows: Range<usize>) {
        let finite = !self.spec.formula.may_be_undefined()
            || self.outputs.iter().all(|output| are_finite(&output[rows.clone()]));
        if finite {
            self.valid.push(rows);
            return;
        }
        for row in rows {
            if self.outputs.iter().all(|output| output[row].is_finite()) {
                extend(&mut self.valid, row);
            } else {
                self.outputs.iter_mut().for_each(|output| output[row] = 0.0);
            }
        }
    }

    /// Feeds the rows of a run to an indicator one by one, where there is no batch function or a bar has to be refused.
    fn feed(&mut self, bars: &CandleColumns, run: &Range<usize>, grid: Grid) {
        let mut indicator = Indicator::on(self.spec, grid);
        for row in run.clone() {
            let Some(bar) = bars.get(row) else { continue };
            let reading = if bar.is_final { indicator.update(&bar) } else { indicator.peek(&bar) };
            if let Ok(reading) = reading {
                self.keep(row, &reading);
            }
        }
    }

    fn keep(&mut self, row: usize, reading: &Reading) {
        let count = self.outputs.len();
        if (0..count).any(|place| reading.get(place).is_none()) {
            return;
        }
        for (place, output) in self.outputs.iter_mut().enumerate() {
            output[row] = reading.get(place).unwrap_or_default();
        }
        extend(&mut self.valid, row);
        if reading.is_flat() {
            extend(&mut self.flat, row);
        }
    }
}

/// Adds a row after all others.
fn extend(ranges: &mut Vec<Range<usize>>, row: usize) {
    match ranges.last_mut() {
        Some(last) if last.end == row => last.end = row + 1,
        _ => ranges.push(row..row + 1),
    }
}

fn holds(ranges: &[Range<usize>], row: usize) -> bool {
    let after = ranges.partition_point(|range| range.end <= row);
    ranges.get(after).is_some_and(|range| range.contains(&row))
}
