//! How long after it happened a trade is heard.

use market_backbone_core::{Timestamp, Trade};

/// By so much, in nanoseconds, the delay that is usual may grow with each trade.
const DRIFT: i64 = 1_000_000;
/// While next to nothing was heard, a trade that comes by so much after it happened says nothing of what is usual.
const LATE: i64 = 1_000_000_000;
const WARM_UP_TRADES: u32 = 3;
/// So many late ones in a row show that a clock was set.
const CLOCK_STEP_TRADES: u32 = 32;

/// How long after it happened a trade is heard, where it is not late. Both clocks differ in it too.
#[derive(Debug)]
pub(super) struct TradeLatency {
    typical: i64,
    observed: u32,
    late_in_row: u32,
    /// The shortest of the late ones in a row.
    shortest_late: i64,
}

impl Default for TradeLatency {
    fn default() -> Self {
        Self { typical: i64::MAX, observed: 0, late_in_row: 0, shortest_late: i64::MAX }
    }
}

impl TradeLatency {
    /// Takes note of a trade. No sooner than this can one that happened then have been heard; `None` where that is not
    /// known yet.
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

    /// When a trade of this moment can be heard, as far as is known by now.
    pub(super) const fn earliest_arrival(&self, moment: Timestamp) -> Timestamp {
        Timestamp::from_nanos(moment.as_nanos().saturating_add(self.typical))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use market_backbone_core::{Symbol, TradeId, VenueId};

    fn trade(at: i64, delay: i64) -> Trade {
        let symbol = Symbol::new(VenueId::new("test"), "KRW-BTC").unwrap();
        let (time, received) = (Timestamp::from_millis(at), Timestamp::from_millis(at + delay));
        Trade { symbol, id: TradeId::Number(at), price: 1.0, size: 1.0, side: None, time, received }
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
