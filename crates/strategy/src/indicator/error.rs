//! Why a text or a list of parameters names no indicator, and why a bar was refused.

use std::fmt;

use market_backbone_core::Timestamp;

use super::kernel::Formula;
use super::parameter::IndicatorParameter;

/// The reason why a text or a list of parameters names no indicator.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum IndicatorError {
    /// No indicator has this name.
    UnknownName {
        /// The name that was given.
        name: String,
        /// The name that was probably meant.
        nearest: Option<String>,
        /// All names.
        known: Vec<&'static str>,
    },
    /// The indicator has no output of this name.
    UnknownOutput {
        /// The indicator.
        indicator: &'static str,
        /// The name that was given.
        output: String,
        /// All its outputs.
        known: &'static [&'static str],
    },
    /// There are more parameters than the indicator has.
    TooManyParameters {
        /// The indicator.
        indicator: &'static str,
        /// The number of parameters that were given.
        given: usize,
        /// The names of the parameters that it has.
        names: Vec<String>,
    },
    /// A parameter is out of its range.
    OutOfRange {
        /// The indicator.
        indicator: &'static str,
        /// The parameter.
        parameter: IndicatorParameter,
        /// The value that was given.
        value: f64,
    },
    /// The indicator reads figures of its own, and none can be chosen.
    FixedInputs {
        /// The indicator.
        name: &'static str,
        /// The figures that it reads.
        inputs: String,
    },
    /// The text is not in the form `name(1, 2).output`.
    Syntax {
        /// The place of the fault, in bytes.
        at: usize,
        /// The fault that is there.
        message: String,
    },
}

impl IndicatorError {
    pub(super) fn too_many(formula: Formula, known: &[IndicatorParameter], given: usize) -> Self {
        let names = known.iter().map(|parameter| parameter.name.clone()).collect();
        Self::TooManyParameters { indicator: formula.name(), given, names }
    }

    pub(super) fn out_of_range(formula: Formula, parameter: &IndicatorParameter, value: f64) -> Self {
        Self::OutOfRange { indicator: formula.name(), parameter: parameter.clone(), value }
    }

    pub(super) fn unknown_output(
        indicator: &'static str,
        output: &str,
        known: &'static [&'static str],
    ) -> Self {
        Self::UnknownOutput { indicator, output: output.to_owned(), known }
    }
}

impl fmt::Display for IndicatorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownName { name, nearest: Some(nearest), .. } => {
                write!(f, "no indicator is called {name:?}; did you mean {nearest:?}?")
            }
            Self::UnknownName { name, known, .. } => {
                write!(f, "no indicator is called {name:?}; there are {}", known.join(", "))
            }
            Self::UnknownOutput { indicator, output, known } => {
                write!(f, "{indicator} has no output {output:?}; it has {}", known.join(", "))
            }
            Self::TooManyParameters { indicator, given, names } if names.is_empty() => {
                write!(f, "{indicator} has no parameters, and {given} were given")
            }
            Self::TooManyParameters { indicator, given, names } => {
                write!(
                    f,
                    "{indicator} was given {given} parameters; it has {}: {}",
                    names.len(),
                    names.join(", ")
                )
            }
            Self::OutOfRange { indicator, parameter, value } => {
                let IndicatorParameter { name, min, max, default, whole } = parameter;
                let kind = if *whole { "a whole number" } else { "a number" };
                write!(
                    f,
                    "the {name} of {indicator} must be {kind} from {min} to {max}, not {value} (usual: {default})"
                )
            }
            Self::FixedInputs { name, inputs } => {
                write!(f, "{name} is computed from {inputs}; it cannot be computed from another figure")
            }
            Self::Syntax { at, message } => write!(f, "at character {}: {message}", at + 1),
        }
    }
}

impl std::error::Error for IndicatorError {}

/// The reason why a bar was refused. The indicator is as it was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RefusedBar {
    /// A figure that the indicator reads is not finite.
    #[error("the bar of {0} has a figure that is not a finite number; it is left out")]
    NotFinite(Timestamp),
    /// The bar is not newer than the last one.
    #[error(
        "the bar of {bar} does not follow that of {newest}; begin a new indicator to compute the past anew"
    )]
    NotNewer {
        /// The open time of the bar.
        bar: Timestamp,
        /// The open time of the last bar that was taken.
        newest: Timestamp,
    },
    /// The bar has not closed yet.
    #[error("the bar of {0} is still forming; `peek` evaluates it without taking it")]
    Forming(Timestamp),
}
