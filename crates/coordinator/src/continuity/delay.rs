//! How long after it happened a trade is heard.

use market_backbone_core::{Timestamp, Trade};

/// By so much, in nanoseconds, the delay that is usual may grow with each trade.
const DRIFT: i64 = 1_000_000;
/// While next to nothing was heard, a trade that comes by so much after it happened says nothing of what is usual.
const LATE: i64 = 1_000_000_000;
const NEXT_TO_NOTHING: u32 = 3;
/// So many late ones in a row show that a clock was set.
const MANY: u32 = 32;

/// How long after it happened a trade is heard, where it is not late. Both clocks differ in it too.
#[derive(Debug)]
pub(super) struct Delay {
    usual: i64,
    heard: u32,
    late: u32,
    /// The shortest of the late ones in a row.
    least: i64,
}

impl Default for Delay {
    fn default() -> Self {
        Self { usual: i64::MAX, heard: 0, late: 0, least: i64::MAX }
    }
}

impl Delay {
    /// Takes note of a trade. No sooner than this can one that happened then have been heard; `None` where that is not
    /// known yet.
    pub(super) fn earliest(&mut self, trade: &Trade) -> Option<Timestamp> {
        let delay = trade.received.as_nanos().saturating_sub(trade.time.as_nanos());
        let is_late = self.heard > 0 && delay > self.usual.saturating_add(LATE);
        (self.late, self.least) =
            if is_late { (self.late + 1, self.least.min(delay)) } else { (0, i64::MAX) };
        self.heard = self.heard.saturating_add(1);
        self.usual = self.usual.saturating_add(DRIFT).min(delay);
        if self.late >= MANY {
            (self.usual, self.late, self.least) = (self.least, 0, i64::MAX);
        }
        let is_known = self.heard > NEXT_TO_NOTHING || delay.saturating_abs() <= LATE;
        is_known.then(|| self.soonest(trade.time))
    }

    /// When a trade of this moment can be heard, as far as is known by now.
    pub(super) const fn soonest(&self, moment: Timestamp) -> Timestamp {
        Timestamp::from_nanos(moment.as_nanos().saturating_add(self.usual))
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
        let mut delay = Delay::default();
        assert_eq!(delay.earliest(&trade(0, 5_000)), None);
        assert_eq!(delay.earliest(&trade(100, 20)), Some(Timestamp::from_millis(120)));
        assert_eq!(delay.earliest(&trade(200, 20)), Some(Timestamp::from_millis(220)));
        assert_eq!(delay.earliest(&trade(50, 9_000)), Some(Timestamp::from_millis(71)));
    }

    #[test]
    fn a_clock_that_was_set_is_got_used_to() {
        let mut delay = Delay::default();
        delay.earliest(&trade(0, 20));
        for number in 1..=32 {
            delay.earliest(&trade(number, 3_600_000));
        }
        assert_eq!(delay.earliest(&trade(100, 3_600_000)), Some(Timestamp::from_millis(3_600_100)));
    }
}
