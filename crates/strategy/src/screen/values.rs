//! Values that a screen takes from elsewhere, by name.

use market_backbone_core::{CandleSet, Grid, Timeframe};

/// Values by name that a screen may ask for beside its indicators: scores, and whatever a program computes itself.
pub trait NamedValues {
    /// Returns the names, and for each the timeframe that is meant where a text names none.
    fn names(&self) -> Vec<(&str, Timeframe)>;

    /// Returns the number of bars that the value `name` is computed from.
    fn bars_needed(&self, name: &str) -> usize;

    /// Computes the value `name` from bars, of which the newest is the last.
    ///
    /// # Errors
    ///
    /// Returns the reason, in words, if there is no value: then it is unknown whether the market meets the condition.
    fn value(&self, name: &str, bars: &CandleSet, grid: Grid) -> Result<f64, String>;
}

/// No values: a screen of indicators and prices alone.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoValues;

impl NamedValues for NoValues {
    fn names(&self) -> Vec<(&str, Timeframe)> {
        Vec::new()
    }

    fn bars_needed(&self, _: &str) -> usize {
        0
    }

    fn value(&self, name: &str, _: &CandleSet, _: Grid) -> Result<f64, String> {
        Err(format!("nobody computes {name}"))
    }
}
