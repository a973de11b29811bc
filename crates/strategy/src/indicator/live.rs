//! An indicator that is fed bar by bar.

use market_backbone_core::{Candle, CandleColumns, Grid, Timestamp};
use ta_lib::RetCode;

use super::error::RefusedBar;
use super::flat_watch::FlatWatch;
use super::input_columns::InputColumns;
use super::kernel::{Formula, FormulaValues, Rest, TaKernel};
use super::own_kernel::{SessionVwap, Zscore};
use super::price_source::PriceSource;
use super::reading::Reading;
use super::spec::IndicatorSpec;

/// The state of the formula.
#[derive(Clone, Debug)]
enum FormulaStage {
    /// Fewer bars than the formula needs.
    Warming(Vec<Candle>),
    Ta(Box<TaKernel>),
    Vwap(SessionVwap),
    Zscore(Zscore),
}

/// An indicator that is fed bar by bar.
///
/// The policy for holes, flat prices and refused bars is that of the [module](super). Nothing is allocated while bars are
/// taken, except once when enough of them are there for the first value.
///
/// ```
/// use market_backbone_core::{Candle, Timestamp};
/// use market_backbone_strategy::indicator::Indicator;
///
/// let bar = |minute: i64, close: f64| Candle {
///     open_time: Timestamp::from_secs(minute * 60),
///     open: close, high: close, low: close, close, volume: 1.0, turnover: close, is_final: true,
/// };
/// let mut average = Indicator::new("sma(3)".parse()?);
/// assert_eq!(average.update(&bar(0, 1.0))?.value(), None);
/// assert_eq!(average.update(&bar(1, 2.0))?.value(), None);
/// assert_eq!(average.update(&bar(2, 6.0))?.value(), Some(3.0));
/// assert_eq!(average.peek(&bar(3, 10.0))?.value(), Some(6.0));
/// average.unknown_slot();
/// assert!(average.update(&bar(9, 10.0))?.is_after_hole());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Indicator {
    stage: FormulaStage,
    newest: Timestamp,
    // The bars since the start, how many the first value needs, and how many it takes to forget the start.
    seen: usize,
    warm_up: usize,
    settle: usize,
    // What every reading says until the start is forgotten; then nothing.
    marks: u8,
    outputs: u8,
    chosen: u8,
    source: PriceSource,
    flat: FlatWatch,
    spec: IndicatorSpec,
    grid: Grid,
}

impl Indicator {
    /// Returns the indicator before its first bar, with days of UTC.
    #[must_use]
    pub fn new(spec: IndicatorSpec) -> Self {
        Self::on(spec, Grid::Utc)
    }

    /// Returns the indicator before its first bar. The grid says when a day begins, which a session VWAP asks.
    #[must_use]
    pub fn on(spec: IndicatorSpec, grid: Grid) -> Self {
        let warm_up = spec.warm_up();
        Self {
            stage: start(&spec, grid, warm_up),
            newest: Timestamp::MIN,
            seen: 0,
            warm_up,
            settle: spec.settle().unwrap_or(warm_up),
            marks: Reading::WARMING | Reading::SETTLING,
            outputs: spec.outputs().len() as u8,
            chosen: spec.output as u8,
            source: spec.source,
            flat: FlatWatch::new(spec.formula, spec.parameters()),
            spec,
            grid,
        }
    }

    /// Returns what this is an indicator of.
    #[must_use]
    pub const fn spec(&self) -> &IndicatorSpec {
        &self.spec
    }

    /// Takes a closed bar. A slot that is proven to be empty is no bar: say nothing about it.
    ///
    /// # Errors
    ///
    /// Returns an error, and takes nothing, if the bar is still forming, if it is not newer than the last one, or if a
    /// figure that the formula reads is not finite.
    #[inline]
    pub fn update(&mut self, bar: &Candle) -> Result<Reading, RefusedBar> {
        if bar.open_time <= self.newest || !bar.is_final {
            return Err(self.refusal(bar));
        }
        let mut rest = [0.0; 2];
        let taken = match &mut self.stage {
            FormulaStage::Ta(kernel) => kernel.update(bar, self.source, &mut rest),
            _ => self.update_other(bar, &mut rest),
        };
        let Some(first) = taken else {
            return Err(RefusedBar::NotFinite(bar.open_time));
        };
        self.newest = bar.open_time;
        self.seen += 1;
        if self.marks != 0 {
            self.marks = self.marks_at(self.seen);
        }
        let flat = self.flat.take(bar, self.source);
        Ok(self.reading(FormulaValues::new(first, rest), self.marks, flat))
    }

    fn update_other(&mut self, bar: &Candle, rest: &mut Rest) -> Option<f64> {
        match &mut self.stage {
            FormulaStage::Vwap(vwap) => vwap.update(bar),
            FormulaStage::Zscore(zscore) => zscore.update(self.source.of(bar)),
            FormulaStage::Ta(_) | FormulaStage::Warming(_) => self.warm(bar, rest),
        }
    }

    /// What a reading says after `seen` bars.
    const fn marks_at(&self, seen: usize) -> u8 {
        if seen >= self.settle {
            0
        } else if seen >= self.warm_up {
            self.marks & !Reading::WARMING
        } else {
            self.marks
        }
    }

    /// Evaluates a bar that has not closed, or one that might come next, without taking it.
    ///
    /// # Errors
    ///
    /// Returns an error if the bar is not newer than the last one, or if a figure that the formula reads is not finite.
    pub fn peek(&self, bar: &Candle) -> Result<Reading, RefusedBar> {
        if bar.open_time <= self.newest {
            return Err(self.refusal(bar));
        }
        let mut rest = [0.0; 2];
        let first = match &self.stage {
            FormulaStage::Ta(kernel) => kernel.peek(bar, self.source, &mut rest),
            FormulaStage::Vwap(vwap) => { *vwap }.update(bar),
            FormulaStage::Zscore(zscore) => zscore.peek(self.source.of(bar)),
            FormulaStage::Warming(_) => self.clone().warm(bar, &mut rest),
        };
        let first = first.ok_or(RefusedBar::NotFinite(bar.open_time))?;
        let flat = { self.flat }.take(bar, self.source);
        Ok(self.reading(FormulaValues::new(first, rest), self.marks_at(self.seen + 1), flat))
    }

    /// Begins anew, because a slot after the last bar is unknown. Readings say so until the new start is forgotten.
    pub fn unknown_slot(&mut self) {
        if self.seen > 0 {
            self.marks = Reading::WARMING | Reading::SETTLING | Reading::AFTER_HOLE;
            self.stage = start(&self.spec, self.grid, self.warm_up);
            self.seen = 0;
            self.flat.reset();
        }
    }

    /// Returns the number of bars taken since the start or the last unknown slot.
    #[must_use]
    pub const fn bars_seen(&self) -> usize {
        self.seen
    }

    fn refusal(&self, bar: &Candle) -> RefusedBar {
        if bar.open_time <= self.newest {
            RefusedBar::NotNewer { bar: bar.open_time, newest: self.newest }
        } else {
            RefusedBar::Forming(bar.open_time)
        }
    }

    /// Keeps a bar until there are enough, and opens the formula on them.
    #[cold]
    fn warm(&mut self, bar: &Candle, rest: &mut Rest) -> Option<f64> {
        let FormulaStage::Warming(kept) = &mut self.stage else {
            return None;
        };
        let one = CandleColumns::from([*bar]);
        let real = self.source.column(&one);
        if !InputColumns::of(&one, &real, 0..1).are_finite_for(self.spec.formula) {
            return None;
        }
        kept.push(*bar);
        if kept.len() < self.warm_up {
            return Some(0.0);
        }
        let bars: CandleColumns = kept.iter().collect();
        let real = self.source.column(&bars);
        let inputs = InputColumns::of(&bars, &real, 0..bars.len());
        match TaKernel::open(self.spec.formula, &inputs, self.spec.parameters(), rest) {
            Ok((kernel, first)) => {
                self.stage = FormulaStage::Ta(Box::new(kernel));
                Some(first)
            }
            // Cannot happen with checked parameters and finite bars; then there is no value.
            Err(RetCode::InsufficientHistory | _) => Some(f64::NAN),
        }
    }

    #[inline]
    const fn reading(&self, values: FormulaValues, marks: u8, flat: bool) -> Reading {
        let flat = if flat && marks & Reading::WARMING == 0 { Reading::FLAT } else { 0 };
        Reading { values, outputs: self.outputs, chosen: self.chosen, flags: marks | flat }
    }
}

fn start(spec: &IndicatorSpec, grid: Grid, warm_up: usize) -> FormulaStage {
    match spec.formula {
        Formula::Vwap => FormulaStage::Vwap(SessionVwap::new(grid)),
        Formula::Zscore => FormulaStage::Zscore(Zscore::new(warm_up)),
        _ => FormulaStage::Warming(Vec::with_capacity(warm_up)),
    }
}
