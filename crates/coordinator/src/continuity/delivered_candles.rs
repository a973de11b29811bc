//! The candles of a series that have been delivered, and those that are due once more.

use std::collections::VecDeque;

use market_backbone_core::{Candle, Grid, Timeframe, Timestamp};

use super::delivered_trades::EventSource;

/// The most closed candles that are remembered one by one; older ones stay as they were delivered.
const MAX_RECENT_FINALS: usize = 64;

/// The delivered candles of a series.
#[derive(Debug)]
pub(super) struct DeliveredCandles {
    pub(super) frame: Timeframe,
    pub(super) grid: Grid,
    /// The moment before which nothing is due.
    floor: Timestamp,
    /// The open time of the oldest candle that has not been delivered in its final state.
    due: Timestamp,
    /// The open time from which delivered candles are due again, because they were not final after all.
    reopened_from: Option<Timestamp>,
    /// The moment before which all candles have been delivered in their final state.
    final_until: Timestamp,
    /// The open times of the latest candles that were delivered in their final state.
    recent_finals: VecDeque<Timestamp>,
}

impl DeliveredCandles {
    pub(super) const fn new(frame: Timeframe, grid: Grid, due: Timestamp) -> Self {
        let final_until = Timestamp::MIN;
        let recent_finals = VecDeque::new();
        Self { frame, grid, floor: due, due, reopened_from: None, final_until, recent_finals }
    }

    /// Returns whether `candle` is due and was not delivered yet, and records it as delivered.
    pub(super) fn admit(&mut self, candle: &Candle, from: EventSource) -> bool {
        let open = candle.open_time;
        let begin = if from.is_page() { self.due_from() } else { self.final_until };
        if open < begin || self.recent_finals.contains(&open) {
            return false;
        }
        if candle.is_final {
            self.record_final(open);
        }
        self.due = self.due.max(open);
        true
    }

    fn record_final(&mut self, open: Timestamp) {
        let close = self.grid.close(self.frame, open);
        self.final_until = self.final_until.max(close);
        self.due = self.due.max(close);
        self.reopened_from = self.reopened_from.map(|owed| if owed <= open { close } else { owed });
        self.recent_finals.push_back(open);
        if self.recent_finals.len() > MAX_RECENT_FINALS
            && let Some(oldest) = self.recent_finals.pop_front()
        {
            self.floor = self.floor.max(self.grid.close(self.frame, oldest));
        }
    }

    /// Returns how far back a fetch must go.
    pub(super) fn due_from(&self) -> Timestamp {
        self.reopened_from.unwrap_or(Timestamp::MAX).min(self.due)
    }

    /// Makes the candles from the slot of `moment` on due once more.
    pub(super) fn reopen_from(&mut self, moment: Timestamp) {
        let open = self.grid.floor(self.frame, moment).max(self.floor);
        self.reopened_from = Some(self.due_from().min(open));
    }

    /// Records that everything that was due once more has been delivered.
    pub(super) fn clear_reopened(&mut self) {
        self.reopened_from = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candle(minute: i64, is_final: bool) -> Candle {
        Candle { is_final, ..market_backbone_testkit::flat_candle(Timestamp::from_secs(60 * minute), 1.0) }
    }

    #[test]
    fn a_closed_candle_comes_once_and_never_goes_back_to_being_in_progress() {
        let due = Timestamp::from_secs(60);
        let mut bars = DeliveredCandles::new(Timeframe::M1, Grid::Utc, due);
        assert!(!bars.admit(&candle(0, true), EventSource::Page));
        assert!(bars.admit(&candle(1, false), EventSource::Live));
        assert!(bars.admit(&candle(1, true), EventSource::Page));
        assert!(!bars.admit(&candle(1, true), EventSource::Page));
        assert!(!bars.admit(&candle(1, false), EventSource::Live));
        assert!(bars.admit(&candle(2, false), EventSource::Live));
        assert!(bars.admit(&candle(2, false), EventSource::Live));
        assert_eq!(bars.due, Timestamp::from_secs(120));
    }

    #[test]
    fn a_candle_that_turned_out_wrong_comes_once_more_and_those_that_stay_do_not() {
        let mut bars = DeliveredCandles::new(Timeframe::M1, Grid::Utc, Timestamp::EPOCH);
        assert!(bars.admit(&candle(0, false), EventSource::Live));
        assert!(bars.admit(&candle(1, true), EventSource::Page));
        assert!(bars.admit(&candle(2, false), EventSource::Live));
        bars.reopen_from(Timestamp::from_secs(59));
        assert!(bars.admit(&candle(3, false), EventSource::Live), "what waited before the gap was noticed");
        assert_eq!(bars.due_from(), Timestamp::EPOCH);
        let page = [0, 1, 2].map(|minute| bars.admit(&candle(minute, true), EventSource::Page));
        assert_eq!(page, [true, false, true]);
        assert_eq!(bars.due_from(), Timestamp::from_secs(180));
        assert!(!bars.admit(&candle(2, false), EventSource::Live));
        bars.reopen_from(Timestamp::from_secs(-1));
        assert_eq!(bars.due_from(), Timestamp::EPOCH, "nothing from before the beginning");
    }
}
