//! Who carries the markets of a connection that stays down, until it is back.
//!
//! The connection that is down keeps its markets and goes on trying. What it has besides is only help: as soon as it
//! brings everything again, the others let go, and while both bring it the cache knows what is the same.

use market_backbone_core::{Channel, Symbol};
use rustc_hash::FxHashMap;

/// How a place is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It can carry more.
    Open,
    /// It is not well, but not for long enough to be given up.
    Shaky,
    /// It has been down for so long that others carry its markets.
    Absent,
}

/// Which place helps out with which market.
#[derive(Debug, Default)]
pub(super) struct Fosters {
    at: FxHashMap<Symbol, usize>,
}

impl Fosters {
    /// Adds the channels of absent places (sorted) to those of others that have room for them: a place should carry
    /// `most`.
    pub(super) fn carry(&mut self, places: &mut [Vec<Channel>], standing: &[Standing], most: usize) {
        let how = |at: usize| standing.get(at).copied().unwrap_or(Standing::Open);
        let orphans: Vec<Channel> = (0..places.len())
            .filter(|at| how(*at) == Standing::Absent)
            .flat_map(|at| places[at].clone())
            .collect();
        let count = places.len();
        let can_help = |at: &usize| *at < count && how(*at) != Standing::Absent;
        let helps = |symbol: &Symbol| self.at.get(symbol).copied().filter(can_help);
        let (helped, lost): (Vec<_>, Vec<_>) = orphans
            .chunk_by(|one, other| one.symbol == other.symbol)
            .partition(|market| helps(&market[0].symbol).is_some());
        let mut helpers = FxHashMap::default();
        for market in helped.into_iter().chain(lost) {
            let least = || {
                let has_room = |at: &usize| places[*at].len() + market.len() <= most;
                let open = (0..places.len()).filter(|at| how(*at) == Standing::Open).filter(has_room);
                open.min_by_key(|at| places[*at].len())
            };
            let symbol = &market[0].symbol;
            if let Some(helper) = helps(symbol).or_else(least) {
                places[helper].extend_from_slice(market);
                helpers.insert(symbol.clone(), helper);
            }
        }
        self.at = helpers;
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
        use Standing::{Absent, Open, Shaky};
        let mut fosters = Fosters::default();
        let homes =
            || vec![channels(&["A", "B", "C"]), channels(&["D"]), channels(&["E", "F"]), channels(&["G"])];
        let mut carry = |standing: [Standing; 4]| {
            let mut places = homes();
            fosters.carry(&mut places, &standing, 3);
            places
        };
        assert_eq!(carry([Open, Open, Open, Shaky]), homes());
        let helped = carry([Absent, Open, Open, Shaky]);
        assert_eq!(helped[0], channels(&["A", "B", "C"]), "it goes on trying");
        assert_eq!((&helped[1], &helped[2]), (&channels(&["A", "B", "D"]), &channels(&["C", "E", "F"])));
        assert_eq!(carry([Absent, Shaky, Open, Open])[1], helped[1], "who helps is not left in a hurry");
        let moved = carry([Absent, Absent, Open, Open]);
        assert_eq!((&moved[2], &moved[3]), (&channels(&["C", "E", "F"]), &channels(&["A", "B", "G"])));
        assert_eq!(carry([Open, Open, Open, Open]), homes());
    }

    #[test]
    fn who_helped_may_be_gone() {
        let mut fosters = Fosters::default();
        let mut places = vec![channels(&["A"]), channels(&["B", "C"]), channels(&["D"])];
        fosters.carry(&mut places, &[Standing::Absent, Standing::Open, Standing::Open], 3);
        assert_eq!(places[2], channels(&["A", "D"]));
        let mut places = vec![channels(&["A"]), channels(&["B", "C"])];
        fosters.carry(&mut places, &[Standing::Absent, Standing::Open, Standing::Open], 3);
        assert_eq!(places[1], channels(&["A", "B", "C"]));
    }

    #[test]
    fn where_there_is_no_room_orphans_wait() {
        let mut places = vec![channels(&["A", "B"]), channels(&["C", "D"])];
        Fosters::default().carry(&mut places, &[Standing::Absent, Standing::Open], 3);
        assert_eq!(places, [channels(&["A", "B"]), channels(&["A", "C", "D"])]);
    }
}
