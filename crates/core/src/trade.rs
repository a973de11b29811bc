//! A trade: two parties agreed on a price.

mod trade_id;

pub use self::trade_id::{TradeId, TradeIdText};

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

/// One trade of a market.
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
