//! Assigns the markets of a connection that stays down to others, until it is back.
//!
//! The connection that is down keeps its markets and goes on trying. The others only help: as soon as it
//! delivers everything again, they drop its markets. While both deliver, the cache removes duplicates.

use market_backbone_core::{Channel, Symbol};
use rustc_hash::FxHashMap;

/// The health of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SlotHealth {
    /// The slot can carry more.
    Available,
    /// The slot has a problem, but not for long enough to be given up.
    Degraded,
    /// The slot has been down for so long that others carry its markets.
    Down,
}

/// The assignment of orphaned markets to helping slots.
#[derive(Debug, Default)]
pub(super) struct Failover {
    substitutes: FxHashMap<Symbol, usize>,
}

impl Failover {
    /// Adds the channels of slots that are down (sorted) to those of others with room: a slot should carry at
    /// most `most`.
    pub(super) fn assign_orphans(
        &mut self,
        places: &mut [Vec<Channel>],
        standing: &[SlotHealth],
        most: usize,
    ) {
        let how = |at: usize| standing.get(at).copied().unwrap_or(SlotHealth::Available);
        let orphans: Vec<Channel> = (0..places.len())
            .filter(|at| how(*at) == SlotHealth::Down)
            .flat_map(|at| places[at].clone())
            .collect();
        let count = places.len();
        let can_help = |at: &usize| *at < count && how(*at) != SlotHealth::Down;
        let helps = |symbol: &Symbol| self.substitutes.get(symbol).copied().filter(can_help);
        let (helped, lost): (Vec<_>, Vec<_>) = orphans
            .chunk_by(|one, other| one.symbol == other.symbol)
            .partition(|market| helps(&market[0].symbol).is_some());
        let mut helpers = FxHashMap::default();
        for market in helped.into_iter().chain(lost) {
            let least = || {
                let has_room = |at: &usize| places[*at].len() + market.len() <= most;
                let open = (0..places.len()).filter(|at| how(*at) == SlotHealth::Available).filter(has_room);
                open.min_by_key(|at| places[*at].len())
            };
            let symbol = &market[0].symbol;
            if let Some(helper) = helps(symbol).or_else(least) {
                places[helper].extend_from_slice(market);
                helpers.insert(symbol.clone(), helper);
            }
        }
        self.substitutes = helpers;
        places.iter_mut().for_each(|place| place.sort_unstable());
    }
}

#[cfg(test)]
mod tests {
    use market_backbone_core::{StreamKind, VenueId};

    use super::*;

    fn channels(codes: &[&str]) -> Vec<Channel> {
        let symbol = |code| Symbol::new(VenueId::new("fake"), code).unwrap();
        codes.iter().map(|code| Channel { symbol: symbol(code), kind: StreamKind::Trade }).collect()
    }

    #[test]
    fn orphans_go_to_who_has_room_and_stay_there() {
        use SlotHealth::{Available, Degraded, Down};
        let mut failover = Failover::default();
        let homes =
            || vec![channels(&["A", "B", "C"]), channels(&["D"]), channels(&["E", "F"]), channels(&["G"])];
        let mut carry = |standing: [SlotHealth; 4]| {
            let mut places = homes();
            failover.assign_orphans(&mut places, &standing, 3);
            places
        };
        assert_eq!(carry([Available, Available, Available, Degraded]), homes());
        let helped = carry([Down, Available, Available, Degraded]);
        assert_eq!(helped[0], channels(&["A", "B", "C"]), "it goes on trying");
        assert_eq!((&helped[1], &helped[2]), (&channels(&["A", "B", "D"]), &channels(&["C", "E", "F"])));
        assert_eq!(
            carry([Down, Degraded, Available, Available])[1],
            helped[1],
            "who helps is not left in a hurry"
        );
        let moved = carry([Down, Down, Available, Available]);
        assert_eq!((&moved[2], &moved[3]), (&channels(&["C", "E", "F"]), &channels(&["A", "B", "G"])));
        assert_eq!(carry([Available, Available, Available, Available]), homes());
    }

    #[test]
    fn who_helped_may_be_gone() {
        let mut failover = Failover::default();
        let mut places = vec![channels(&["A"]), channels(&["B", "C"]), channels(&["D"])];
        failover.assign_orphans(
            &mut places,
            &[SlotHealth::Down, SlotHealth::Available, SlotHealth::Available],
            3,
        );
        assert_eq!(places[2], channels(&["A", "D"]));
        let mut places = vec![channels(&["A"]), channels(&["B", "C"])];
        failover.assign_orphans(
            &mut places,
            &[SlotHealth::Down, SlotHealth::Available, SlotHealth::Available],
            3,
        );
        assert_eq!(places[1], channels(&["A", "B", "C"]));
    }

    #[test]
    fn where_there_is_no_room_orphans_wait() {
        let mut places = vec![channels(&["A", "B"]), channels(&["C", "D"])];
        Failover::default().assign_orphans(&mut places, &[SlotHealth::Down, SlotHealth::Available], 3);
        assert_eq!(places, [channels(&["A", "B"]), channels(&["A", "C", "D"])]);
    }
}
