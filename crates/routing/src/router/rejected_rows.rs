//! The rows for which a warning was logged: a row that stays invalid is fetched again and again, but logged
//! once.

use std::sync::{Mutex, PoisonError};

use market_backbone_core::{RejectedRow, Series, Timestamp};
use rustc_hash::FxHashSet;

/// The largest number of entries; beyond it, every row is logged anew.
const MAX_ENTRIES: usize = 16_384;

/// The logged rows of each series: by their slot, or by the error where the slot is unknown.
#[derive(Debug, Default)]
pub(super) struct RejectedRowLog(Mutex<FxHashSet<(Series, Result<Timestamp, String>)>>);

impl RejectedRowLog {
    /// Returns whether `row` has not been reported yet; from now on it has.
    pub(super) fn is_first_report(&self, series: &Series, row: &RejectedRow) -> bool {
        let mut reported = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if reported.len() >= MAX_ENTRIES {
            reported.clear();
        }
        reported.insert((series.clone(), row.slot.ok_or_else(|| row.reason.clone())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use market_backbone_core::{Symbol, Timeframe, VenueId};

    fn row(slot: Option<i64>, reason: &str) -> RejectedRow {
        let (market, slot) = ("KRW-BTC".to_owned(), slot.map(Timestamp::from_secs));
        RejectedRow { market, slot, reason: reason.to_owned() }
    }

    #[test]
    fn a_row_is_news_once_for_each_series_and_slot() {
        let reported = RejectedRowLog::default();
        let symbol = Symbol::new(VenueId::new("upbit"), "KRW-BTC").unwrap();
        let [minutes, hours] = [Timeframe::M1, Timeframe::H1].map(|frame| Series::new(symbol.clone(), frame));
        assert!(reported.is_first_report(&minutes, &row(Some(60), "its high is too low")));
        assert!(!reported.is_first_report(&minutes, &row(Some(60), "its low is too high")));
        assert!(reported.is_first_report(&minutes, &row(Some(120), "its high is too low")));
        assert!(reported.is_first_report(&hours, &row(Some(60), "its high is too low")));
        assert!(reported.is_first_report(&minutes, &row(None, "it cannot be read")));
        assert!(!reported.is_first_report(&minutes, &row(None, "it cannot be read")));
        assert!(reported.is_first_report(&minutes, &row(None, "it is of another market")));
    }

    #[test]
    fn the_memory_is_bounded() {
        let reported = RejectedRowLog::default();
        let series = Series::new(Symbol::new(VenueId::new("upbit"), "KRW-BTC").unwrap(), Timeframe::M1);
        for slot in 0..=MAX_ENTRIES as i64 {
            assert!(reported.is_first_report(&series, &row(Some(slot), "")));
        }
        assert!(reported.0.lock().unwrap().len() <= MAX_ENTRIES);
    }
}
