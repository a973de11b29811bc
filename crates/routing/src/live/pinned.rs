//! Connections that the configuration names, each with the markets that are its own.

use market_backbone_core::Symbol;

/// A connection with a name, and the markets it carries whenever they are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinnedConnection {
    /// The name shown with the connection's health.
    pub name: String,
    /// Its markets. One that several connections name is the first one's.
    pub symbols: Vec<Symbol>,
}
