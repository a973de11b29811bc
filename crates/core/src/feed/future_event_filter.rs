//! Filters event times that lie in the future: beyond the clock, and not supported by the other events of the
//! feed.
//!
//! If one trade stamped an hour ahead were accepted, all others would look an hour old and be dropped as
//! duplicates. A wrong clock makes *all* events look so. The filter tells the two apart by whether the others
//! agree.

use std::time::Duration;

use super::FeedEvent;
use crate::{Timestamp, Trade};

/// The number of consecutive agreeing events that shows that the clock is wrong, as long as no event ever
/// fitted it.
const MIN_AGREEING_AT_START: usize = 3;
/// The number of agreeing events, over at least the bound, where some events have fitted the clock.
const MIN_AGREEING: usize = 24;
/// The most events that are held back until the filter decides.
const MAX_HELD_EVENTS: usize = 64;

/// Separates events that cannot be true yet from a clock that is behind.
///
/// The filter only compares event times with the clock that the caller passes in.
#[derive(Debug)]
pub struct FutureEventFilter {
    bound: i64,
    /// The lead of the venue over the clock, as its events agree, in nanoseconds.
    skew: i64,
    /// `true` if any event fitted the clock.
    has_fitting_event: bool,
    /// The number of consecutive events that fit the clock although it was found to be behind.
    consecutive_fitting: usize,
    uncertain: Vec<(FeedEvent, i64, Timestamp)>,
}

impl FutureEventFilter {
    /// Creates a filter that accepts times up to `bound` ahead of the clock.
    #[must_use]
    pub fn new(bound: Duration) -> Self {
        let bound = i64::try_from(bound.as_nanos()).unwrap_or(i64::MAX);
        Self { bound, skew: 0, has_fitting_event: false, consecutive_fitting: 0, uncertain: Vec::new() }
    }

    /// Returns whether `event`, received when the clock showed `now`, may be true, and records it.
    #[inline]
    pub fn is_plausible(&mut self, event: &FeedEvent, now: Timestamp) -> bool {
        let Some(ahead) = nanos_ahead(event, now) else { return true };
        if ahead > self.skew.saturating_add(self.bound) {
            return false;
        }
        // An old event fits any clock.
        if ahead.saturating_sub(self.skew) >= -self.bound {
            self.has_fitting_event |= self.skew == 0;
            self.uncertain.clear();
        }
        if self.skew > 0 {
            self.consecutive_fitting =
                if ahead.abs() <= self.bound { self.consecutive_fitting + 1 } else { 0 };
            if self.consecutive_fitting >= MIN_AGREEING_AT_START {
                (self.skew, self.consecutive_fitting, self.has_fitting_event) = (0, 0, true);
            }
        }
        true
    }

    /// Takes an event that was not [plausible](Self::is_plausible) and holds it back until others agree with it,
    /// or drops it. Returns the events that may be true after all, in order.
    pub fn hold_uncertain(&mut self, event: FeedEvent, now: Timestamp) -> Vec<FeedEvent> {
        let Some(ahead) = nanos_ahead(&event, now) else { return vec![event] };
        let bound = self.bound;
        self.uncertain.retain(|(_, other, _)| (ahead - *other).abs() <= bound);
        if self.uncertain.len() >= MAX_HELD_EVENTS {
            self.uncertain.remove(0);
        }
        self.uncertain.push((event, ahead, now));
        let since = self.uncertain.first().map_or(now, |(.., at)| *at);
        let agreed = match self.has_fitting_event {
            false => self.uncertain.len() >= MIN_AGREEING_AT_START,
            true => self.uncertain.len() >= MIN_AGREEING && now.as_nanos() - since.as_nanos() >= bound,
        };
        if !agreed {
            return Vec::new();
        }
        self.skew = self.uncertain.iter().map(|(_, ahead, _)| *ahead).min().unwrap_or_default();
        (self.has_fitting_event, self.consecutive_fitting) = (false, 0);
        std::mem::take(&mut self.uncertain).into_iter().map(|(event, ..)| event).collect()
    }

    /// Returns the lead of the venue over the clock, if its events agree that the clock is behind; otherwise
    /// zero.
    #[must_use]
    pub fn skew(&self) -> Duration {
        Duration::from_nanos(self.skew.unsigned_abs())
    }
}

/// Removes from a page the trades that are stamped more than `bound` after `now`, unless most of them are:
/// then the clock is wrong. Returns the number of removed trades.
pub fn drop_future(trades: &mut Vec<Trade>, now: Timestamp, bound: Duration) -> usize {
    drop_after(trades, now.plus(bound), |trade| trade.time).len()
}

/// Removes from an answer the rows that are stamped after `limit`, unless more than two and most of its rows
/// are: then the clock is wrong. Returns the removed rows.
pub fn drop_after<T>(rows: &mut Vec<T>, limit: Timestamp, stamp: impl Fn(&T) -> Timestamp) -> Vec<T> {
    let beyond = rows.iter().filter(|row| stamp(row) > limit).count();
    if beyond == 0 || (beyond > 2 && beyond * 2 > rows.len()) {
        return Vec::new();
    }
    rows.extract_if(.., |row| stamp(row) > limit).collect()
}

#[inline]
fn nanos_ahead(event: &FeedEvent, now: Timestamp) -> Option<i64> {
    Some(event.time()?.as_nanos().saturating_sub(now.as_nanos()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BandIndicators, PriceBand, Symbol, TradeId, VenueId};

    const BOUND: Duration = Duration::from_secs(5);

    fn trade(secs: i64) -> Trade {
        let symbol = Symbol::new(VenueId::new("test"), "A").unwrap();
        let (id, time) = (TradeId::Number(secs), Timestamp::from_secs(secs));
        Trade { symbol, id, price: 1.0, size: 1.0, side: None, time, received: time }
    }

    /// Returns the events that pass the filter, for `(now, stamp)` pairs.
    fn heard(events: &[(i64, i64)]) -> Vec<i64> {
        let mut horizon = FutureEventFilter::new(BOUND);
        let mut through = Vec::new();
        for (now, stamp) in events {
            let (now, event) = (Timestamp::from_secs(*now), FeedEvent::Trade(trade(*stamp)));
            let passed = if horizon.is_plausible(&event, now) {
                vec![event]
            } else {
                horizon.hold_uncertain(event, now)
            };
            through.extend(passed.iter().filter_map(FeedEvent::time).map(Timestamp::as_secs));
        }
        through
    }

    #[test]
    fn one_stamp_from_the_future_is_dropped_wherever_it_stands() {
        assert_eq!(heard(&[(100, 3_700), (101, 101), (102, 102)]), [101, 102]);
        assert_eq!(heard(&[(100, 100), (101, 3_701), (102, 102)]), [100, 102]);
        assert_eq!(heard(&[(100, 100), (101, 106), (102, 108), (103, 103)]), [100, 106, 103]);
    }

    #[test]
    fn a_few_that_agree_are_no_proof_where_others_fit_the_clock() {
        let mut events = vec![(100, 100)];
        events.extend((0..10).map(|n| (101 + n, 3_701 + n)));
        events.push((120, 120));
        assert_eq!(heard(&events), [100, 120]);
    }

    #[test]
    fn a_clock_that_is_behind_silences_nothing() {
        let events: Vec<_> = (0..10).map(|n| (100 + n, 3_700 + n)).collect();
        assert_eq!(heard(&events), (3_700..3_710).collect::<Vec<_>>());
        // An old event fits any clock and says nothing about this one.
        let events = [(100, 20), (100, 3_700), (100, 30), (101, 3_701), (101, 40), (102, 3_702)];
        assert_eq!(heard(&events), [20, 30, 40, 3_700, 3_701, 3_702]);
    }

    #[test]
    fn a_clock_that_is_ahead_silences_nothing() {
        let events: Vec<_> = (0..10).map(|n| (3_700 + n, 100 + n)).collect();
        assert_eq!(heard(&events), (100..110).collect::<Vec<_>>());
    }

    #[test]
    fn a_clock_that_steps_back_or_is_set_right_is_followed() {
        let mut events: Vec<_> = (0..5).map(|n| (3_700 + n, 3_700 + n)).collect();
        events.extend((5..40).map(|n| (100 + n, 3_700 + n))); // back by an hour
        events.extend((40..50).map(|n| (3_700 + n, 3_700 + n))); // and set right
        events.push((3_750, 7_350));
        events.push((3_751, 3_751));
        let want: Vec<_> = (3_700..3_750).chain([3_751]).collect();
        assert_eq!(heard(&events), want);
    }

    #[test]
    fn a_price_band_of_the_future_is_dropped_as_any_other_event_is() {
        let band = |secs| {
            let (symbol, time) =
                (Symbol::new(VenueId::new("test"), "A").unwrap(), Timestamp::from_secs(secs));
            let indicators = BandIndicators::default();
            FeedEvent::Band(PriceBand { symbol, low: 1.0, high: 2.0, indicators, time, received: time })
        };
        let mut horizon = FutureEventFilter::new(BOUND);
        let now = Timestamp::from_secs(100);
        assert!(horizon.is_plausible(&band(100), now) && horizon.is_plausible(&band(105), now));
        assert!(!horizon.is_plausible(&band(3_700), now));
        assert!(horizon.hold_uncertain(band(3_700), now).is_empty());
        // Where nothing else arrives, bands that agree show that the clock is behind.
        let mut horizon = FutureEventFilter::new(BOUND);
        let through =
            (0..3).flat_map(|n| horizon.hold_uncertain(band(3_700 + n), Timestamp::from_secs(100 + n)));
        assert_eq!(through.count(), 3);
    }

    #[test]
    fn a_page_is_judged_by_its_majority() {
        let page = |stamps: &[i64]| stamps.iter().map(|secs| trade(*secs)).collect::<Vec<_>>();
        let now = Timestamp::from_secs(100);
        let mut one = page(&[90, 95, 3_700]);
        assert_eq!(drop_future(&mut one, now, BOUND), 1);
        assert_eq!(one.len(), 2);
        let mut all = page(&[3_690, 3_695, 3_700]);
        assert_eq!(drop_future(&mut all, now, BOUND), 0);
        assert_eq!(all.len(), 3);
    }
}
