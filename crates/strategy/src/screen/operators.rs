//! The operators between quantities.

/// A comparison of two quantities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// Less than: `<`.
    Less,
    /// Less than or equal to: `<=`.
    AtMost,
    /// Greater than: `>`.
    Greater,
    /// Greater than or equal to: `>=`.
    AtLeast,
    /// Equal to: `==`.
    Equal,
    /// Different from: `!=`.
    Different,
}

impl Comparison {
    /// Returns whether it holds between two numbers.
    #[must_use]
    pub fn holds(self, one: f64, other: f64) -> bool {
        match self {
            Self::Less => one < other,
            Self::AtMost => one <= other,
            Self::Greater => one > other,
            Self::AtLeast => one >= other,
            Self::Equal => one == other,
            Self::Different => one != other,
        }
    }

    /// Returns the sign in text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
            Self::Equal => "==",
            Self::Different => "!=",
        }
    }
}

/// A way in which two quantities make a third.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Arithmetic {
    /// The sum: `+`.
    Plus,
    /// The difference: `-`.
    Minus,
    /// The product: `*`.
    Times,
    /// The quotient: `/`.
    Over,
}

impl Arithmetic {
    pub(super) fn apply(self, one: f64, other: f64) -> f64 {
        match self {
            Self::Plus => one + other,
            Self::Minus => one - other,
            Self::Times => one * other,
            Self::Over => one / other,
        }
    }

    pub(super) const fn sign(self) -> char {
        match self {
            Self::Plus => '+',
            Self::Minus => '-',
            Self::Times => '*',
            Self::Over => '/',
        }
    }
}
