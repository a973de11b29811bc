//! What the answers hold.

use market_backbone_core::Symbol;

/// How coarsely a market's book can be told.
#[derive(Clone, Debug, PartialEq)]
pub struct Grouping {
    /// Which market.
    pub symbol: Symbol,
    /// By which steps of price its levels can be added up, in the quote currency; 0 is not at all.
    pub steps: Vec<f64>,
}
