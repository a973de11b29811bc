//! The latency with which trades arrive after they happen.

use market_backbone_core::{Timestamp, Trade};

/// The amount, in nanoseconds, by which the usual latency may grow with each trade.
const DRIFT: i64 = 1_000_000;
/// The latency, in nanoseconds, of a trade that says nothing about the usual one while few trades have arrived.
const LATE: i64 = 1_000_000_000;
const WARM_UP_TRADES: u32 = 3;
/// The number of consecutive late trades that shows that a clock was set.
const CLOCK_STEP_TRADES: u32 = 32;

/// The latency of trades that are not late, including the difference between both clocks.
#[derive(Debug)]
pub(super) struct TradeLatency {
    typical: i64,
    observed: u32,
    late_in_row: u32,
    /// The shortest latency of the latest consecutive late trades.
    shortest_late: i64,
}

impl Default for TradeLatency {
    fn default() -> Self {
        Self { typical: i64::MAX, observed: 0, late_in_row: 0, shortest_late: i64::MAX }
    }
}

impl TradeLatency {
    /// Records a trade. Returns the earliest time at which it can have arrived, or `None` while that is not
    /// known.
    pub(super) fn observe(&mut self, trade: &Trade) -> Option<Timestamp> {
        let delay = trade.received.as_nanos().saturating_sub(trade.time.as_nanos());
        let is_late = self.observed > 0 && delay > self.typical.saturating_add(LATE);
        (self.late_in_row, self.shortest_late) =
            if is_late { (self.late_in_row + 1, self.shortest_late.min(delay)) } else { (0, i64::MAX) };
        self.observed = self.observed.saturating_add(1);
        self.typical = self.typical.saturating_add(DRIFT).min(delay);
        if self.late_in_row >= CLOCK_STEP_TRADES {
            (self.typical, self.late_in_row, self.shortest_late) = (self.shortest_late, 0, i64::MAX);
        }
        let is_known = self.observed > WARM_UP_TRADES || delay.saturating_abs() <= LATE;
        is_known.then(|| self.earliest_arrival(trade.time))
    }

    /// Returns the earliest time at which a trade of this moment can arrive, as far as is known.
    pub(super) const fn earliest_arrival(&self, moment: Timestamp) -> Timestamp {
        Timestamp::from_nanos(moment.as_nanos().saturating_add(self.typical))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use market_backbone_testkit::symbol;

    fn trade(at: i64, delay: i64) -> Trade {
        let received = Timestamp::from_millis(at + delay);
        let trade = market_backbone_testkit::trade(symbol("KRW-BTC"), at, 1.0, Timestamp::from_millis(at));
        Trade { received, ..trade }
    }

    #[test]
    fn a_late_trade_is_taken_for_one_that_might_have_come_when_others_do() {
        let mut delay = TradeLatency::default();
        assert_eq!(delay.observe(&trade(0, 5_000)), None);
        assert_eq!(delay.observe(&trade(100, 20)), Some(Timestamp::from_millis(120)));
        assert_eq!(delay.observe(&trade(200, 20)), Some(Timestamp::from_millis(220)));
        assert_eq!(delay.observe(&trade(50, 9_000)), Some(Timestamp::from_millis(71)));
    }

    #[test]
    fn a_clock_that_was_set_is_got_used_to() {
        let mut delay = TradeLatency::default();
        delay.observe(&trade(0, 20));
        for number in 1..=32 {
            delay.observe(&trade(number, 3_600_000));
        }
        assert_eq!(delay.observe(&trade(100, 3_600_000)), Some(Timestamp::from_millis(3_600_100)));
    }
}
