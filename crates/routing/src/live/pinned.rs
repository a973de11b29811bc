//! Connections named in the configuration, each with its own markets.

use market_backbone_core::Symbol;

/// A named connection, and the markets it carries whenever they are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinnedConnection {
    pub(crate) name: String,
    pub(crate) symbols: Vec<Symbol>,
}

impl PinnedConnection {
    /// Creates a connection that is called `name` in reports of its health, for these markets.
    ///
    /// A market that several connections name belongs to the first.
    #[must_use]
    pub fn new(name: impl Into<String>, symbols: impl IntoIterator<Item = Symbol>) -> Self {
        Self { name: name.into(), symbols: symbols.into_iter().collect() }
    }

    /// Returns the name of the connection.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the markets of the connection.
    #[must_use]
    pub fn symbols(&self) -> &[Symbol] {
        &self.symbols
    }
}
