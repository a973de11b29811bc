//! The equity at the end of each day, by the venue's calendar.

use market_backbone_core::{Grid, Timeframe, Timestamp};

/// Collects the value at the end of each day. An event exactly at a day's end belongs to that day: a bar's time is its close.
#[derive(Clone, Debug)]
pub(crate) struct DailyEquity {
    grid: Grid,
    /// Whether days without an event count, with the value of the day before.
    counts_idle_days: bool,
    /// The end of the current day, in Unix nanoseconds; the first possible time before the first event.
    day_end: i64,
    latest: f64,
    values: Vec<f64>,
}

impl DailyEquity {
    pub(crate) const fn new(grid: Grid, counts_idle_days: bool, initial: f64) -> Self {
        Self { grid, counts_idle_days, day_end: i64::MIN, latest: initial, values: Vec::new() }
    }

    #[inline]
    pub(crate) fn observe(&mut self, time: Timestamp, equity: f64) {
        if time.as_nanos() > self.day_end {
            self.turn(time);
        }
        self.latest = equity;
    }

    /// Closes the days that ended before `time`.
    #[cold]
    fn turn(&mut self, time: Timestamp) {
        let end_of = |moment: Timestamp| self.grid.ceil(Timeframe::D1, moment).as_nanos();
        let has_begun = self.day_end != i64::MIN;
        let new_end = end_of(time);
        if has_begun {
            self.values.push(self.latest);
            let mut end = self.day_end;
            while self.counts_idle_days {
                end = self.grid.step(Timeframe::D1, Timestamp::from_nanos(end), 1).as_nanos();
                if end >= new_end {
                    break;
                }
                self.values.push(self.latest);
            }
        }
        self.day_end = new_end;
    }

    /// Returns the values, the last one that of a day that may not have ended.
    pub(crate) fn finish(mut self) -> Vec<f64> {
        if self.day_end != i64::MIN {
            self.values.push(self.latest);
        }
        self.values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(counts_idle_days: bool, events: &[(&str, f64)]) -> Vec<f64> {
        let mut daily = DailyEquity::new(Grid::Utc, counts_idle_days, 1.0);
        for (time, equity) in events {
            daily.observe(time.parse().unwrap(), *equity);
        }
        daily.finish()
    }

    #[test]
    fn a_bar_that_closes_at_midnight_belongs_to_the_day_before() {
        let events = [("2026-01-01T23:59:00Z", 2.0), ("2026-01-02", 3.0), ("2026-01-02T00:01:00Z", 4.0)];
        assert_eq!(days(true, &events), [3.0, 4.0]);
    }

    #[test]
    fn idle_days_count_where_markets_never_close() {
        let events = [("2026-01-01T12:00:00Z", 2.0), ("2026-01-04T12:00:00Z", 3.0)];
        assert_eq!(days(true, &events), [2.0, 2.0, 2.0, 3.0]);
        assert_eq!(days(false, &events), [2.0, 3.0]);
        assert_eq!(days(true, &[]), [0.0; 0]);
    }
}
