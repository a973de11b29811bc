//! Closed bars of a series, built from the delivered states of its candle.
//!
//! The fold is the [`CandleBuilder`]'s; this module records which bars were delivered. Each bar is delivered
//! once with revision 0, in order, and again whenever it turns out to be different. A cursor holds the bars
//! that may still be revised, so that a later feed continues with the next event.

use std::collections::VecDeque;
use std::time::Duration;

use market_backbone_core::{
    BarEvent, BuilderRules, Candle, CandleBuilder, Channel, Coverage, FeedEvent, Grid, Series, StreamKind,
    TimeRange, Timestamp,
};

/// The most interrupted ranges that are remembered because it is not known whether they were quiet.
const MAX_UNKNOWN: usize = 64;

/// The delivered bars of one series.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct BarCheckpoint {
    /// The open time of the oldest bar that has not been delivered.
    pub(super) due: Timestamp,
    /// The open time from which candles must be fetched, so that every bar that may be revised is seen again.
    pub(super) since: Timestamp,
    /// The recently delivered bars, oldest first, with the revision of each.
    pub(super) recent: Vec<(Candle, u32)>,
}

/// All figures are numbers: a candle with NaN is never delivered, and a cursor with one is refused.
impl Eq for BarCheckpoint {}

/// The rules by which the bars of a feed are built.
#[derive(Clone, Copy, Debug)]
pub(super) struct BarRules {
    /// The time after its end at which the clock closes a bar.
    pub(super) grace: Duration,
    /// The time after its end for which a bar may be revised; at least two bars may.
    pub(super) window: Duration,
    /// `true` to deliver slots without a trade.
    pub(super) includes_quiet: bool,
}

/// The bars of one series.
#[derive(Debug)]
pub(super) struct BarTracker {
    series: Series,
    grid: Grid,
    rules: BarRules,
    builder: CandleBuilder,
    /// The builder's events that have not been delivered.
    pending: VecDeque<BarEvent>,
    due: Timestamp,
    /// The recently delivered bars, by open time, with the revision of each.
    recent: VecDeque<(Candle, u32)>,
    /// The close of the last bar.
    last_close: Option<f64>,
    /// Interrupted ranges of which the venue's pages have not shown whether they were quiet.
    unknown: VecDeque<TimeRange>,
    /// The arrival time of the event being processed.
    received: Timestamp,
}

impl BarTracker {
    /// Creates a tracker of the bars of `series` that open at `due` or later.
    pub(super) fn new(series: Series, grid: Grid, rules: BarRules, due: Timestamp) -> Self {
        let window = rules.window.max(series.timeframe.typical() * 2);
        let builder_rules = BuilderRules::default()
            .grace(rules.grace)
            .allowed_lateness(window)
            .reports_quiet(rules.includes_quiet);
        Self {
            builder: CandleBuilder::new(series.clone(), grid, builder_rules),
            series,
            grid,
            rules: BarRules { window, ..rules },
            pending: VecDeque::new(),
            due,
            recent: VecDeque::new(),
            last_close: None,
            unknown: VecDeque::new(),
            received: Timestamp::MIN,
        }
    }

    /// Continues where a cursor says that another feed ended.
    pub(super) fn resume(mut self, checkpoint: &BarCheckpoint) -> Self {
        self.due = checkpoint.due;
        self.builder.restore(checkpoint.due, checkpoint.recent.iter().copied());
        self.recent = checkpoint.recent.iter().copied().collect();
        self.last_close = self.recent.back().map(|(candle, _)| candle.close);
        self
    }

    /// Returns the channel of these bars.
    pub(super) fn channel(&self) -> Channel {
        let Series { symbol, timeframe } = &self.series;
        Channel { symbol: symbol.clone(), kind: StreamKind::Bar(*timeframe) }
    }

    /// Returns the time after its end for which a bar may be revised.
    pub(super) const fn revision_window(&self) -> Duration {
        self.rules.window
    }

    /// Returns the cursor's content, where candles that open from `candles_due` on are fetched anyway.
    pub(super) fn checkpoint(&self, candles_due: Timestamp) -> BarCheckpoint {
        let recent: Vec<_> = self.recent.iter().copied().collect();
        let oldest = recent.first().map_or(Timestamp::MAX, |(candle, _)| candle.open_time);
        BarCheckpoint { due: self.due, since: oldest.min(self.due).min(candles_due), recent }
    }

    /// Takes a state of a candle that is being delivered.
    pub(super) fn on_candle(&mut self, candle: &Candle, received: Timestamp) {
        let is_known = self.recent.front().is_some_and(|(oldest, _)| oldest.open_time <= candle.open_time);
        if candle.open_time < self.due && !is_known {
            return; // from before the beginning
        }
        self.received = self.received.max(received);
        let Self { builder, pending, .. } = self;
        builder.on_candle(candle, |event| pending.push_back(event));
        if self.is_whole_when_received(candle, received) {
            let close = self.grid.close(self.series.timeframe, candle.open_time);
            self.on_time(close.plus(self.rules.grace));
        }
    }

    /// Returns whether the venue has sent a whole bar after its end, so that there is nothing to wait for.
    fn is_whole_when_received(&self, candle: &Candle, received: Timestamp) -> bool {
        self.rules.grace.is_zero() && self.grid.close(self.series.timeframe, candle.open_time) <= received
    }

    /// Closes the bars that have ended by the clock.
    pub(super) fn on_time(&mut self, now: Timestamp) {
        self.received = self.received.max(now);
        let Self { builder, pending, .. } = self;
        builder.on_time(now, |event| pending.push_back(event));
    }

    /// Returns when the clock next closes a bar, as seen at `now`.
    pub(super) fn next_close(&self, now: Timestamp) -> Timestamp {
        let timeframe = self.series.timeframe;
        let open = self.grid.floor(timeframe, now.minus(self.rules.grace));
        self.grid.close(timeframe, open).plus(self.rules.grace)
    }

    /// Records that `range` was interrupted, and that the venue's pages have shown no more of it than
    /// `coverage`.
    pub(super) fn mark_interrupted(&mut self, range: TimeRange, coverage: &Coverage) {
        if self.rules.includes_quiet {
            self.unknown.extend(coverage.missing(range));
            while self.unknown.len() > MAX_UNKNOWN {
                self.unknown.pop_front();
            }
        }
    }

    /// Returns the next event to deliver, and records it as delivered.
    pub(super) fn pop(&mut self) -> Option<FeedEvent> {
        while let Some(event) = self.pending.pop_front() {
            let (candle, is_quiet) = match event {
                BarEvent::Closed(candle) | BarEvent::Revised { candle, .. } => (candle, false),
                BarEvent::Quiet(range) => match self.next_quiet(range) {
                    Some(candle) => (candle, true),
                    None => continue,
                },
                _ => continue,
            };
            if let Some(event) = self.hand_out(candle, is_quiet) {
                return Some(event);
            }
        }
        None
    }

    /// Returns the first slot of a quiet range as a bar, if it is known to be quiet; the rest of the range
    /// stays pending.
    fn next_quiet(&mut self, range: TimeRange) -> Option<Candle> {
        let (open_time, timeframe) = (range.from(), self.series.timeframe);
        let close = self.grid.close(timeframe, open_time);
        if let Ok(rest) = TimeRange::new(close, range.to()) {
            self.pending.push_front(BarEvent::Quiet(rest));
        }
        let slot = TimeRange::new(open_time, close).ok()?;
        let is_unknown = self.unknown.iter().any(|unknown| unknown.intersect(slot).is_some());
        if is_unknown || open_time < self.due {
            return None;
        }
        let price = self.last_close?;
        let (open, high, low) = (price, price, price);
        let (volume, turnover, is_final) = (0.0, 0.0, true);
        Some(Candle { open_time, open, high, low, close: price, volume, turnover, is_final })
    }

    fn hand_out(&mut self, candle: Candle, is_quiet: bool) -> Option<FeedEvent> {
        let open = candle.open_time;
        let place = self.recent.binary_search_by_key(&open, |(delivered, _)| delivered.open_time);
        let revision = match place {
            Ok(place) => {
                let (delivered, revision) = &mut self.recent[place];
                (*delivered, *revision) = (candle, *revision + 1);
                *revision
            }
            Err(0) if open < self.due => return None, // too long ago to know what was delivered of it
            Err(place) => {
                self.recent.insert(place, (candle, 0));
                0
            }
        };
        let close = self.grid.close(self.series.timeframe, open);
        if self.due <= close {
            self.due = close;
            self.last_close = Some(candle.close);
        }
        self.forget_old();
        let (series, received) = (self.series.clone(), self.received);
        Some(FeedEvent::Bar { series, candle, revision, is_quiet, received })
    }

    /// Discards the bars that can no longer be revised.
    fn forget_old(&mut self) {
        let settled = self.due.minus(self.rules.window);
        let is_old = |candle: &Candle| self.grid.close(self.series.timeframe, candle.open_time) <= settled;
        while self.recent.len() > 1 && self.recent.front().is_some_and(|(candle, _)| is_old(candle)) {
            self.recent.pop_front();
        }
    }
}
