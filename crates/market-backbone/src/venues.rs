//! Facts about venues that are needed without a connection: a data folder is maintained without one.

use market_backbone_core::{Capabilities, Grid, Secret, Series, Timeframe, Venue, VenueId};
use market_backbone_massive::{MASSIVE, Massive, MassivePlan};
use market_backbone_storage::{Finding, RepairPlan};
use market_backbone_upbit::Upbit;

/// Returns the calendar that cuts the candles of a venue; UTC for a venue that this build does not know.
#[must_use]
pub fn grid_of(venue: VenueId) -> Grid {
    if venue.family() == MASSIVE { Grid::NewYork } else { Grid::Utc }
}

/// Returns the code by which `venue` lists what a person calls `name`, where a rule makes that certain;
/// otherwise `name`.
#[must_use]
pub fn normalize_code(venue: VenueId, name: &str) -> String {
    if venue.family() == MASSIVE { massive().normalize_code(name) } else { Upbit::new().normalize_code(name) }
}

/// Returns the highest density to assume for a series without data: shares are traded on 252 days of a year, 16
/// hours each.
pub(crate) fn typical_density(grid: Grid, timeframe: Timeframe) -> Option<f64> {
    const DAYS: f64 = 252.0 / 365.25;
    match timeframe {
        _ if grid != Grid::NewYork => None,
        Timeframe::W1 | Timeframe::Month | Timeframe::Year => None,
        Timeframe::D1 => Some(DAYS),
        _ => Some(DAYS * 16.0 / 24.0),
    }
}

/// Returns the repairs for `findings`, and the number of requests they take.
#[must_use]
pub fn plan_repair(findings: &[Finding]) -> RepairPlan {
    RepairPlan::of(findings, |series| (grid_of(series.symbol.venue()), page_of(series)))
}

fn page_of(series: &Series) -> u32 {
    capabilities(series.symbol.venue()).candle_page_of(series.timeframe)
}

fn capabilities(venue: VenueId) -> Capabilities {
    if venue.family() == MASSIVE { *massive().capabilities() } else { *Upbit::new().capabilities() }
}

/// Returns an adapter for the facts that do not depend on the key or the plan, such as the length of a page.
fn massive() -> Massive {
    Massive::new(Secret::new(""), MassivePlan::Basic)
}

#[cfg(test)]
mod tests {
    use super::*;
    use market_backbone_core::Symbol;

    #[test]
    fn a_venues_calendar_is_the_one_it_says_itself() {
        for name in ["upbit", "upbit-sg", "upbit@127.0.0.1:9001", "massive", "massive@proxy.example"] {
            let (venue, said) = (VenueId::intern(name), capabilities(VenueId::intern(name)));
            assert_eq!((said.venue, said.grid), (venue.family(), grid_of(venue)));
        }
    }

    #[test]
    fn an_hour_of_shares_is_a_shorter_page_than_a_minute() {
        let page = |frame| page_of(&Series::new(Symbol::new(MASSIVE, "AAPL").unwrap(), frame));
        assert_eq!((page(Timeframe::M1), page(Timeframe::H1)), (50_000, 833));
    }
}
