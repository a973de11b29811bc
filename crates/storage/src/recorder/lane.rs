//! One series being recorded: which of its slots were heard from beginning to end, and when each may be written.
//!
//! A slot is written if the feed was whole from before it opened until after it closed. That it was whole after the
//! slot closed is shown by something later that was heard, or by time enough for a dead connection to be noticed. If
//! something turns out to be missing all the same, what was written is taken back.

use std::collections::BTreeMap;
use std::time::Duration;

use market_backbone_core::{
    BarEvent, Candle, Coverage, Gap, GapState, Grid, Origin, Provenance, Series, Span, StreamKind, TimeRange,
    Timestamp,
};

use super::order::{Order, Word};

/// A resumed gap of which nobody says that it is being healed is lost after so long.
const HEALED_WITHIN: Duration = Duration::from_secs(900);
/// What was lost longer ago than this is no longer remembered: nothing more comes of it.
const LOST_KEPT: Duration = Duration::from_secs(7_200);
/// Candles that wait in one lane at most, while a gap is being healed.
const MOST_WAITING: usize = 10_000;

/// When a slot may be written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub(super) settle: Duration,
    pub(super) silence: Duration,
    pub(super) clock_slack: Duration,
}

/// An interruption of the feed of which it is not known yet what it cost; slots that it touches wait.
#[derive(Clone, Copy, Debug)]
struct Hole {
    from: Timestamp,
    /// When events arrived again, if they do.
    to: Option<Timestamp>,
}

/// One series being recorded.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) series: Series,
    /// What of the market it is built from.
    pub(super) source: StreamKind,
    /// Whether a candle that comes again for a slot that was written is all that the venue now says of it.
    amends: bool,
    grid: Grid,
    patience: Patience,
    /// The feed is whole since then, a boundary of the grid; `None` until something was heard.
    whole_since: Option<Timestamp>,
    /// The newest moment, by the venue's clock, of which something was heard.
    heard_until: Timestamp,
    hole: Option<Hole>,
    /// Slots that are over and wait: their candles, and the stretches without one.
    candles: BTreeMap<Timestamp, Candle>,
    quiet: Coverage,
    /// Slots of which something is missing.
    lost: Coverage,
    /// Slots that open before this have been written or given up.
    decided_until: Timestamp,
    /// How many stay unknown and have not been counted yet.
    unknown: u64,
}

impl Lane {
    pub(super) fn new(
        series: Series,
        source: StreamKind,
        amends: bool,
        grid: Grid,
        patience: Patience,
    ) -> Self {
        Self {
            series,
            source,
            amends,
            grid,
            patience,
            whole_since: None,
            heard_until: Timestamp::MIN,
            hole: None,
            candles: BTreeMap::new(),
            quiet: Coverage::empty(),
            lost: Coverage::empty(),
            decided_until: Timestamp::MIN,
            unknown: 0,
        }
    }

    /// Something was heard at `received` that tells of the moment `of`. The first time, returns when the first slot
    /// opens that will be heard as a whole.
    pub(super) fn heard(&mut self, of: Timestamp, received: Timestamp) -> Option<Timestamp> {
        self.heard_until = self.heard_until.max(of);
        if self.whole_since.is_some() {
            return None;
        }
        let since = of.max(received).plus(self.patience.clock_slack);
        let since = self.grid.ceil(self.series.timeframe, since);
        (self.whole_since, self.decided_until) = (Some(since), since);
        Some(since)
    }

    /// Takes what the builder says.
    pub(super) fn take(&mut self, event: BarEvent, orders: &mut Vec<Order>) {
        match event {
            BarEvent::Update(_) => {}
            BarEvent::Quiet(range) => {
                if let Some(since) = self.whole_since
                    && let Ok(range) = TimeRange::new(range.from().max(since), range.to())
                {
                    let missing = self.lost.missing(range);
                    missing.into_iter().for_each(|range| self.quiet.insert(stretch(range)));
                }
            }
            BarEvent::Closed(candle) | BarEvent::Amended { candle, .. } => self.take_candle(candle, orders),
        }
    }

    fn take_candle(&mut self, candle: Candle, orders: &mut Vec<Order>) {
        let open = candle.open_time;
        if self.whole_since.is_none_or(|since| open < since) || self.lost.knows(open) {
            return;
        }
        let Some(slot) = self.slot_of(open) else { return };
        if open < self.decided_until && self.amends {
            orders.push(self.order(slot, Word::Keep(vec![candle])));
            return;
        }
        if open < self.decided_until {
            // What was written lacks something, and so may what one would write instead.
            self.give_up(slot, orders);
            return;
        }
        self.quiet.remove(slot);
        self.candles.insert(open, candle);
        if self.candles.len() > MOST_WAITING
            && let Some(slot) = self.candles.keys().next().and_then(|oldest| self.slot_of(*oldest))
        {
            self.give_up(slot, orders);
        }
    }

    /// The slot that holds `moment`.
    fn slot_of(&self, moment: Timestamp) -> Option<TimeRange> {
        let open = self.grid.floor(self.series.timeframe, moment);
        TimeRange::new(open, self.grid.close(self.series.timeframe, open)).ok()
    }

    /// Takes news of a gap in its source.
    pub(super) fn gap(&mut self, gap: &Gap, now: Timestamp, orders: &mut Vec<Order>) {
        let from = gap.from.minus(self.patience.clock_slack);
        let from = self.hole.map_or(from, |hole| hole.from.min(from));
        let to = gap.to.unwrap_or(now).plus(self.patience.clock_slack);
        match gap.state {
            GapState::Opened => {
                self.hole = Some(Hole { from, to: None });
                self.take_back_since(from, orders);
            }
            GapState::Resumed | GapState::Healing => {
                self.hole = Some(Hole { from, to: Some(to) });
                self.take_back_since(from, orders);
            }
            GapState::Healed if self.source == StreamKind::Trade => {
                // Unless the next one has begun.
                self.hole = self.hole.filter(|hole| hole.to.is_none());
            }
            // That a gap of growing candles is healed says that the closed ones were told. Those are in the store
            // already, and of the one that was in progress nothing is sure.
            _ => self.lose(from, to, orders),
        }
    }

    /// Events of this stretch are missing and will not come.
    pub(super) fn lose(&mut self, from: Timestamp, to: Timestamp, orders: &mut Vec<Order>) {
        self.hole = None;
        let frame = self.series.timeframe;
        if let Ok(slots) = TimeRange::new(self.grid.floor(frame, from), self.grid.ceil(frame, to)) {
            self.give_up(slots, orders);
        }
    }

    /// A trade of this moment came too late to be counted.
    pub(super) fn missed(&mut self, moment: Timestamp, orders: &mut Vec<Order>) {
        if let Some(slot) = self.slot_of(moment) {
            self.give_up(slot, orders);
        }
    }

    /// The slots of `range` stay unknown.
    fn give_up(&mut self, range: TimeRange, orders: &mut Vec<Order>) {
        let Some(since) = self.whole_since else { return };
        self.take_back(range, orders);
        let Ok(range) = TimeRange::new(range.from().max(since), range.to()) else { return };
        for new in self.lost.missing(range) {
            self.unknown += self.grid.slots(self.series.timeframe, new);
        }
        self.lost.insert(stretch(range));
        self.candles.retain(|open_time, _| !range.contains(*open_time));
        self.quiet.remove(range);
    }

    fn take_back_since(&self, from: Timestamp, orders: &mut Vec<Order>) {
        if let Ok(range) = TimeRange::new(self.grid.floor(self.series.timeframe, from), Timestamp::MAX) {
            self.take_back(range, orders);
        }
    }

    /// What has been written of `range` was written too soon.
    fn take_back(&self, range: TimeRange, orders: &mut Vec<Order>) {
        let Some(since) = self.whole_since else { return };
        if let Ok(range) = TimeRange::new(range.from().max(since), range.to().min(self.decided_until)) {
            orders.push(self.order(range, Word::Withdraw));
        }
    }

    fn order(&self, range: TimeRange, word: Word) -> Order {
        Order { series: self.series.clone(), range, word }
    }

    /// Hands over what may be written now, and says how many slots have turned out to stay unknown.
    pub(super) fn release(&mut self, now: Timestamp, orders: &mut Vec<Order>) -> u64 {
        if let Some(Hole { from, to: Some(to) }) = self.hole
            && to.plus(HEALED_WITHIN) < now
        {
            self.lose(from, to, orders);
        }
        let sure = self.grid.floor(self.series.timeframe, self.sure_until(now));
        while let Some(range) = self.next_run(sure) {
            let candles = self.candles.range(range.from()..range.to()).map(|(_, candle)| *candle).collect();
            self.candles.retain(|open_time, _| !range.contains(*open_time));
            self.quiet.remove(range);
            self.decided_until = range.to();
            orders.push(self.order(range, Word::Keep(candles)));
        }
        if let Ok(range) = TimeRange::new(Timestamp::MIN, now.minus(LOST_KEPT)) {
            self.lost.remove(range);
        }
        std::mem::take(&mut self.unknown)
    }

    /// Slots that end until then were whole, as far as anybody can know now.
    fn sure_until(&self, now: Timestamp) -> Timestamp {
        let shown = self.heard_until.min(now.minus(self.patience.settle));
        let waited = now.minus(self.patience.silence);
        self.hole.map_or(Timestamp::MAX, |hole| hole.from).min(shown.max(waited))
    }

    /// The oldest unbroken run of slots that wait and end until `sure`.
    fn next_run(&self, sure: Timestamp) -> Option<TimeRange> {
        let quiet = |at: Timestamp| self.quiet.spans().iter().find(|span| span.range.contains(at));
        let first_quiet = self.quiet.spans().first().map(|span| span.range.from());
        let from = self.candles.keys().next().copied().into_iter().chain(first_quiet).min()?;
        let mut to = from;
        while to < sure {
            let next = match (self.candles.contains_key(&to), quiet(to)) {
                (true, _) => self.grid.close(self.series.timeframe, to),
                (false, Some(span)) => span.range.to().min(sure),
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

/// A stretch in a set of stretches; whose word it is does not matter here.
fn stretch(range: TimeRange) -> Span {
    Span { range, provenance: Provenance { origin: Origin::Socket, observed_at: Timestamp::EPOCH } }
}
