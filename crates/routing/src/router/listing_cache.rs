//! Finds out whether the venue lists a market, where the venue answers requests for unknown markets as if
//! nobody had traded them.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::future::try_join_all;
use market_backbone_core::{HttpCall, Priority, SourceError, SourceErrorKind, Symbol};
use rustc_hash::FxHashMap;
use tokio::time::Instant;

use super::RouterInner;

/// The largest number of entries: more than any venue lists; beyond it, everything is requested anew.
const MAX_ENTRIES: usize = 65_536;
/// The time for which a market counts as listed, now or earlier.
const LISTED_TTL: Duration = Duration::from_secs(12 * 3_600);
/// The time for which a market counts as unlisted: an error of the venue, or the day of its listing, is soon
/// over.
const UNLISTED_TTL: Duration = Duration::from_secs(60);
/// The number of markets up to which they are looked up one by one. For more, the whole list costs less.
const MAX_SINGLE_LOOKUPS: usize = 5;

/// The known markets, listed and unlisted.
#[derive(Debug, Default)]
pub(super) struct ListingCache(Mutex<FxHashMap<Symbol, (Instant, bool)>>);

impl ListingCache {
    fn get(&self, symbol: &Symbol) -> Option<bool> {
        let names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, is_listed) = *names.get(symbol)?;
        let lasts = if is_listed { LISTED_TTL } else { UNLISTED_TTL };
        (since.elapsed() < lasts).then_some(is_listed)
    }

    /// Records that the venue lists the market, or has listed it; or that it never did.
    pub(super) fn note(&self, symbol: &Symbol, is_listed: bool) {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if names.len() >= MAX_ENTRIES && !names.contains_key(symbol) {
            names.clear();
        }
        names.insert(symbol.clone(), (Instant::now(), is_listed));
    }
}

impl RouterInner {
    /// Returns whether an empty reply about `symbol` is about a market that exists, or existed.
    ///
    /// # Errors
    ///
    /// [`UnknownMarket`](SourceErrorKind::UnknownMarket) if it does not exist. If that cannot be found out,
    /// the result is `Ok(false)`.
    pub(super) async fn confirm_listed(
        &self,
        symbol: &Symbol,
        priority: Priority,
    ) -> Result<bool, SourceError> {
        match self.is_listed(symbol, priority).await {
            Ok(true) => Ok(true),
            Ok(false) => {
                let venue = self.venue.capabilities().venue;
                let message = format!("unknown market {symbol} on {venue}");
                Err(SourceError::new(SourceErrorKind::UnknownMarket, message).at_venue(venue))
            }
            Err(error) if error.kind() == SourceErrorKind::Closed => Err(error),
            Err(error) => {
                tracing::warn!(%symbol, %error, "a reply is empty, and the venue does not say whether it lists the market");
                Ok(false)
            }
        }
    }

    /// Returns whether the venue lists the market, or ever did.
    ///
    /// A venue that refuses requests for unlisted markets need not be asked.
    async fn is_listed(&self, symbol: &Symbol, priority: Priority) -> Result<bool, SourceError> {
        let lookups = self.venue.listing_lookups(symbol);
        if lookups.is_empty() {
            return Ok(true);
        }
        if let Some(known) = self.listing_cache.get(symbol) {
            return Ok(known);
        }
        let mut is_listed =
            self.cached_markets().is_some_and(|all| all.iter().any(|one| one.symbol == *symbol));
        for lookup in lookups {
            is_listed = is_listed || self.lookup_finds(lookup, symbol, priority).await?;
        }
        self.listing_cache.note(symbol, is_listed);
        Ok(is_listed)
    }

    async fn lookup_finds(
        &self,
        lookup: HttpCall,
        symbol: &Symbol,
        priority: Priority,
    ) -> Result<bool, SourceError> {
        for page in self.rest.call_shared(lookup, priority, None).await?.payload {
            let listed = self.venue.decode_markets(&page.body)?;
            if listed.iter().any(|market| market.symbol.code() == symbol.code()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns those of `symbols` that the venue does not list now.
    pub(super) async fn unlisted(
        &self,
        symbols: &[Symbol],
        priority: Priority,
    ) -> Result<Vec<Symbol>, SourceError> {
        let open: Vec<_> =
            symbols.iter().filter(|symbol| self.listing_cache.get(symbol) != Some(true)).collect();
        let lookups: Vec<_> = open
            .iter()
            .filter_map(|symbol| Some((*symbol, self.venue.listing_lookups(symbol).into_iter().next()?)))
            .collect();
        let is_cheap = lookups.len() == open.len()
            && open.len() <= MAX_SINGLE_LOOKUPS
            && self.cached_markets().is_none();
        let found: Vec<bool> = if is_cheap {
            let lookups = lookups.into_iter();
            try_join_all(lookups.map(|(symbol, lookup)| self.lookup_finds(lookup, symbol, priority))).await?
        } else {
            let listed = self.markets(priority).await?;
            open.iter().map(|symbol| listed.iter().any(|market| market.symbol == **symbol)).collect()
        };
        let mut unlisted = Vec::new();
        for (symbol, is_listed) in open.into_iter().zip(found) {
            if is_listed {
                self.listing_cache.note(symbol, true);
            } else {
                unlisted.push(symbol.clone());
            }
        }
        Ok(unlisted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use market_backbone_core::VenueId;

    #[tokio::test(start_paused = true)]
    async fn a_name_is_remembered_for_a_while_and_an_unknown_one_only_briefly() {
        let symbol = |code: &str| Symbol::new(VenueId::new("fake"), code).unwrap();
        let names = ListingCache::default();
        names.note(&symbol("A"), true);
        names.note(&symbol("B"), false);
        assert_eq!(
            (names.get(&symbol("A")), names.get(&symbol("B")), names.get(&symbol("C"))),
            (Some(true), Some(false), None)
        );
        tokio::time::advance(UNLISTED_TTL).await;
        assert_eq!((names.get(&symbol("A")), names.get(&symbol("B"))), (Some(true), None));
        tokio::time::advance(LISTED_TTL).await;
        assert_eq!(names.get(&symbol("A")), None);
    }
}
