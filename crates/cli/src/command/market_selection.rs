//! Selects the markets of a command: named markets must be listed; unlisted members of a universe are
//! reported once and left out, because one of them must not stop the others.

use std::collections::HashSet;

use market_backbone::{Backbone, Client, Error, SourceErrorKind};

use crate::output::note;

/// The markets of a command.
#[derive(Clone, Debug)]
pub(super) struct MarketSelection {
    /// The named markets, then members of the universe, without duplicates.
    markets: Vec<String>,
    /// The number of named markets.
    named_count: usize,
}

impl MarketSelection {
    /// Returns the named markets, and those of the universe, if one is given.
    pub(super) async fn of(
        backbone: &Backbone,
        named: Vec<String>,
        universe: Option<&str>,
    ) -> anyhow::Result<Self> {
        let mut seen = HashSet::new();
        let mut markets = named;
        markets.retain(|market| seen.insert(market.clone()));
        let named = markets.len();
        if let Some(key) = universe {
            let members = backbone.universe(key).await?;
            markets.extend(members.into_iter().filter(|market| seen.insert(market.clone())));
        }
        Ok(Self { markets, named_count: named })
    }

    /// Returns all markets.
    pub(super) fn all(&self) -> impl Iterator<Item = &str> {
        self.markets.iter().map(String::as_str)
    }

    /// Removes members that the venue does not list, and reports them.
    ///
    /// # Errors
    ///
    /// If a named market is not listed, none is left, or the venue does not answer.
    pub(super) async fn without_unlisted(mut self, client: &Client) -> anyhow::Result<Self> {
        let gone: HashSet<_> = client.unlisted(self.all()).await?.into_iter().collect();
        if gone.is_empty() {
            return Ok(self);
        }
        let named = self.markets[..self.named_count].iter().map(String::as_str);
        // The error suggests which market was meant.
        client.require(named).await?;
        let mut names: Vec<_> = gone.iter().map(String::as_str).collect();
        names.sort_unstable();
        let venue = client.venue().without_address();
        note(&format!("left out: {}; {venue} does not list it", names.join(", ")));
        self.markets.retain(|market| !gone.contains(market));
        anyhow::ensure!(!self.markets.is_empty(), "{venue} lists none of the universe's markets");
        Ok(self)
    }

    /// Returns whether `error` may go away when unlisted members are left out.
    pub(super) fn can_drop_unlisted(&self, error: &Error) -> bool {
        let is_unknown =
            matches!(error, Error::Source(error) if error.kind() == SourceErrorKind::UnknownMarket);
        is_unknown && self.named_count < self.markets.len()
    }
}
