//! The instruments a venue lists.

use crate::Symbol;

/// A market that a venue lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instrument {
    /// The market's code at the venue.
    pub symbol: Symbol,
    /// The asset that is priced: `BTC` in `KRW-BTC`.
    pub base: String,
    /// The currency of the price: `KRW` in `KRW-BTC`.
    pub quote: String,
    /// The base's name in English, as the venue writes it.
    pub name: String,
    /// The base's name in the venue's own language, where it has one.
    pub local_name: Option<String>,
    /// `true` if the venue warns its users about this market.
    pub warning: bool,
}

/// The price increment (tick size) of a market.
#[derive(Clone, Debug, PartialEq)]
pub struct PriceIncrement {
    /// The market with this increment.
    pub symbol: Symbol,
    /// The smallest step of the price now, in the quote currency. Past prices need not fit it.
    pub tick_size: f64,
}
