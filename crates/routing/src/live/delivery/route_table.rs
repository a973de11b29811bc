//! Where the events of each market go: its entry in the cache, and its readers.
//!
//! Both are looked up by the text of a symbol once, and then by the index that the symbol carries, until the cache or the
//! readers change.

use std::sync::Arc;

use market_backbone_core::{FeedEvent, StreamKind, Symbol};

use crate::live::cache::stale_filter::FrameArrival;
use crate::live::cache::{CachedMarket, CachedMarkets, RealtimeCache, RecordOutcome};
use crate::live::fanout::{Fanout, Subscriber, SubscriberTable};

/// The routes of all markets of a connection.
#[derive(Debug, Default)]
pub(super) struct RouteTable {
    /// By the [indexes](Symbol::table_index) of the symbols.
    routes: Vec<EventRoute>,
    /// The route of a symbol without an index, made anew for each event.
    other: EventRoute,
    markets: Arc<CachedMarkets>,
    subscribers: Arc<SubscriberTable>,
    /// Counts the changes of the cache's entries.
    markets_version: u64,
    /// Counts the changes of the readers.
    subscribers_version: u64,
}

/// The route of one market.
#[derive(Debug, Default)]
struct EventRoute {
    symbol: Option<Symbol>,
    /// The entry of the market, if it is followed by name.
    named: Option<Arc<CachedMarket>>,
    /// The entry of the market as one of all markets, if it is followed so.
    unnamed: Option<Arc<CachedMarket>>,
    markets_version: u64,
    /// The readers of each kind of event that has come.
    readers: Vec<(StreamKind, Vec<Subscriber>)>,
    subscribers_version: u64,
}

impl RouteTable {
    /// Begins to record: notices whether the entries of the cache have changed.
    pub(super) fn renew_markets(&mut self, cache: &RealtimeCache) {
        if let Some(markets) = cache.markets_after(&self.markets) {
            self.markets = markets;
            self.markets_version += 1;
        }
    }

    /// Begins to deliver: notices whether the readers have changed.
    pub(super) fn renew_subscribers(&mut self, fanout: &Fanout) {
        if let Some(subscribers) = fanout.table_after(&self.subscribers) {
            self.subscribers = subscribers;
            self.subscribers_version += 1;
        }
    }

    /// Stores a run in the cache: one event, or trades of a market in a row. Adds the outcome of each to `outcomes`.
    pub(super) fn record(
        &mut self,
        cache: &RealtimeCache,
        run: &[FeedEvent],
        arrival: FrameArrival,
        outcomes: &mut Vec<RecordOutcome>,
    ) {
        let begun = outcomes.len();
        if let Some((symbol, kind)) = run.first().and_then(FeedEvent::channel) {
            let route = route(&mut self.routes, &mut self.other, symbol);
            if route.markets_version != self.markets_version {
                route.markets_version = self.markets_version;
                (route.named, route.unnamed) = (self.markets.get(symbol).cloned(), None);
            }
            let known = [&route.named, &route.unnamed];
            let is_stored =
                known.into_iter().flatten().any(|market| market.record_all(run, arrival, outcomes));
            if !is_stored && let Some(market) = cache.wildcard_market(&self.markets, symbol, kind) {
                market.record_all(run, arrival, outcomes);
                route.unnamed = Some(market);
            }
        }
        // Nothing is known of what has no entry.
        outcomes.resize(begun + run.len(), RecordOutcome::default());
    }

    /// Returns the readers of a channel.
    pub(super) fn subscribers(
        &mut self,
        fanout: &Fanout,
        symbol: &Symbol,
        kind: StreamKind,
    ) -> &[Subscriber] {
        let route = route(&mut self.routes, &mut self.other, symbol);
        if route.subscribers_version != self.subscribers_version {
            route.subscribers_version = self.subscribers_version;
            route.readers.clear();
        }
        let known = route.readers.iter().position(|(other, _)| *other == kind);
        let at = known.unwrap_or_else(|| {
            route.readers.push((kind, fanout.subscribers(&self.subscribers, symbol, kind)));
            route.readers.len() - 1
        });
        &route.readers[at].1
    }
}

/// Returns the route of `symbol`, which is empty if it was not asked for before.
fn route<'r>(
    routes: &'r mut Vec<EventRoute>,
    other: &'r mut EventRoute,
    symbol: &Symbol,
) -> &'r mut EventRoute {
    let Some(index) = symbol.table_index() else {
        *other = EventRoute::default();
        return other;
    };
    if routes.len() <= index {
        routes.resize_with(index + 1, EventRoute::default);
    }
    let route = &mut routes[index];
    if !route.symbol.as_ref().is_some_and(|known| known.is_same(symbol)) {
        *route = EventRoute { symbol: Some(symbol.clone()), ..EventRoute::default() };
    }
    route
}
