//! A print: two parties agreed on a price.

use std::fmt;

use crate::{Symbol, Timestamp};

/// Who came to whom: the side of the taker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The taker bought: an ask was lifted.
    Buy,
    /// The taker sold: a bid was hit.
    Sell,
}

impl Side {
    /// `buy` or `sell`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Buy => "buy",
            Self::Sell => "sell",
        }
    }
}

/// The venue's own name of a trade; never passed through a float.
///
/// Two trades may agree in time, price, size and side: only this tells them apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TradeId {
    /// A number, as Upbit's `sequential_id` (17 digits: more than a float can hold).
    Number(i64),
    /// A text.
    Text(Box<str>),
}

impl fmt::Display for TradeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

/// A print.
#[derive(Clone, Debug, PartialEq)]
pub struct Trade {
    /// Where.
    pub symbol: Symbol,
    /// The venue's name for it.
    pub id: TradeId,
    /// In the quote currency.
    pub price: f64,
    /// In the base currency.
    pub size: f64,
    /// The taker's side; `None` where the venue does not say.
    pub side: Option<Side>,
    /// When it happened, by the venue's clock.
    pub time: Timestamp,
    /// When we heard of it, by ours.
    pub received: Timestamp,
}
