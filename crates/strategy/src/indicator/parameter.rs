//! The parameters of the formulas: their names, ranges and defaults.

use ta_lib::abstract_api::{OptInputInfo, OptInputType};

use super::kernel::Formula;

/// A parameter of an indicator.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct IndicatorParameter {
    /// The name in messages, like `fast period`.
    pub name: String,
    /// The smallest value.
    pub min: f64,
    /// The largest value.
    pub max: f64,
    /// The value that is meant where none is given.
    pub default: f64,
    /// `true` if only whole numbers are taken.
    pub whole: bool,
}

impl IndicatorParameter {
    /// Returns whether `value` may be given.
    #[must_use]
    pub fn accepts(&self, value: f64) -> bool {
        value.is_finite() && self.min <= value && value <= self.max && !(self.whole && value.fract() != 0.0)
    }

    fn of_ta(info: &OptInputInfo) -> Option<Self> {
        let (min, max, default, whole) = match info.kind {
            OptInputType::IntegerRange { min, max, default, .. } => {
                (f64::from(min), f64::from(max), f64::from(default), true)
            }
            // TA-Lib's own limits are numbers of 38 digits.
            OptInputType::RealRange { min, max, default, .. } => {
                (min.max(-1e6), max.min(1e6), default, false)
            }
            OptInputType::RealList { .. } | OptInputType::IntegerList { .. } => return None,
        };
        let name = info.display_name.to_lowercase().replace("time period", "period");
        Some(Self { name, min, max, default, whole })
    }
}

/// Returns the parameters of `formula` that a user may set. Kinds of averages and second copies of a number are fixed.
pub(super) fn parameters(formula: Formula) -> Vec<IndicatorParameter> {
    let Some(id) = formula.ta_id() else {
        let period = IndicatorParameter {
            name: "period".to_owned(),
            min: 2.0,
            max: 100_000.0,
            default: 20.0,
            whole: true,
        };
        return vec![period].into_iter().take(formula.parameter_count()).collect();
    };
    let infos = id.info().opt_inputs.iter().filter_map(IndicatorParameter::of_ta);
    let mut parameters: Vec<_> = infos.take(formula.parameter_count()).collect();
    for (parameter, default) in parameters.iter_mut().zip(usual_defaults(formula)) {
        parameter.default = *default;
    }
    parameters
}

/// Returns the defaults that charts use where TA-Lib has others.
const fn usual_defaults(formula: Formula) -> &'static [f64] {
    match formula {
        Formula::Stoch => &[14.0, 3.0, 3.0],
        Formula::Stochf => &[14.0, 3.0],
        Formula::Stochrsi => &[14.0, 14.0, 3.0],
        Formula::Kama => &[10.0],
        Formula::Stddev | Formula::Var | Formula::Cci => &[20.0],
        _ => &[],
    }
}
