//! Strategies that can be run by name, each in one file that also serves as an example.

mod sma_cross;

use rust_decimal::Decimal;

pub use self::sma_cross::{ParameterError, SmaCross};

/// The names of the strategies, with what each does.
pub const NAMES: [(&str, &str); 1] = [(
    "sma-cross",
    "buys when the fast average of closes crosses above the slow one, and sells when it crosses below",
)];

/// The amount that a strategy buys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sizing {
    /// All that the cash pays for at the price of the fill, fee included. It needs a broker that shrinks orders to the
    /// cash ([`ShortOfCash::Shrink`](crate::paper::ShortOfCash::Shrink)), because the price is not known before.
    AllIn,
    /// A fixed amount, in the base currency.
    Quantity(Decimal),
}
