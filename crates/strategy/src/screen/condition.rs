//! Conditions and quantities: what a text is parsed into, and what a program builds directly.

use std::fmt;
use std::ops;

use market_backbone_core::Timeframe;

use super::operators::{Arithmetic, Comparison};
use super::term::{DEFAULT_TIMEFRAME, Measure, ScreenTerm};
use crate::indicator::{IndicatorSpec, PriceSource};

/// A number that a screen computes for a market.
///
/// ```
/// use market_backbone_core::Timeframe;
/// use market_backbone_strategy::indicator::PriceSource;
/// use market_backbone_strategy::screen::Quantity;
///
/// let rsi = Quantity::indicator("rsi(14)".parse()?, Timeframe::M15);
/// let turnover = Quantity::figure(PriceSource::Turnover, Timeframe::D1);
/// let condition = rsi.below(30.0) & turnover.above(1e9);
/// assert_eq!(condition.to_string(), "(rsi(14, 15m) < 30 && turnover(1d) > 1000000000)");
/// # Ok::<(), market_backbone_strategy::indicator::IndicatorError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Quantity {
    /// A number as it stands.
    Number(f64),
    /// Something read from the market.
    Term(ScreenTerm),
    /// The negative of a quantity.
    Negative(Box<Self>),
    /// Two quantities, and what is done with them.
    Computed(Arithmetic, Box<Self>, Box<Self>),
}

impl Quantity {
    /// Returns the value of an indicator.
    #[must_use]
    pub const fn indicator(spec: IndicatorSpec, timeframe: Timeframe) -> Self {
        Self::Term(ScreenTerm::new(Measure::Indicator(spec), timeframe))
    }

    /// Returns a figure of the newest bar.
    #[must_use]
    pub const fn figure(figure: PriceSource, timeframe: Timeframe) -> Self {
        Self::Term(ScreenTerm::new(Measure::Figure(figure), timeframe))
    }

    /// Returns a value that the caller knows, by its name.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        Self::Term(ScreenTerm::new(Measure::Named(name.into()), DEFAULT_TIMEFRAME))
    }

    /// Returns the condition that this is less than `other`.
    #[must_use]
    pub fn below(self, other: impl Into<Self>) -> ScreenCondition {
        ScreenCondition::Compared(Comparison::Less, self, other.into())
    }

    /// Returns the condition that this is greater than `other`.
    #[must_use]
    pub fn above(self, other: impl Into<Self>) -> ScreenCondition {
        ScreenCondition::Compared(Comparison::Greater, self, other.into())
    }

    pub(super) fn visit<'a>(&'a self, visit: &mut impl FnMut(&'a ScreenTerm)) {
        match self {
            Self::Number(_) => {}
            Self::Term(term) => visit(term),
            Self::Negative(inner) => inner.visit(visit),
            Self::Computed(_, one, other) => {
                one.visit(visit);
                other.visit(visit);
            }
        }
    }
}

impl From<f64> for Quantity {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

macro_rules! arithmetic {
    ($($operator:ident $method:ident $kind:ident;)+) => {
        $(impl ops::$operator for Quantity {
            type Output = Self;

            fn $method(self, other: Self) -> Self {
                Self::Computed(Arithmetic::$kind, Box::new(self), Box::new(other))
            }
        })+
    };
}

arithmetic! { Add add Plus; Sub sub Minus; Mul mul Times; Div div Over; }

impl ops::Neg for Quantity {
    type Output = Self;

    fn neg(self) -> Self {
        Self::Negative(Box::new(self))
    }
}

/// A condition that a market meets, does not meet, or of which it is unknown whether it meets it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ScreenCondition {
    /// Two quantities, and how they are compared.
    Compared(Comparison, Quantity, Quantity),
    /// Two conditions of which both must hold.
    Both(Box<Self>, Box<Self>),
    /// Two conditions of which one must hold, or both.
    Either(Box<Self>, Box<Self>),
    /// The contrary of a condition.
    Not(Box<Self>),
}

impl ScreenCondition {
    pub(super) fn visit<'a>(&'a self, visit: &mut impl FnMut(&'a ScreenTerm)) {
        match self {
            Self::Compared(_, one, other) => {
                one.visit(visit);
                other.visit(visit);
            }
            Self::Both(one, other) | Self::Either(one, other) => {
                one.visit(visit);
                other.visit(visit);
            }
            Self::Not(inner) => inner.visit(visit),
        }
    }
}

impl ops::BitAnd for ScreenCondition {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self::Both(Box::new(self), Box::new(other))
    }
}

impl ops::BitOr for ScreenCondition {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self::Either(Box::new(self), Box::new(other))
    }
}

impl ops::Not for ScreenCondition {
    type Output = Self;

    fn not(self) -> Self {
        Self::Not(Box::new(self))
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Term(term) => write!(f, "{term}"),
            Self::Negative(inner) => write!(f, "-{inner}"),
            Self::Computed(kind, one, other) => write!(f, "({one} {} {other})", kind.sign()),
        }
    }
}

impl fmt::Display for ScreenCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compared(kind, one, other) => write!(f, "{one} {} {other}", kind.as_str()),
            Self::Both(one, other) => write!(f, "({one} && {other})"),
            Self::Either(one, other) => write!(f, "({one} || {other})"),
            Self::Not(inner) => write!(f, "!({inner})"),
        }
    }
}
