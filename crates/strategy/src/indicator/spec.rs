//! An indicator by name: which formula, with which parameters, of which figure, and which of its outputs.

use std::fmt;

use market_backbone_core::{Grid, TimeRange, Timeframe, Timestamp};

use super::error::IndicatorError;
use super::kernel::{Formula, TaKernel};
use super::memory::{self, Memory};
use super::parameter::{self, IndicatorParameter};
use super::price_source::PriceSource;

/// The most parameters that a formula has.
const MOST_PARAMETERS: usize = 3;

/// An indicator with its parameters.
///
/// Text like `rsi(14)`, `macd(12, 26, 9).signal`, `bbands(20, 2).upper` or `sma(volume, 20)` names one, and
/// [`Display`](fmt::Display) writes text that reads back.
///
/// ```
/// use market_backbone_strategy::indicator::IndicatorSpec;
///
/// let spec: IndicatorSpec = "macd(12,26,9).signal".parse()?;
/// assert_eq!(spec.to_string(), "macd(12, 26, 9).signal");
/// assert_eq!(spec.warm_up(), 34);
/// # Ok::<(), market_backbone_strategy::indicator::IndicatorError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IndicatorSpec {
    pub(super) formula: Formula,
    // Invariant: the first `parameter_count` have been checked, the others are zero.
    values: [f64; MOST_PARAMETERS],
    pub(super) source: PriceSource,
    // Invariant: a place in the outputs of the formula.
    pub(super) output: usize,
}

impl IndicatorSpec {
    /// Returns the indicator called `name`. Parameters that are left out have their defaults.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no such indicator, if there are too many parameters, or if one is out of its range.
    pub fn named(name: &str, parameters: &[f64]) -> Result<Self, IndicatorError> {
        let formula = super::catalogue::find(name)?;
        let known = parameter::parameters(formula);
        if parameters.len() > known.len() {
            return Err(IndicatorError::too_many(formula, &known, parameters.len()));
        }
        let mut values = [0.0; MOST_PARAMETERS];
        for (place, parameter) in known.iter().enumerate() {
            let value = parameters.get(place).copied().unwrap_or(parameter.default);
            if !parameter.accepts(value) {
                return Err(IndicatorError::out_of_range(formula, parameter, value));
            }
            values[place] = value;
        }
        Ok(Self { formula, values, source: PriceSource::Close, output: 0 })
    }

    /// Returns the same indicator of another figure of the bars.
    ///
    /// # Errors
    ///
    /// Returns an error if the formula reads figures of its own, as an ATR does.
    pub fn of(self, source: PriceSource) -> Result<Self, IndicatorError> {
        if self.takes_source() {
            Ok(Self { source, ..self })
        } else {
            Err(IndicatorError::FixedInputs { name: self.name(), inputs: self.formula.inputs().join(", ") })
        }
    }

    /// Returns the same indicator with another of its outputs chosen.
    ///
    /// # Errors
    ///
    /// Returns an error if it has no output of that name.
    pub fn output(self, name: &str) -> Result<Self, IndicatorError> {
        match self.outputs().iter().position(|output| *output == name) {
            Some(output) => Ok(Self { output, ..self }),
            None => Err(IndicatorError::unknown_output(self.name(), name, self.outputs())),
        }
    }

    /// Returns the name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.formula.name()
    }

    /// Returns the names of all outputs. The first is the one that is meant where none is named.
    #[must_use]
    pub const fn outputs(&self) -> &'static [&'static str] {
        self.formula.outputs()
    }

    /// Returns the values of the parameters.
    #[must_use]
    pub fn parameters(&self) -> &[f64] {
        &self.values[..self.formula.parameter_count()]
    }

    /// Returns the names, ranges and defaults of the parameters.
    #[must_use]
    pub fn parameter_list(&self) -> Vec<IndicatorParameter> {
        parameter::parameters(self.formula)
    }

    /// Returns whether the indicator is computed on one figure of the bars, which may be chosen.
    #[must_use]
    pub fn takes_source(&self) -> bool {
        self.formula.inputs().contains(&"real")
    }

    /// Returns the number of bars without a hole that the first value needs: the reading of the last of them has it.
    ///
    /// A session VWAP needs the beginning of a day, however many bars that is: see [`bars_needed`](Self::bars_needed).
    #[must_use]
    pub fn warm_up(&self) -> usize {
        // The parameters have been checked, so that the lookback is known.
        TaKernel::lookback(self.formula, &self.values).map_or(1, |lookback| lookback.saturating_add(1))
    }

    /// Returns how the value depends on the bar at which the computation began.
    #[must_use]
    pub fn memory(&self) -> Memory {
        memory::memory(self.formula, self.parameters())
    }

    /// Returns the number of bars after which the value no longer depends on where the computation began: to 10⁻⁶ for a
    /// recursive indicator, exactly for one of a window. `None` if it always depends on it.
    #[must_use]
    pub fn settle(&self) -> Option<usize> {
        match self.memory() {
            Memory::Window => Some(self.warm_up()),
            Memory::Fades(bars) => Some(self.warm_up().saturating_add(bars as usize)),
            Memory::Lasting => None,
        }
    }

    /// Returns the number of bars of `timeframe` to ask for, so that the newest has a value that may be relied on: enough to
    /// settle, or to begin a day for a session VWAP. What never settles gets ten times its warm-up, and at least 200.
    #[must_use]
    pub fn bars_needed(&self, timeframe: Timeframe, grid: Grid) -> usize {
        if self.formula == Formula::Vwap {
            let day = TimeRange::new(Timestamp::EPOCH, grid.step(Timeframe::D1, Timestamp::EPOCH, 2));
            let slots = day.map_or(0, |day| grid.slots(timeframe, day));
            return usize::try_from(slots).unwrap_or(usize::MAX).max(1);
        }
        self.settle().unwrap_or_else(|| self.warm_up().saturating_mul(10).max(200))
    }
}

impl IndicatorSpec {
    /// Returns the text with one more argument at the end.
    pub(crate) fn with_last_argument(&self, last: &str) -> String {
        self.text_with(Some(last))
    }

    fn text_with(&self, last: Option<&str>) -> String {
        let source = (self.source != PriceSource::Close).then(|| self.source.to_string());
        let numbers = self.parameters().iter().map(f64::to_string);
        let arguments: Vec<String> =
            source.into_iter().chain(numbers).chain(last.map(str::to_owned)).collect();
        let mut text = self.name().to_owned();
        if !arguments.is_empty() {
            text.push_str(&format!("({})", arguments.join(", ")));
        }
        if self.output > 0 {
            text.push_str(&format!(".{}", self.outputs()[self.output]));
        }
        text
    }
}

impl fmt::Display for IndicatorSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text_with(None))
    }
}
