//! Assigns markets to connections.
//!
//! All channels of a market are on one connection, so that its events keep their order. A market stays where
//! it is, because moving it would cause a gap. Only a new market is assigned: to the connection that the
//! configuration names, else to that of the wildcard if it is followed, since it delivers the market anyway,
//! else to the least loaded connection. Another connection is opened only when those in use are full.

use market_backbone_core::{Channel, StreamKind, Symbol};
use rustc_hash::FxHashMap;

use crate::live::pinned::PinnedConnection;

/// The capacity of a venue's connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ConnectionCapacity {
    /// The number of channels a connection should carry.
    pub(super) channels: usize,
    /// The largest number of connections.
    pub(super) connections: usize,
}

/// The assignment of markets to connections.
#[derive(Debug, Default)]
pub(super) struct Placement {
    assignments: FxHashMap<Symbol, usize>,
    /// The assignment in the configuration.
    pinned: FxHashMap<Symbol, usize>,
    /// The number of connections the configuration names: the first ones.
    pinned_count: usize,
}

impl Placement {
    /// Creates an assignment that follows `pinned`; where two name a market, the first.
    pub(super) fn new(pinned: &[PinnedConnection]) -> Self {
        let mut places = FxHashMap::default();
        for (at, connection) in pinned.iter().enumerate() {
            for symbol in &connection.symbols {
                places.entry(symbol.clone()).or_insert(at);
            }
        }
        Self { assignments: FxHashMap::default(), pinned: places, pinned_count: pinned.len() }
    }

    /// Assigns every channel of `wanted` (sorted). Returns the sorted channels of each connection.
    ///
    /// A connection keeps its number; one that is no longer needed has no channels.
    pub(super) fn place(&mut self, wanted: &[Channel], room: ConnectionCapacity) -> Vec<Vec<Channel>> {
        let markets: Vec<&[Channel]> = wanted.chunk_by(|one, other| one.symbol == other.symbol).collect();
        let there = |symbol: &Symbol| markets.binary_search_by(|market| market[0].symbol.cmp(symbol)).is_ok();
        self.assignments.retain(|symbol, _| there(symbol));
        let lanes = self.assignments.values().max().map_or(0, |last| last + 1).max(self.pinned_count);
        let mut places = vec![Vec::new(); lanes];
        let (settled, new): (Vec<_>, Vec<_>) =
            markets.iter().copied().partition(|market| self.assignments.contains_key(&market[0].symbol));
        for market in settled {
            places[self.assignments[&market[0].symbol]].extend_from_slice(market);
        }
        let whole: Vec<StreamKind> =
            wanted.iter().filter(|channel| channel.symbol.is_any()).map(|channel| channel.kind).collect();
        let (pinned, others): (Vec<_>, Vec<_>) =
            new.into_iter().partition(|market| self.pinned.contains_key(&market[0].symbol));
        // Wildcards go first.
        let (wholes, others): (Vec<_>, Vec<_>) =
            others.into_iter().partition(|market| market[0].symbol.is_any());
        for market in pinned.into_iter().chain(wholes).chain(others) {
            let included = market.iter().all(|channel| whole.contains(&channel.kind));
            let with_all =
                || self.assignments.iter().find(|(symbol, _)| symbol.is_any()).map(|(_, home)| *home);
            let home = match self.pinned.get(&market[0].symbol) {
                Some(home) => *home,
                None if included
                    && !market[0].symbol.is_any()
                    && let Some(home) = with_all() =>
                {
                    home
                }
                None => least_loaded(&places, market.len(), room, self.pinned_count),
            };
            if home == places.len() {
                places.push(Vec::new());
            }
            self.assignments.insert(market[0].symbol.clone(), home);
            places[home].extend_from_slice(market);
        }
        for place in &mut places {
            place.sort_unstable();
        }
        places
    }
}

/// Returns the connection for `more` channels of a new market; the number after the last means one more
/// connection.
fn least_loaded(places: &[Vec<Channel>], more: usize, room: ConnectionCapacity, named: usize) -> usize {
    let loads = || places.iter().map(Vec::len).enumerate();
    let in_use = loads().filter(|(at, load)| (*at < named || *load > 0) && load + more <= room.channels);
    let empty = || loads().find(|(_, load)| *load == 0).map(|(at, _)| at);
    if let Some((at, _)) = in_use.min_by_key(|(_, load)| *load) {
        return at;
    }
    if let Some(at) = empty() {
        return at;
    }
    if places.len() < room.connections.max(1) {
        return places.len();
    }
    // All carry more than they should: take the least loaded.
    loads().min_by_key(|(_, load)| *load).map_or(0, |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use market_backbone_core::{StreamKind, VenueId};
    use proptest::prelude::*;

    use super::*;

    const CAPACITY: ConnectionCapacity = ConnectionCapacity { channels: 4, connections: 3 };

    fn wanted(codes: impl IntoIterator<Item = usize>) -> Vec<Channel> {
        let symbol = |n| Symbol::new(VenueId::new("fake"), &format!("S{n:03}")).unwrap();
        let both =
            |n| [StreamKind::Trade, StreamKind::Ticker].map(|kind| Channel { symbol: symbol(n), kind });
        let mut all: Vec<_> = codes.into_iter().flat_map(both).collect();
        all.sort();
        all
    }

    fn loads(places: &[Vec<Channel>]) -> Vec<usize> {
        places.iter().map(Vec::len).collect()
    }

    #[test]
    fn one_connection_until_it_carries_what_it_should() {
        let mut placement = Placement::default();
        assert_eq!(loads(&placement.place(&wanted(0..2), CAPACITY)), [4]);
        assert_eq!(loads(&placement.place(&wanted(0..3), CAPACITY)), [4, 2]);
        assert_eq!(loads(&placement.place(&wanted(0..6), CAPACITY)), [4, 4, 4]);
    }

    #[test]
    fn there_are_never_more_connections_than_there_may_be() {
        let mut placement = Placement::default();
        assert_eq!(loads(&placement.place(&wanted(0..20), CAPACITY)), [14, 14, 12]);
    }

    #[test]
    fn what_stays_wanted_stays_where_it_is() {
        let mut placement = Placement::default();
        let before = placement.place(&wanted(0..6), CAPACITY);
        let after = placement.place(&wanted([0, 3, 5, 7]), CAPACITY);
        for (slot, channels) in before.iter().enumerate() {
            for channel in channels.iter().filter(|channel| wanted([0, 3, 5]).contains(channel)) {
                assert!(after[slot].contains(channel), "{channel:?}");
            }
        }
    }

    fn pin(name: &str, codes: &[usize]) -> PinnedConnection {
        let symbols = wanted(codes.iter().copied()).into_iter().map(|channel| channel.symbol).collect();
        PinnedConnection { name: name.to_owned(), symbols }
    }

    #[test]
    fn what_is_pinned_goes_first_and_the_first_who_names_it_has_it() {
        let mut placement = Placement::new(&[pin("a", &[0, 1, 2]), pin("b", &[2, 3])]);
        let places = placement.place(&wanted([0, 1, 2, 3, 7]), CAPACITY);
        let full = ConnectionCapacity { channels: 6, connections: 2 };
        assert_eq!(places[0], wanted([0, 1, 2]), "as many as it is told, whatever it should carry");
        assert_eq!(places[1], wanted([3, 7]), "the rest is with the one that carries least");
        assert_eq!(loads(&placement.place(&wanted([0, 1, 2, 3, 7, 8, 9]), full)), [8, 6]);
        assert_eq!(loads(&placement.place(&[], full)), [0, 0], "who has a name is there anyway");
    }

    #[test]
    fn who_is_new_goes_to_where_all_are() {
        let mut placement = Placement::default();
        placement.place(&wanted(0..4), CAPACITY);
        let all = Channel { symbol: Symbol::any(VenueId::new("fake")), kind: StreamKind::Trade };
        let trade = |n| wanted([n]).into_iter().find(|channel| channel.kind == StreamKind::Trade).unwrap();
        let mut want = wanted(0..4);
        want.extend([all.clone(), trade(5), trade(6), trade(7), trade(8), trade(9)]);
        want.sort();
        let places = placement.place(&want, CAPACITY);
        assert_eq!(loads(&places), [4, 4, 6], "what was there before stays");
        assert!(places[2].contains(&all) && places[2].contains(&trade(9)));
    }

    #[test]
    fn an_empty_connection_is_filled_again_before_another_is_opened() {
        let mut placement = Placement::default();
        placement.place(&wanted(0..6), CAPACITY);
        placement.place(&wanted(4..6), CAPACITY);
        assert_eq!(loads(&placement.place(&wanted(4..8), CAPACITY)), [4, 0, 4]);
    }

    proptest! {
        #[test]
        fn every_channel_has_one_place_and_every_market_one_connection(
            steps in proptest::collection::vec(proptest::collection::btree_set(0_usize..40, 0..30), 1..12),
        ) {
            let mut placement = Placement::default();
            let mut homes: FxHashMap<Symbol, usize> = FxHashMap::default();
            for step in steps {
                let want = wanted(step);
                let places = placement.place(&want, CAPACITY);
                prop_assert!(places.len() <= CAPACITY.connections);
                let mut all: Vec<_> = places.iter().flatten().cloned().collect();
                all.sort();
                prop_assert_eq!(&all, &want);
                let mut now: FxHashMap<Symbol, usize> = FxHashMap::default();
                for (slot, channels) in places.iter().enumerate() {
                    for channel in channels {
                        prop_assert_eq!(*now.entry(channel.symbol.clone()).or_insert(slot), slot);
                        let before = homes.get(&channel.symbol).copied();
                        prop_assert!(before.is_none_or(|before| before == slot));
                    }
                }
                homes = now;
            }
        }
    }
}
