//! Compares the last live state of a candle with the trades that were delivered for its slot.
//!
//! A candle is a sum: if it is smaller than the trades, its last frames were lost, and nothing reported that.
//! Both trades and frames may be late. So a slot is checked a while after a later one has begun, and once more
//! when a late trade belongs to it. A candle that is larger than the trades is not at fault.

use std::collections::VecDeque;
use std::time::Duration;

use market_backbone_core::{Candle, FeedEvent, Grid, Timeframe, Timestamp, Trade};
use tokio::time::Instant;

use super::volume_audit::{MAX_COOLDOWN, MIN_COOLDOWN, tolerance};

/// The number of slots that are remembered; older ones are not checked any more.
const MAX_SLOTS: usize = 8;

/// The known volumes of a slot.
#[derive(Debug)]
struct AuditedSlot {
    open: Timestamp,
    close: Timestamp,
    /// The volume by the delivered trades.
    traded_volume: f64,
    /// The volume by the last state of the candle.
    candle_volume: f64,
    /// `true` if the candle was delivered in its final state.
    is_final: bool,
    /// The time at which the slot is to be checked.
    due: Option<Instant>,
}

/// The audit of one series.
#[derive(Debug)]
pub(super) struct CandleAudit {
    /// The index of the channel with the market's trades.
    pub(super) trade_channel: usize,
    frame: Timeframe,
    grid: Grid,
    wait: Duration,
    cooldown: Duration,
    cooldown_until: Option<Instant>,
    /// The oldest delivered slot. Earlier slots are not part of the feed.
    since: Option<Timestamp>,
    /// The slots, by open time.
    slots: VecDeque<AuditedSlot>,
    /// The slot being fetched because it seems to be wrong, with its volume by the candle.
    suspected: Option<(Timestamp, f64)>,
}

impl CandleAudit {
    pub(super) const fn new(trade_channel: usize, frame: Timeframe, grid: Grid, wait: Duration) -> Self {
        let cooldown = MIN_COOLDOWN;
        let slots = VecDeque::new();
        Self {
            trade_channel,
            frame,
            grid,
            wait,
            cooldown,
            cooldown_until: None,
            since: None,
            slots,
            suspected: None,
        }
    }

    /// Records a trade that was delivered.
    pub(super) fn on_trade(&mut self, trade: &Trade, now: Instant) {
        if let Some(slot) = self.slot(trade.time, now) {
            slot.traded_volume += trade.size;
        }
    }

    /// Records a candle state that was delivered.
    pub(super) fn on_candle(&mut self, candle: &Candle, now: Instant) {
        self.since = Some(self.since.map_or(candle.open_time, |since| since.min(candle.open_time)));
        if let Some(slot) = self.slot(candle.open_time, now) {
            slot.candle_volume = candle.volume;
            slot.is_final |= candle.is_final;
        }
    }

    /// Returns the slot of `moment`, and schedules its check.
    fn slot(&mut self, moment: Timestamp, now: Instant) -> Option<&mut AuditedSlot> {
        let due = now + self.wait;
        let place = match self.slots.back() {
            Some(last) if last.open <= moment && moment < last.close => self.slots.len() - 1,
            _ => self.place(moment, due)?,
        };
        let is_over = place + 1 < self.slots.len();
        let slot = self.slots.get_mut(place)?;
        if is_over {
            slot.due.get_or_insert(due);
        }
        Some(slot)
    }

    /// Returns the index of the slot of `moment`, or `None` if it is too old. A new slot ends the one before
    /// it.
    fn place(&mut self, moment: Timestamp, due: Instant) -> Option<usize> {
        let open = self.grid.floor(self.frame, moment);
        let mut place = match self.slots.binary_search_by(|slot| slot.open.cmp(&open)) {
            Ok(place) => return Some(place),
            Err(0) if self.slots.len() >= MAX_SLOTS => return None,
            Err(place) => place,
        };
        if place == self.slots.len()
            && let Some(last) = self.slots.back_mut()
        {
            last.due.get_or_insert(due);
        }
        if self.slots.len() >= MAX_SLOTS {
            self.slots.pop_front();
            place -= 1;
        }
        let close = self.grid.close(self.frame, open);
        self.slots.insert(
            place,
            AuditedSlot { open, close, traded_volume: 0.0, candle_volume: 0.0, is_final: false, due: None },
        );
        Some(place)
    }

    /// Returns the time of the next check.
    pub(super) fn due(&self) -> Option<Instant> {
        self.slots.iter().filter_map(|slot| slot.due).min()
    }

    /// Returns the oldest slot that is not known to be complete, where trades from `lacking` on may still be
    /// missing.
    pub(super) fn unproven(&self, lacking: Option<Timestamp>) -> Option<Timestamp> {
        let since = self.since?;
        let may_grow = |slot: &AuditedSlot| lacking.is_some_and(|lacking| lacking < slot.close);
        let is_due = |slot: &AuditedSlot| slot.due.is_some() || may_grow(slot);
        let is_open = |slot: &&AuditedSlot| is_due(slot) && !slot.is_final && since <= slot.open;
        self.slots.iter().find(is_open).map(|slot| slot.open)
    }

    /// Returns the oldest slot with more traded volume than its candle shows. The check waits while trades or
    /// candles are being fetched.
    pub(super) fn check(&mut self, is_whole: bool, now: Instant) -> Option<Timestamp> {
        let rests = self.cooldown_until.is_some_and(|until| now < until);
        let mut wrong = None;
        for slot in &mut self.slots {
            let Some(due) = slot.due.take_if(|due| *due <= now) else { continue };
            if !is_whole {
                slot.due = Some(due.max(now) + self.wait);
                continue;
            }
            let is_known = !slot.is_final && self.since.is_some_and(|since| since <= slot.open);
            if is_known && !rests && slot.traded_volume - slot.candle_volume > tolerance(slot.traded_volume) {
                wrong = wrong.or(Some((slot.open, slot.candle_volume)));
            }
        }
        self.suspected = wrong.or(self.suspected);
        wrong.map(|(open, _)| open)
    }

    /// Records that the suspected candles have been fetched.
    pub(super) fn on_backfilled(&mut self, events: &[FeedEvent], now: Instant) {
        let Some((open, heard)) = self.suspected.take() else { return };
        let was_wrong = events.iter().any(|event| match event {
            FeedEvent::Candle { candle, .. } if candle.open_time == open => {
                (candle.volume - heard).abs() > tolerance(candle.volume)
            }
            _ => false,
        });
        if was_wrong {
            self.cooldown = MIN_COOLDOWN;
        } else {
            self.cooldown_until = Some(now + self.cooldown);
            self.cooldown = (self.cooldown * 2).min(MAX_COOLDOWN);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use market_backbone_core::Series;
    use market_backbone_testkit as testkit;

    const WAIT: Duration = Duration::from_secs(2);

    fn trade(secs: i64, size: f64) -> Trade {
        let time = Timestamp::from_secs(secs);
        Trade { size, ..testkit::trade(testkit::symbol("KRW-BTC"), secs, 1.0, time) }
    }

    fn candle(secs: i64, volume: f64, is_final: bool) -> Candle {
        let candle = testkit::flat_candle(Timestamp::from_secs(secs), 1.0);
        Candle { volume, turnover: volume, is_final, ..candle }
    }

    fn candle_audit() -> CandleAudit {
        CandleAudit::new(0, Timeframe::M1, Grid::Utc, WAIT)
    }

    #[test]
    fn a_candle_that_less_was_received_of_than_was_traded_is_wrong_once() {
        let (now, mut closing) = (Instant::now(), candle_audit());
        closing.on_trade(&trade(10, 0.1), now);
        closing.on_trade(&trade(20, 0.2), now);
        closing.on_candle(&candle(0, 0.1, false), now);
        assert_eq!(closing.due(), None, "it is not over");
        closing.on_trade(&trade(61, 0.5), now);
        assert_eq!((closing.due(), closing.unproven(None)), (Some(now + WAIT), Some(Timestamp::EPOCH)));
        assert_eq!(closing.check(true, now), None, "not yet");
        assert_eq!(closing.check(true, now + WAIT), Some(Timestamp::EPOCH));
        assert_eq!(closing.check(true, now + WAIT), None);
    }

    #[test]
    fn what_adds_up_or_was_received_of_in_part_only_by_the_trades_is_right() {
        let (now, mut closing) = (Instant::now(), candle_audit());
        closing.on_candle(&candle(0, 9.0, false), now);
        for (secs, size) in [(10, 0.1), (20, 0.2), (30, 0.3)] {
            closing.on_trade(&trade(60 + secs, size), now);
        }
        closing.on_candle(&candle(60, 0.6, false), now);
        closing.on_candle(&candle(120, 0.1, false), now);
        assert_eq!(closing.check(true, now + WAIT), None);
        assert_eq!(closing.unproven(None), None);
    }

    #[test]
    fn while_something_is_fetched_nothing_is_judged() {
        let (now, mut closing) = (Instant::now(), candle_audit());
        closing.on_candle(&candle(0, 0.1, false), now);
        closing.on_candle(&candle(60, 0.1, false), now);
        closing.on_trade(&trade(30, 0.5), now);
        assert_eq!(closing.check(false, now + WAIT), None);
        assert_eq!(closing.check(true, now + 2 * WAIT), Some(Timestamp::EPOCH));
    }

    #[test]
    fn a_late_trade_has_its_slot_judged_again_unless_that_will_stay() {
        let (now, mut closing) = (Instant::now(), candle_audit());
        closing.on_candle(&candle(0, 0.1, true), now);
        closing.on_candle(&candle(60, 0.1, false), now);
        closing.on_candle(&candle(120, 0.1, false), now);
        assert_eq!(closing.check(true, now + WAIT), None);
        closing.on_trade(&trade(30, 0.5), now + WAIT);
        closing.on_trade(&trade(90, 0.5), now + WAIT);
        assert_eq!(closing.check(true, now + 2 * WAIT), Some(Timestamp::from_secs(60)));
    }

    #[test]
    fn while_trades_are_missing_a_slot_that_was_judged_is_not_proven() {
        let (now, mut closing) = (Instant::now(), candle_audit());
        for minute in 0..3 {
            closing.on_candle(&candle(60 * minute, 0.5, false), now);
        }
        assert_eq!(closing.check(true, now + WAIT), None);
        assert_eq!(closing.unproven(None), None);
        assert_eq!(closing.unproven(Some(Timestamp::from_secs(70))), Some(Timestamp::from_secs(60)));
        closing.on_candle(&candle(60, 0.6, true), now + WAIT);
        assert_eq!(closing.unproven(Some(Timestamp::from_secs(70))), Some(Timestamp::from_secs(120)));
    }

    #[test]
    fn slots_from_before_the_first_candle_are_not_judged() {
        let (now, mut closing) = (Instant::now(), candle_audit());
        closing.on_trade(&trade(30, 0.5), now);
        closing.on_trade(&trade(90, 0.5), now);
        assert_eq!(closing.check(true, now + WAIT), None);
        closing.on_candle(&candle(120, 0.1, false), now + WAIT);
        assert_eq!(closing.check(true, now + 2 * WAIT), None);
    }

    #[test]
    fn only_the_last_slots_are_remembered() {
        let (now, mut closing) = (Instant::now(), candle_audit());
        for minute in 0..1_000 {
            closing.on_candle(&candle(60 * minute, 1.0, false), now);
        }
        closing.on_trade(&trade(0, 5.0), now);
        assert_eq!(closing.slots.len(), MAX_SLOTS);
        assert_eq!(closing.check(true, now + WAIT), None);
    }

    #[test]
    fn after_a_false_alarm_it_rests() {
        let (now, mut closing) = (Instant::now(), candle_audit());
        let page = |volume| {
            let series = Series::new(testkit::symbol("KRW-BTC"), Timeframe::M1);
            FeedEvent::Candle { series, candle: candle(0, volume, true), received: Timestamp::EPOCH }
        };
        closing.suspected = Some((Timestamp::EPOCH, 1.0));
        closing.on_backfilled(&[page(2.0)], now);
        assert_eq!(closing.cooldown_until, None);
        closing.suspected = Some((Timestamp::EPOCH, 1.0));
        closing.on_backfilled(&[page(1.0)], now);
        closing.on_candle(&candle(60, 0.1, false), now);
        closing.on_trade(&trade(121, 0.5), now);
        closing.on_trade(&trade(70, 0.5), now);
        assert_eq!(closing.check(true, now + WAIT), None);
        closing.on_trade(&trade(71, 0.5), now);
        assert_eq!(closing.check(true, now + MIN_COOLDOWN), Some(Timestamp::from_secs(60)));
    }
}
