//! Checks that an archive claims nothing that was in the future when it was observed, or that is in the
//! future now.
//!
//! A ledger merges the observations of one UTC day under the oldest of their times (see `ledger_compaction`).
//! So a span may contain data up to that day younger than its time. Anything beyond the day, or beyond now,
//! is false: if it were accepted, future slots would count as known for ever and would never be fetched.

use std::time::Duration;

use market_backbone_core::{Candle, Coverage, Grid, Provenance, Timeframe, Timestamp};

const DAY_SECS: i64 = 86_400;
/// The largest offset between two machines' clocks, and the longest time for which a reply is in flight.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(600);

/// A check of plausibility at a moment, with a calendar.
#[derive(Clone, Copy, Debug)]
pub(super) struct PlausibilityCheck {
    /// The current time, by the importer's clock.
    pub(super) now: Timestamp,
    pub(super) timeframe: Timeframe,
    pub(super) grid: Grid,
}

impl PlausibilityCheck {
    /// Checks that all of the coverage is possible.
    pub(super) fn check_coverage(&self, known: &Coverage) -> Result<(), String> {
        for span in known.spans() {
            self.check_provenance(span.provenance)?;
            // The last slot that opens in it must have ended.
            let end = self.grid.ceil(self.timeframe, span.range.to());
            let latest = self.latest_observable(span.provenance);
            if end > latest {
                return Err(format!(
                    "it claims to know what is until {end}, and was observed at {}",
                    span.provenance.observed_at
                ));
            }
        }
        let said = known.disputes().iter().flat_map(|dispute| [dispute.earlier, dispute.later]).flatten();
        said.into_iter().try_for_each(|said| self.check_provenance(said))
    }

    /// Checks that a final candle is possible: its slot has ended by the time it was observed.
    pub(super) fn check_candle(&self, candle: &Candle, known: &Coverage) -> Result<(), String> {
        let end = self.grid.close(self.timeframe, candle.open_time);
        let latest = known
            .provenance_at(candle.open_time)
            .map_or(self.now.plus(CLOCK_TOLERANCE), |said| self.latest_observable(said));
        if end > latest {
            return Err(format!("the candle of {} had not ended when it was observed", candle.open_time));
        }
        Ok(())
    }

    fn check_provenance(&self, said: Provenance) -> Result<(), String> {
        if said.observed_at > self.now.plus(CLOCK_TOLERANCE) {
            return Err(format!(
                "it says it was observed at {}, and it is {} now; is this machine's clock right?",
                said.observed_at, self.now
            ));
        }
        Ok(())
    }

    /// The latest end of a slot that an observation can cover.
    fn latest_observable(&self, said: Provenance) -> Timestamp {
        let day = said.observed_at.as_secs().div_euclid(DAY_SECS);
        let midnight = Timestamp::from_secs(day.saturating_add(1).saturating_mul(DAY_SECS));
        midnight.min(self.now).plus(CLOCK_TOLERANCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use market_backbone_core::{Origin, Span, TimeRange};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn known(to: &str, observed: &str) -> Coverage {
        let range = TimeRange::new(at("2026-08-01"), at(to)).unwrap();
        let provenance = Provenance { origin: Origin::Rest, observed_at: at(observed) };
        [Span { range, provenance }].into_iter().collect()
    }

    fn check(timeframe: Timeframe) -> PlausibilityCheck {
        PlausibilityCheck { now: at("2026-08-10T12:00:00Z"), timeframe, grid: Grid::Utc }
    }

    #[test]
    fn what_a_days_proofs_were_joined_to_is_believed_and_nothing_later() {
        let minutes = check(Timeframe::M1);
        assert_eq!(minutes.check_coverage(&known("2026-08-04T00:00:00Z", "2026-08-03T00:00:01Z")), Ok(()));
        let later =
            minutes.check_coverage(&known("2026-08-04T00:11:00Z", "2026-08-03T23:59:59Z")).unwrap_err();
        assert!(later.contains("observed at 2026-08-03T23:59:59Z"), "{later}");
        let today = minutes.check_coverage(&known("2026-08-10T13:00:00Z", "2026-08-10T11:00:00Z"));
        assert!(today.is_err(), "the day is not over");
        let future =
            minutes.check_coverage(&known("2099-12-31T00:00:00Z", "2100-01-01T00:00:00Z")).unwrap_err();
        assert!(future.contains("clock"), "{future}");
        assert!(minutes.check_coverage(&known("2100-01-01T00:00:00Z", "2026-08-09T00:00:00Z")).is_err());
    }

    #[test]
    fn a_final_candle_had_ended_when_it_was_observed() {
        let month = check(Timeframe::Month);
        let candle = |open_time| Candle {
            open_time,
            open: 1.0,
            high: 1.0,
            low: 1.0,
            close: 1.0,
            volume: 1.0,
            turnover: 1.0,
            is_final: true,
        };
        let before = known("2026-08-01T00:00:01Z", "2026-08-03T00:00:00Z");
        assert!(month.check_candle(&candle(at("2026-08-01")), &before).is_err(), "August is not over");
        assert!(month.check_coverage(&before).is_err());
        let august = candle(at("2026-08-01"));
        assert!(
            month.check_candle(&august, &Coverage::empty()).is_err(),
            "nor is it where nobody vouches for it"
        );
        assert_eq!(month.check_candle(&candle(at("2026-07-01")), &Coverage::empty()), Ok(()));
    }
}
