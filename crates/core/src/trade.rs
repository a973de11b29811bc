//! A trade: two parties agreed on a price.

use std::fmt;

use crate::{Symbol, Timestamp};

/// The taker side of a trade: which party accepted the other's offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The taker bought: an ask was lifted.
    Buy,
    /// The taker sold: a bid was hit.
    Sell,
}

impl Side {
    /// Returns `buy` or `sell`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Buy => "buy",
            Self::Sell => "sell",
        }
    }
}

/// The venue's own id of a trade; never passed through a float.
///
/// Two trades may agree in time, price, size and side. Only the id tells them apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TradeId {
    /// A number, such as Upbit's `sequential_id` (17 digits, more than a float can hold).
    Number(i64),
    /// An id that is not a number.
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

/// One executed trade of a market.
#[derive(Clone, Debug, PartialEq)]
pub struct Trade {
    /// The market of the trade.
    pub symbol: Symbol,
    /// The venue's id of the trade.
    pub id: TradeId,
    /// The price, in the quote currency.
    pub price: f64,
    /// The amount, in the base currency.
    pub size: f64,
    /// The taker's side, or `None` where the venue does not send it.
    pub side: Option<Side>,
    /// The time of the trade, by the venue's clock.
    pub time: Timestamp,
    /// The time at which the trade arrived here, by the local clock.
    pub received: Timestamp,
}
