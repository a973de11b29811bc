//! The slots of one series: which slot an event belongs to, when a slot closes, and which events are
//! reported.

use std::collections::VecDeque;

use super::ohlcv_accumulator::{OhlcvAccumulator, TradeTick};
use super::slot_content::{ComponentCandles, SlotContent};
use super::{BarEvent, BuilderCounts, BuilderRules};
use crate::{Candle, Grid, TimeRange, Timeframe, Timestamp};

/// One slot with input.
#[derive(Clone, Debug)]
struct BuilderSlot {
    open: Timestamp,
    close: Timestamp,
    content: SlotContent,
    /// The revision reported last, or `None` until the slot is reported as closed.
    reported_revision: Option<u32>,
}

impl BuilderSlot {
    fn contains(&self, moment: Timestamp) -> bool {
        self.open <= moment && moment < self.close
    }

    fn candle(&self) -> Option<Candle> {
        self.content.candle(self.open, self.reported_revision.is_some())
    }
}

/// The open and recently closed slots of one series.
#[derive(Clone, Debug)]
pub(super) struct SeriesSlots {
    grid: Grid,
    timeframe: Timeframe,
    rules: BuilderRules,
    // Invariant: oldest first; those that are not reported as closed come last.
    slots: VecDeque<BuilderSlot>,
    /// The end of the closed part: all slots that open before this are closed.
    closed_until: Timestamp,
    /// The first open time from which quiet slots are reported.
    quiet_from: Option<Timestamp>,
    /// The newest candle's open time, where the input is candles.
    newest: Timestamp,
    pub(super) counts: BuilderCounts,
}

impl SeriesSlots {
    pub(super) fn new(grid: Grid, timeframe: Timeframe, rules: BuilderRules) -> Self {
        Self {
            grid,
            timeframe,
            rules,
            slots: VecDeque::new(),
            closed_until: Timestamp::MIN,
            quiet_from: None,
            newest: Timestamp::MIN,
            counts: BuilderCounts::default(),
        }
    }

    pub(super) const fn timeframe(&self) -> Timeframe {
        self.timeframe
    }

    pub(super) fn set_complete_since(&mut self, from: Timestamp) {
        let first = self.grid.ceil(self.timeframe, from);
        self.quiet_from.get_or_insert(first);
    }

    pub(super) fn restore(
        &mut self,
        closed_until: Timestamp,
        closed: impl IntoIterator<Item = (Candle, u32)>,
    ) {
        for (candle, revision) in closed {
            let open = candle.open_time;
            let content = SlotContent::Candle(Candle { is_final: false, ..candle });
            let close = self.grid.close(self.timeframe, open);
            self.slots.push_back(BuilderSlot { open, close, content, reported_revision: Some(revision) });
            self.newest = self.newest.max(open);
        }
        self.closed_until = self.closed_until.max(closed_until);
        self.quiet_from = self.slots.front().map(|slot| slot.open).or(self.quiet_from);
    }

    pub(super) fn forming(&self) -> Option<Candle> {
        self.slots.back().filter(|slot| slot.reported_revision.is_none())?.candle()
    }

    /// Adds a trade that is not a duplicate and not older than `horizon`.
    pub(super) fn on_trade(
        &mut self,
        tick: TradeTick,
        horizon: Timestamp,
        notify: &mut impl FnMut(BarEvent),
    ) {
        match self.locate(tick.key.time, notify) {
            Ok(place) => {
                if self.slots[place].content.add(tick) {
                    self.notify_change(place, notify);
                }
            }
            Err(place) => {
                self.insert(place, tick.key.time, SlotContent::Trades(OhlcvAccumulator::of(tick)), notify);
                self.evict_before(horizon);
            }
        }
    }

    pub(super) fn on_candle(&mut self, state: &Candle, notify: &mut impl FnMut(BarEvent)) {
        if !self.grid.is_open_time(self.timeframe, state.open_time) || !state.is_valid() {
            self.counts.invalid += 1;
            return;
        }
        let over = self.grid.close(self.timeframe, state.open_time);
        let Some(horizon) = self.advance_to(state.open_time, over) else { return };
        match self.locate(state.open_time, notify) {
            Ok(place) => self.apply_change(place, |slot| slot.content.replace(state), notify),
            Err(place) => {
                self.counts.accepted += 1;
                self.insert(place, state.open_time, SlotContent::Candle(*state), notify);
                self.evict_before(horizon);
            }
        }
        if state.is_final {
            self.close_until(over, notify);
        }
    }

    pub(super) fn on_shorter_candle(&mut self, part: &Candle, tell: &mut impl FnMut(BarEvent)) {
        if !part.is_valid() {
            self.counts.invalid += 1;
            return;
        }
        let Some(horizon) = self.advance_to(part.open_time, part.open_time) else { return };
        match self.locate(part.open_time, tell) {
            Ok(place) => self.apply_change(place, |slot| slot.content.upsert(part, horizon), tell),
            Err(place) => {
                self.counts.accepted += 1;
                self.insert(place, part.open_time, SlotContent::Components(ComponentCandles::of(part)), tell);
                self.evict_before(horizon);
            }
        }
    }

    pub(super) fn on_time(&mut self, now: Timestamp, notify: &mut impl FnMut(BarEvent)) {
        let over = self.grid.floor(self.timeframe, now.minus(self.rules.grace));
        self.close_until(over, notify);
    }

    /// Advances to a candle that opens at `open_time` and returns the horizon before which input is too late.
    /// Returns `None` if `latest`, the last moment the candle covers, lies before that horizon.
    fn advance_to(&mut self, open_time: Timestamp, latest: Timestamp) -> Option<Timestamp> {
        self.newest = self.newest.max(open_time);
        let horizon = self.newest.minus(self.rules.allowed_lateness);
        if latest < horizon {
            self.counts.too_late += 1;
            return None;
        }
        Some(horizon)
    }

    /// Applies `change` to the slot and reports the result.
    fn apply_change(
        &mut self,
        place: usize,
        change: impl FnOnce(&mut BuilderSlot) -> bool,
        notify: &mut impl FnMut(BarEvent),
    ) {
        if change(&mut self.slots[place]) {
            self.counts.accepted += 1;
            self.notify_change(place, notify);
        } else {
            self.counts.duplicates += 1;
        }
    }

    /// Returns the index of the slot that holds `moment`, or the index at which to insert it. Slots before a new
    /// newest one are closed.
    fn locate(&mut self, moment: Timestamp, notify: &mut impl FnMut(BarEvent)) -> Result<usize, usize> {
        let last = self.slots.len().wrapping_sub(1);
        if self.slots.back().is_some_and(|newest| newest.contains(moment)) {
            return Ok(last);
        }
        let open = self.grid.floor(self.timeframe, moment);
        if self.slots.back().is_none_or(|newest| newest.open < open) {
            self.quiet_from.get_or_insert(open);
            self.close_until(open, notify);
            return Err(self.slots.len());
        }
        self.slots.binary_search_by_key(&open, |slot| slot.open)
    }

    /// Inserts a slot that had no input before.
    fn insert(
        &mut self,
        place: usize,
        moment: Timestamp,
        content: SlotContent,
        tell: &mut impl FnMut(BarEvent),
    ) {
        let open = self.grid.floor(self.timeframe, moment);
        let close = self.grid.close(self.timeframe, open);
        let was_reported_quiet = self.reports_quiet(open) && open < self.closed_until;
        self.slots.insert(
            place,
            BuilderSlot { open, close, content, reported_revision: was_reported_quiet.then_some(0) },
        );
        self.notify_change(place, tell);
    }

    fn reports_quiet(&self, open: Timestamp) -> bool {
        self.rules.reports_quiet && self.quiet_from.is_some_and(|since| since <= open)
    }

    fn notify_change(&mut self, place: usize, tell: &mut impl FnMut(BarEvent)) {
        let slot = &mut self.slots[place];
        let revision = match slot.reported_revision {
            Some(reported) => Some(reported + 1),
            None => (slot.open < self.closed_until).then_some(0),
        };
        slot.reported_revision = revision;
        let Some(candle) = slot.candle() else { return };
        tell(match revision {
            None => BarEvent::Update(candle),
            Some(0) => BarEvent::Closed(candle),
            Some(revision) => BarEvent::Revised { candle, revision },
        });
    }

    /// Closes all slots that open before `end`, a boundary of the grid.
    fn close_until(&mut self, end: Timestamp, notify: &mut impl FnMut(BarEvent)) {
        if end <= self.closed_until {
            return;
        }
        let mut from = self.quiet_from.map(|since| since.max(self.closed_until));
        self.closed_until = end;
        let first = self.slots.partition_point(|slot| slot.reported_revision.is_some());
        for place in first..self.slots.len() {
            let (open, close) = (self.slots[place].open, self.slots[place].close);
            if open >= end {
                break;
            }
            self.notify_quiet(from, open, notify);
            from = Some(close);
            self.notify_change(place, notify);
        }
        self.notify_quiet(from, end, notify);
    }

    fn notify_quiet(&self, from: Option<Timestamp>, to: Timestamp, notify: &mut impl FnMut(BarEvent)) {
        if self.rules.reports_quiet
            && let Some(range) = from.and_then(|from| TimeRange::new(from, to).ok())
        {
            notify(BarEvent::Quiet(range));
        }
    }

    /// Discards closed slots that can receive no more input.
    fn evict_before(&mut self, horizon: Timestamp) {
        while self.slots.front().is_some_and(|slot| slot.reported_revision.is_some() && slot.close < horizon)
        {
            self.slots.pop_front();
        }
    }
}
