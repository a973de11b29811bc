//! One series being recorded: which of its slots were received completely, and when each may be written.
//!
//! A slot is written if the feed was complete from before it opened until after it closed. A later event
//! proves that the feed was complete after the slot closed, or else enough time for a dead connection to be
//! noticed. If something proves to be missing all the same, the written slot is withdrawn.

use std::collections::BTreeMap;
use std::time::Duration;

use market_backbone_core::{
    BarEvent, Candle, Gap, GapState, Grid, RangeSet, Series, StreamKind, TimeRange, Timestamp,
};

use super::writer_message::{SlotAction, SlotUpdate};

/// The time after which a resumed gap counts as lost, if nobody reports that it is being healed.
const HEAL_TIMEOUT: Duration = Duration::from_secs(900);
/// The time after which a lost range is no longer remembered: nothing more comes of it.
const LOST_RETENTION: Duration = Duration::from_secs(7_200);
/// The largest number of candles that wait in one series while a gap is being healed.
const MAX_PENDING: usize = 10_000;

/// The times at which a slot may be written.
#[derive(Clone, Copy, Debug)]
pub(super) struct RecorderTimeouts {
    pub(super) settle_delay: Duration,
    pub(super) silence_timeout: Duration,
    pub(super) clock_slack: Duration,
}

/// An interruption of the feed whose loss is not known yet; the slots that it touches wait.
#[derive(Clone, Copy, Debug)]
struct FeedInterruption {
    from: Timestamp,
    /// The time at which events arrived again, if they do.
    to: Option<Timestamp>,
}

/// One series being recorded.
#[derive(Debug)]
pub(super) struct SeriesRecorder {
    pub(super) series: Series,
    /// The stream from which it is built.
    pub(super) source: StreamKind,
    /// True if a repeated candle of a written slot is a complete revision.
    accepts_revisions: bool,
    grid: Grid,
    patience: RecorderTimeouts,
    /// The time since which the feed is complete, on the grid; `None` until something was received.
    complete_since: Option<Timestamp>,
    /// The latest venue time received.
    observed_until: Timestamp,
    interruption: Option<FeedInterruption>,
    /// The finished slots that wait: their candles, and the ranges without one.
    candles: BTreeMap<Timestamp, Candle>,
    quiet: RangeSet,
    /// The slots of which something is missing.
    lost: RangeSet,
    /// The time before which all slots have been written or given up.
    decided_until: Timestamp,
    /// The number of unknown slots that have not been counted yet.
    unknown: u64,
}

impl SeriesRecorder {
    pub(super) fn new(
        series: Series,
        source: StreamKind,
        amends: bool,
        grid: Grid,
        patience: RecorderTimeouts,
    ) -> Self {
        Self {
            series,
            source,
            accepts_revisions: amends,
            grid,
            patience,
            complete_since: None,
            observed_until: Timestamp::MIN,
            interruption: None,
            candles: BTreeMap::new(),
            quiet: RangeSet::new(),
            lost: RangeSet::new(),
            decided_until: Timestamp::MIN,
            unknown: 0,
        }
    }

    /// Records an event received at `received` with the venue time `of`. The first time, returns the open
    /// time of the first slot that will be received completely.
    pub(super) fn observe(&mut self, of: Timestamp, received: Timestamp) -> Option<Timestamp> {
        self.observed_until = self.observed_until.max(of);
        if self.complete_since.is_some() {
            return None;
        }
        let since = of.max(received).plus(self.patience.clock_slack);
        let since = self.grid.ceil(self.series.timeframe, since);
        (self.complete_since, self.decided_until) = (Some(since), since);
        Some(since)
    }

    /// Handles an event of the builder.
    pub(super) fn apply(&mut self, event: BarEvent, orders: &mut Vec<SlotUpdate>) {
        match event {
            BarEvent::Quiet(range) => {
                if let Some(since) = self.complete_since
                    && let Ok(range) = TimeRange::new(range.from().max(since), range.to())
                {
                    let missing = self.lost.gaps(range);
                    missing.into_iter().for_each(|range| self.quiet.insert(range));
                }
            }
            BarEvent::Closed(candle) | BarEvent::Revised { candle, .. } => self.apply_candle(candle, orders),
            // A forming candle is not stored.
            _ => {}
        }
    }

    fn apply_candle(&mut self, candle: Candle, orders: &mut Vec<SlotUpdate>) {
        let open = candle.open_time;
        if self.complete_since.is_none_or(|since| open < since) || self.lost.contains(open) {
            return;
        }
        let Some(slot) = self.slot_of(open) else { return };
        if open < self.decided_until && self.accepts_revisions {
            orders.push(self.update(slot, SlotAction::Keep(vec![candle])));
            return;
        }
        if open < self.decided_until {
            // The written candle lacks something, and so may the one that would replace it.
            self.mark_unknown(slot, orders);
            return;
        }
        self.quiet.remove(slot);
        self.candles.insert(open, candle);
        if self.candles.len() > MAX_PENDING
            && let Some(slot) = self.candles.keys().next().and_then(|oldest| self.slot_of(*oldest))
        {
            self.mark_unknown(slot, orders);
        }
    }

    /// Returns the slot that contains `moment`.
    fn slot_of(&self, moment: Timestamp) -> Option<TimeRange> {
        let open = self.grid.floor(self.series.timeframe, moment);
        TimeRange::new(open, self.grid.close(self.series.timeframe, open)).ok()
    }

    /// Handles a gap event of its source.
    pub(super) fn apply_gap(&mut self, gap: &Gap, now: Timestamp, orders: &mut Vec<SlotUpdate>) {
        let from = gap.from.minus(self.patience.clock_slack);
        let from = self.interruption.map_or(from, |hole| hole.from.min(from));
        let to = gap.to.unwrap_or(now).plus(self.patience.clock_slack);
        match gap.state {
            GapState::Opened => {
                self.interruption = Some(FeedInterruption { from, to: None });
                self.withdraw_since(from, orders);
            }
            GapState::Resumed | GapState::Healing => {
                self.interruption = Some(FeedInterruption { from, to: Some(to) });
                self.withdraw_since(from, orders);
            }
            GapState::Healed if self.source == StreamKind::Trade => {
                // Unless the next one has begun.
                self.interruption = self.interruption.filter(|hole| hole.to.is_none());
            }
            // For forming candles, a healed gap means that the closed ones were sent. Those are in the store
            // already, and the forming one is uncertain.
            _ => self.mark_lost(from, to, orders),
        }
    }

    /// Marks a range whose events are missing and will not come.
    pub(super) fn mark_lost(&mut self, from: Timestamp, to: Timestamp, orders: &mut Vec<SlotUpdate>) {
        self.interruption = None;
        let frame = self.series.timeframe;
        if let Ok(slots) = TimeRange::new(self.grid.floor(frame, from), self.grid.ceil(frame, to)) {
            self.mark_unknown(slots, orders);
        }
    }

    /// Records that a trade of this moment came too late to be counted.
    pub(super) fn mark_missed(&mut self, moment: Timestamp, orders: &mut Vec<SlotUpdate>) {
        if let Some(slot) = self.slot_of(moment) {
            self.mark_unknown(slot, orders);
        }
    }

    /// Marks the slots of `range` as unknown.
    fn mark_unknown(&mut self, range: TimeRange, orders: &mut Vec<SlotUpdate>) {
        let Some(since) = self.complete_since else { return };
        self.withdraw(range, orders);
        let Ok(range) = TimeRange::new(range.from().max(since), range.to()) else { return };
        for new in self.lost.gaps(range) {
            self.unknown += self.grid.slots(self.series.timeframe, new);
        }
        self.lost.insert(range);
        self.candles.retain(|open_time, _| !range.contains(*open_time));
        self.quiet.remove(range);
    }

    fn withdraw_since(&self, from: Timestamp, orders: &mut Vec<SlotUpdate>) {
        if let Ok(range) = TimeRange::new(self.grid.floor(self.series.timeframe, from), Timestamp::MAX) {
            self.withdraw(range, orders);
        }
    }

    /// Withdraws the written slots of `range`: they were written too soon.
    fn withdraw(&self, range: TimeRange, orders: &mut Vec<SlotUpdate>) {
        let Some(since) = self.complete_since else { return };
        if let Ok(range) = TimeRange::new(range.from().max(since), range.to().min(self.decided_until)) {
            orders.push(self.update(range, SlotAction::Withdraw));
        }
    }

    fn update(&self, range: TimeRange, word: SlotAction) -> SlotUpdate {
        SlotUpdate { series: self.series.clone(), range, word }
    }

    /// Passes on what may be written now, and returns how many slots proved to stay unknown.
    pub(super) fn release(&mut self, now: Timestamp, orders: &mut Vec<SlotUpdate>) -> u64 {
        if let Some(FeedInterruption { from, to: Some(to) }) = self.interruption
            && to.plus(HEAL_TIMEOUT) < now
        {
            self.mark_lost(from, to, orders);
        }
        let sure = self.grid.floor(self.series.timeframe, self.complete_until(now));
        while let Some(range) = self.next_run(sure) {
            let candles = self.candles.range(range.from()..range.to()).map(|(_, candle)| *candle).collect();
            self.candles.retain(|open_time, _| !range.contains(*open_time));
            self.quiet.remove(range);
            self.decided_until = range.to();
            orders.push(self.update(range, SlotAction::Keep(candles)));
        }
        if let Ok(range) = TimeRange::new(Timestamp::MIN, now.minus(LOST_RETENTION)) {
            self.lost.remove(range);
        }
        std::mem::take(&mut self.unknown)
    }

    /// Returns the time until which slots were complete, as far as that can be known now.
    fn complete_until(&self, now: Timestamp) -> Timestamp {
        let shown = self.observed_until.min(now.minus(self.patience.settle_delay));
        let waited = now.minus(self.patience.silence_timeout);
        self.interruption.map_or(Timestamp::MAX, |hole| hole.from).min(shown.max(waited))
    }

    /// Returns the oldest unbroken run of waiting slots that end until `sure`.
    fn next_run(&self, sure: Timestamp) -> Option<TimeRange> {
        let quiet = |at: Timestamp| self.quiet.range_at(at);
        let first_quiet = self.quiet.first().map(TimeRange::from);
        let from = self.candles.keys().next().copied().into_iter().chain(first_quiet).min()?;
        let mut to = from;
        while to < sure {
            let next = match (self.candles.contains_key(&to), quiet(to)) {
                (true, _) => self.grid.close(self.series.timeframe, to),
                (false, Some(range)) => range.to().min(sure),
                (false, None) => break,
            };
            if next > sure {
                break;
            }
            to = next;
        }
        TimeRange::new(from, to).ok()
    }
}
