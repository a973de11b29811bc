//! Connections named in the configuration, each with its own markets.

use market_backbone_core::Symbol;

/// A named connection, and the markets it carries whenever they are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinnedConnection {
    /// The name shown with the connection's health.
    pub name: String,
    /// The markets of the connection. A market that several connections name belongs to the first.
    pub symbols: Vec<Symbol>,
}
