//! The values in the answers.

use market_backbone_core::Symbol;

/// The price steps by which a market's book can be grouped.
#[derive(Clone, Debug, PartialEq)]
pub struct Grouping {
    /// The market of the book.
    pub symbol: Symbol,
    /// The price steps by which levels can be added up, in the quote currency; 0 means no grouping.
    pub steps: Vec<f64>,
}
