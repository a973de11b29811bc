//! What a venue lists.

use crate::Symbol;

/// A market that a venue lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instrument {
    /// Its code.
    pub symbol: Symbol,
    /// What is priced: `BTC` in `KRW-BTC`.
    pub base: String,
    /// What it is priced in: `KRW` in `KRW-BTC`.
    pub quote: String,
    /// The base's name in English, as the venue writes it.
    pub name: String,
    /// The base's name in the venue's own language, where it has one.
    pub local_name: Option<String>,
    /// Whether the venue warns its users of this market.
    pub warning: bool,
}

/// How a market's prices are stepped.
#[derive(Clone, Debug, PartialEq)]
pub struct PriceIncrement {
    /// Which market.
    pub symbol: Symbol,
    /// The smallest step of its price now, in the quote currency. Past prices need not fit it.
    pub tick_size: f64,
}
