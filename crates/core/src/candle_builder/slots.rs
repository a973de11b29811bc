//! The slots of one series: which one an event belongs to, when each is over, and what is told of it.

use std::collections::VecDeque;

use super::body::{Body, Parts};
use super::fold::{Fold, Print};
use super::{BarEvent, BuilderCounts, BuilderRules};
use crate::{Candle, Grid, TimeRange, Timeframe, Timestamp};

/// One slot of which something was heard.
#[derive(Clone, Debug)]
struct Slot {
    open: Timestamp,
    close: Timestamp,
    body: Body,
    /// The revision told last; `None` until the slot is told to be over.
    told: Option<u32>,
}

impl Slot {
    fn holds(&self, moment: Timestamp) -> bool {
        self.open <= moment && moment < self.close
    }

    fn candle(&self) -> Option<Candle> {
        self.body.candle(self.open, self.told.is_some())
    }
}

/// The slots of one series.
#[derive(Clone, Debug)]
pub(super) struct Slots {
    grid: Grid,
    timeframe: Timeframe,
    rules: BuilderRules,
    // Invariant: oldest first; those that have not been told to be over come last.
    slots: VecDeque<Slot>,
    /// All slots that open before this are over.
    over_until: Timestamp,
    /// Slots that open from here on are told where they are quiet.
    quiet_since: Option<Timestamp>,
    /// The newest candle's open time, where candles come in.
    newest: Timestamp,
    pub(super) counts: BuilderCounts,
}

impl Slots {
    pub(super) fn new(grid: Grid, timeframe: Timeframe, rules: BuilderRules) -> Self {
        Self {
            grid,
            timeframe,
            rules,
            slots: VecDeque::new(),
            over_until: Timestamp::MIN,
            quiet_since: None,
            newest: Timestamp::MIN,
            counts: BuilderCounts::default(),
        }
    }

    pub(super) const fn timeframe(&self) -> Timeframe {
        self.timeframe
    }

    pub(super) fn begin(&mut self, from: Timestamp) {
        let first = self.grid.ceil(self.timeframe, from);
        self.quiet_since.get_or_insert(first);
    }

    pub(super) fn forming(&self) -> Option<Candle> {
        self.slots.back().filter(|slot| slot.told.is_none())?.candle()
    }

    /// Takes a trade that was not there before and is not older than `horizon`.
    pub(super) fn trade(&mut self, print: Print, horizon: Timestamp, tell: &mut impl FnMut(BarEvent)) {
        match self.place(print.key.time, tell) {
            Ok(place) => {
                if self.slots[place].body.add(print) {
                    self.tell_change(place, tell);
                }
            }
            Err(place) => {
                self.insert(place, print.key.time, Body::Trades(Fold::of(print)), tell);
                self.forget_before(horizon);
            }
        }
    }

    pub(super) fn frame(&mut self, state: &Candle, tell: &mut impl FnMut(BarEvent)) {
        if !self.grid.is_open_time(self.timeframe, state.open_time) || !state.is_sound() {
            self.counts.unsound += 1;
            return;
        }
        let over = self.grid.close(self.timeframe, state.open_time);
        let Some(horizon) = self.in_time(state.open_time, over) else { return };
        match self.place(state.open_time, tell) {
            Ok(place) => self.note(place, |slot| slot.body.replace(state), tell),
            Err(place) => {
                self.counts.taken += 1;
                self.insert(place, state.open_time, Body::Frame(*state), tell);
                self.forget_before(horizon);
            }
        }
        if state.is_final {
            self.close_until(over, tell);
        }
    }

    pub(super) fn part(&mut self, part: &Candle, tell: &mut impl FnMut(BarEvent)) {
        if !part.is_sound() {
            self.counts.unsound += 1;
            return;
        }
        let Some(horizon) = self.in_time(part.open_time, part.open_time) else { return };
        match self.place(part.open_time, tell) {
            Ok(place) => self.note(place, |slot| slot.body.put(part, horizon), tell),
            Err(place) => {
                self.counts.taken += 1;
                self.insert(place, part.open_time, Body::Parts(Parts::of(part)), tell);
                self.forget_before(horizon);
            }
        }
    }

    pub(super) fn on_time(&mut self, now: Timestamp, tell: &mut impl FnMut(BarEvent)) {
        let over = self.grid.floor(self.timeframe, now.minus(self.rules.grace));
        self.close_until(over, tell);
    }

    /// Moves on to a candle that opens at `open_time`; what is older than the returned horizon comes too late, and so
    /// does this one (then `None`) if `latest`, the last moment it speaks of, lies before it.
    fn in_time(&mut self, open_time: Timestamp, latest: Timestamp) -> Option<Timestamp> {
        self.newest = self.newest.max(open_time);
        let horizon = self.newest.minus(self.rules.late);
        if latest < horizon {
            self.counts.late += 1;
            return None;
        }
        Some(horizon)
    }

    /// Lets `change` have the slot, and tells what came of it.
    fn note(
        &mut self,
        place: usize,
        change: impl FnOnce(&mut Slot) -> bool,
        tell: &mut impl FnMut(BarEvent),
    ) {
        if change(&mut self.slots[place]) {
            self.counts.taken += 1;
            self.tell_change(place, tell);
        } else {
            self.counts.repeated += 1;
        }
    }

    /// Where the slot that holds `moment` is, or should be put. Slots before a new newest one are over.
    fn place(&mut self, moment: Timestamp, tell: &mut impl FnMut(BarEvent)) -> Result<usize, usize> {
        let last = self.slots.len().wrapping_sub(1);
        if self.slots.back().is_some_and(|newest| newest.holds(moment)) {
            return Ok(last);
        }
        let open = self.grid.floor(self.timeframe, moment);
        if self.slots.back().is_none_or(|newest| newest.open < open) {
            self.quiet_since.get_or_insert(open);
            self.close_until(open, tell);
            return Err(self.slots.len());
        }
        self.slots.binary_search_by_key(&open, |slot| slot.open)
    }

    /// Puts in a slot of which nothing was heard before.
    fn insert(&mut self, place: usize, moment: Timestamp, body: Body, tell: &mut impl FnMut(BarEvent)) {
        let open = self.grid.floor(self.timeframe, moment);
        let close = self.grid.close(self.timeframe, open);
        let was_told = self.tells_quiet(open) && open < self.over_until;
        self.slots.insert(place, Slot { open, close, body, told: was_told.then_some(0) });
        self.tell_change(place, tell);
    }

    fn tells_quiet(&self, open: Timestamp) -> bool {
        self.rules.tells_quiet && self.quiet_since.is_some_and(|since| since <= open)
    }

    fn tell_change(&mut self, place: usize, tell: &mut impl FnMut(BarEvent)) {
        let slot = &mut self.slots[place];
        let revision = match slot.told {
            Some(told) => Some(told + 1),
            None => (slot.open < self.over_until).then_some(0),
        };
        slot.told = revision;
        let Some(candle) = slot.candle() else { return };
        tell(match revision {
            None => BarEvent::Update(candle),
            Some(0) => BarEvent::Closed(candle),
            Some(revision) => BarEvent::Amended { candle, revision },
        });
    }

    /// Closes all slots that open before `end`, a boundary of the grid.
    fn close_until(&mut self, end: Timestamp, tell: &mut impl FnMut(BarEvent)) {
        if end <= self.over_until {
            return;
        }
        let mut from = self.quiet_since.map(|since| since.max(self.over_until));
        self.over_until = end;
        let first = self.slots.partition_point(|slot| slot.told.is_some());
        for place in first..self.slots.len() {
            let (open, close) = (self.slots[place].open, self.slots[place].close);
            if open >= end {
                break;
            }
            self.tell_quiet(from, open, tell);
            from = Some(close);
            self.tell_change(place, tell);
        }
        self.tell_quiet(from, end, tell);
    }

    fn tell_quiet(&self, from: Option<Timestamp>, to: Timestamp, tell: &mut impl FnMut(BarEvent)) {
        if self.rules.tells_quiet
            && let Some(range) = from.and_then(|from| TimeRange::new(from, to).ok())
        {
            tell(BarEvent::Quiet(range));
        }
    }

    /// Lets go of closed slots to which nothing can be added any more.
    fn forget_before(&mut self, horizon: Timestamp) {
        while self.slots.front().is_some_and(|slot| slot.told.is_some() && slot.close < horizon) {
            self.slots.pop_front();
        }
    }
}
