//! An indicator that is fed bar by bar.

use market_backbone_core::{Candle, CandleColumns, Grid, Timestamp};
use ta_lib::RetCode;

use super::error::RefusedBar;
use super::flat_watch::FlatWatch;
use super::input_columns::InputColumns;
use super::kernel::{Formula, TaKernel, Values};
use super::own_kernel::{SessionVwap, Zscore};
use super::reading::Reading;
use super::spec::IndicatorSpec;

/// The state of the formula.
#[derive(Clone, Debug)]
enum Stage {
    /// Fewer bars than the formula needs.
    Warming(Vec<Candle>),
    Ta(TaKernel),
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
    stage: Stage,
    newest: Timestamp,
    spec: IndicatorSpec,
    grid: Grid,
    warm_up: usize,
    // The bars since the start, and how many of them it takes to forget it.
    seen: usize,
    settle: usize,
    flat: FlatWatch,
    after_hole: bool,
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
            spec,
            grid,
            warm_up,
            seen: 0,
            settle: spec.settle().unwrap_or(warm_up),
            flat: FlatWatch::new(spec.formula, spec.parameters()),
            after_hole: false,
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
        let taken = match &mut self.stage {
            Stage::Ta(kernel) => kernel.update(bar, self.spec.source).ok(),
            Stage::Vwap(vwap) => vwap.update(bar),
            Stage::Zscore(zscore) => zscore.update(self.spec.source.of(bar)),
            Stage::Warming(_) => self.warm(bar),
        };
        let Some(values) = taken else {
            return Err(RefusedBar::NotFinite(bar.open_time));
        };
        self.newest = bar.open_time;
        self.seen += 1;
        let flat = self.flat.take(bar, self.spec.source);
        if self.seen >= self.settle {
            self.after_hole = false;
        }
        Ok(self.reading(values, self.seen, flat))
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
        let values = match &self.stage {
            Stage::Ta(kernel) => kernel.peek(bar, self.spec.source).ok(),
            Stage::Vwap(vwap) => { *vwap }.update(bar),
            Stage::Zscore(zscore) => zscore.peek(self.spec.source.of(bar)),
            Stage::Warming(_) => self.clone().warm(bar),
        };
        let values = values.ok_or(RefusedBar::NotFinite(bar.open_time))?;
        let flat = { self.flat }.take(bar, self.spec.source);
        Ok(self.reading(values, self.seen + 1, flat))
    }

    /// Begins anew, because a slot after the last bar is unknown. Readings say so until the new start is forgotten.
    pub fn unknown_slot(&mut self) {
        if self.seen > 0 || self.after_hole {
            self.after_hole = true;
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
    fn warm(&mut self, bar: &Candle) -> Option<Values> {
        let Stage::Warming(kept) = &mut self.stage else {
            return None;
        };
        let one = CandleColumns::from([*bar]);
        let real = self.spec.source.column(&one);
        if !InputColumns::of(&one, &real, 0..1).are_finite_for(self.spec.formula) {
            return None;
        }
        kept.push(*bar);
        if kept.len() < self.warm_up {
            return Some([0.0; 3]);
        }
        let bars: CandleColumns = kept.iter().collect();
        let real = self.spec.source.column(&bars);
        let inputs = InputColumns::of(&bars, &real, 0..bars.len());
        match TaKernel::open(self.spec.formula, &inputs, self.spec.parameters()) {
            Ok((kernel, values)) => {
                self.stage = Stage::Ta(kernel);
                Some(values)
            }
            // Cannot happen with checked parameters and finite bars; then there is no value.
            Err(RetCode::InsufficientHistory | _) => Some([f64::NAN; 3]),
        }
    }

    #[inline]
    fn reading(&self, values: Values, seen: usize, flat: bool) -> Reading {
        let flag = |bit: u8, set: bool| if set { bit } else { 0 };
        Reading {
            values,
            outputs: self.spec.outputs().len() as u8,
            chosen: self.spec.output as u8,
            flags: flag(Reading::WARMING, seen < self.warm_up)
                | flag(Reading::FLAT, flat && seen >= self.warm_up)
                | flag(Reading::SETTLING, seen < self.settle)
                | flag(Reading::AFTER_HOLE, self.after_hole),
        }
    }
}

fn start(spec: &IndicatorSpec, grid: Grid, warm_up: usize) -> Stage {
    match spec.formula {
        Formula::Vwap => Stage::Vwap(SessionVwap::new(grid)),
        Formula::Zscore => Stage::Zscore(Zscore::new(warm_up)),
        _ => Stage::Warming(Vec::with_capacity(warm_up)),
    }
}
