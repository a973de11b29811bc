//! The venues that this build knows: the one place where they are listed, and what can be asked of any of them where nobody
//! talks to it.
//!
//! A file below, named after its venue, holds what only that venue offers.

mod config;
mod massive;
mod upbit;

use market_backbone_core::{Grid, Series, UndescribedVenue, VenueDescriptor, VenueId, VenueRegistry};
use market_backbone_storage::{Finding, RepairPlan};

pub use self::config::VenueConfig;
pub use self::massive::MassiveAccount;

/// The list: a line for each venue of this build, the default one first.
static LIST: [&VenueDescriptor; 2] =
    [&market_backbone_upbit::DESCRIPTOR, &market_backbone_massive::DESCRIPTOR];
static VENUES: VenueRegistry = VenueRegistry::new(&LIST);

/// Returns the venues that this build knows, the default one first.
///
/// A program that brings a venue of its own adds it: `known_venues().clone().with(&MY_VENUE)`.
#[must_use]
pub fn known_venues() -> &'static VenueRegistry {
    &VENUES
}

/// Returns the venue that is talked to where none is named.
pub fn default_venue() -> &'static VenueDescriptor {
    LIST[0]
}

/// Returns how the candles of a venue of this build are cut.
///
/// # Errors
///
/// [`UndescribedVenue`] for any other: nothing is assumed of it.
pub fn grid_of(venue: VenueId) -> Result<Grid, UndescribedVenue> {
    VENUES.grid_of(venue)
}

/// Returns the code by which a venue of this build lists what a person calls `name`, where a rule makes that certain; else
/// `name`.
///
/// # Errors
///
/// [`UndescribedVenue`] for any other: nobody knows how it spells its markets.
pub fn normalize_code(venue: VenueId, name: &str) -> Result<String, UndescribedVenue> {
    VENUES.find(venue).map(|known| known.normalize_code(name))
}

/// Plans what would mend `findings`, and how many requests of their venues it takes.
///
/// Findings of a venue that is not among `venues` are counted as [`manual`](RepairPlan::manual): nobody knows how to ask
/// for its candles.
#[must_use]
pub fn plan_repair(findings: &[Finding], venues: &VenueRegistry) -> RepairPlan {
    RepairPlan::of(findings, |series| page_of(venues, series))
}

/// Returns how the candles of a series are cut, and how many of them one page holds.
fn page_of(venues: &VenueRegistry, series: &Series) -> Option<(Grid, u32)> {
    let capabilities = venues.find(series.symbol.venue()).ok()?.capabilities();
    Some((capabilities.grid, capabilities.candle_page_of(series.timeframe)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use market_backbone_core::{Symbol, Timeframe};

    #[test]
    fn every_venue_is_described_without_contradiction() {
        for venue in VENUES.iter() {
            assert_eq!(venue.check(), Ok(()));
            assert!(!venue.known_markets().is_empty(), "{venue:?}");
        }
        assert_eq!(default_venue().id(), market_backbone_upbit::UPBIT);
    }

    #[test]
    fn a_venues_calendar_is_the_one_it_says_itself() {
        for name in ["upbit", "upbit-sg", "upbit@127.0.0.1:9001", "massive", "massive@proxy.example"] {
            let venue = VenueId::intern(name);
            let said = VENUES.find(venue).unwrap().capabilities();
            assert_eq!((said.venue, Ok(said.grid)), (venue.family(), grid_of(venue)));
        }
        assert_eq!(grid_of(VenueId::new("massive@seed-7")), Ok(Grid::NewYork));
    }

    #[test]
    fn nothing_is_assumed_of_a_venue_that_nobody_described() {
        let stranger = VenueId::new("binance@127.0.0.1:9001");
        let error = grid_of(stranger).unwrap_err();
        assert_eq!(error.asked, stranger);
        let message = error.to_string();
        assert!(message.contains("binance") && message.contains("upbit, massive"), "{message}");
        assert!(normalize_code(stranger, "btcusdt").is_err());
        assert_eq!(page_of(&VENUES, &Series::new(Symbol::new(stranger, "A").unwrap(), Timeframe::M1)), None);
    }

    #[test]
    fn an_hour_of_shares_is_a_shorter_page_than_a_minute() {
        let page = |frame| {
            let shares = Symbol::new(market_backbone_massive::MASSIVE, "AAPL").unwrap();
            page_of(&VENUES, &Series::new(shares, frame)).map(|(_, page)| page)
        };
        assert_eq!((page(Timeframe::M1), page(Timeframe::H1)), (Some(50_000), Some(833)));
    }
}
