//! What is to be asked about: markets that were named must be listed; members of a universe that are not are told once
//! and left out, for one that is gone is no fault of the others.

use std::collections::HashSet;

use market_backbone::{Backbone, Client, Error, SourceErrorKind};

use crate::output::note;

/// The markets of a command.
#[derive(Clone, Debug)]
pub(super) struct MarketSelection {
    /// Those that were named, then members of the universe; each once.
    markets: Vec<String>,
    /// How many were named.
    named_count: usize,
}

impl MarketSelection {
    /// The markets named, and those of the universe, if one is.
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

    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = &str> {
        self.markets.iter().map(String::as_str)
    }

    /// Leaves out members that the venue does not list, and says so.
    ///
    /// # Errors
    ///
    /// If one that was named is not listed, none is left, or the venue does not say.
    pub(super) async fn without_unlisted(mut self, client: &Client) -> anyhow::Result<Self> {
        let gone: HashSet<_> = client.unlisted(self.all()).await?.into_iter().collect();
        if gone.is_empty() {
            return Ok(self);
        }
        let named = self.markets[..self.named_count].iter().map(String::as_str);
        // Which was meant is looked for there.
        client.require(named).await?;
        let mut told: Vec<_> = gone.iter().map(String::as_str).collect();
        told.sort_unstable();
        let venue = client.venue().without_address();
        note(&format!("left out: {}; {venue} does not list it", told.join(", ")));
        self.markets.retain(|market| !gone.contains(market));
        anyhow::ensure!(!self.markets.is_empty(), "{venue} lists none of the universe's markets");
        Ok(self)
    }

    /// Whether `error` may go away when members that are not listed are left out.
    pub(super) fn can_drop_unlisted(&self, error: &Error) -> bool {
        let is_unknown =
            matches!(error, Error::Source(error) if error.kind() == SourceErrorKind::UnknownMarket);
        is_unknown && self.named_count < self.markets.len()
    }
}
