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

use super::quiet_slots::QuietSlots;

/// The most bars that are remembered because nothing was heard since they were delivered.
const MAX_UNHEARD: usize = 64;

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
    /// The time after its end from which the venue's pages show a slot as it stays.
    pub(super) settling: Duration,
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
    /// The open time from which it is known of each bar whether it was delivered. Earlier ones are settled.
    known_from: Timestamp,
    /// The recently delivered bars, by open time, with the revision of each.
    recent: VecDeque<(Candle, u32)>,
    /// The close of the last bar.
    last_close: Option<f64>,
    quiet_slots: QuietSlots,
    /// The arrival time of the event being processed.
    received: Timestamp,
    /// The arrival time of the newest candle.
    heard: Timestamp,
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
            known_from: due,
            recent: VecDeque::new(),
            last_close: None,
            quiet_slots: QuietSlots::default(),
            received: Timestamp::MIN,
            heard: Timestamp::MIN,
        }
    }

    /// Continues where a cursor says that another feed ended.
    pub(super) fn resume(mut self, checkpoint: &BarCheckpoint) -> Self {
        (self.due, self.known_from) = (checkpoint.due, checkpoint.since.min(checkpoint.due));
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

    /// Returns the cursor's content.
    pub(super) fn checkpoint(&self) -> BarCheckpoint {
        let recent = self.recent.iter().copied().collect();
        BarCheckpoint { due: self.due, since: self.known_from, recent }
    }

    /// Takes a state of a candle that is being delivered.
    pub(super) fn on_candle(&mut self, candle: &Candle, received: Timestamp) {
        if candle.open_time < self.known_from {
            return; // from before the beginning, or too long ago to know what was delivered of it
        }
        self.received = self.received.max(received);
        self.heard = self.heard.max(received);
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

    /// Records that the candles up to `asked_at` were fetched: nobody had listened in `interrupted`, and the venue's
    /// pages have shown no more than `coverage`. They are being delivered until [`page_read`](Self::page_read).
    pub(super) fn fetched(
        &mut self,
        interrupted: Option<TimeRange>,
        coverage: &Coverage,
        asked_at: Timestamp,
    ) {
        if self.rules.includes_quiet {
            let forming = self.grid.floor(self.series.timeframe, asked_at);
            self.quiet_slots.mark_fetched(coverage, forming);
            if let Some(range) = interrupted {
                self.quiet_slots.mark_interrupted(range, coverage, forming);
            }
        }
    }

    /// Records that the fetched candles have been delivered.
    pub(super) fn page_read(&mut self) {
        self.quiet_slots.mark_page_read();
    }

    /// Returns the slot that has to be fetched before a further bar can be delivered, with the time until the venue's
    /// pages show it, and records that it is fetched.
    pub(super) fn request_page(&mut self) -> Option<(Timestamp, Duration)> {
        let Some(BarEvent::Quiet(range)) = self.pending.front() else { return None };
        let open = range.from();
        let settled = self.grid.close(self.series.timeframe, open).plus(self.rules.settling);
        self.quiet_slots.request(open).then(|| (open, settled.since(self.received)))
    }

    /// Returns the next event to deliver, and records it as delivered.
    pub(super) fn pop(&mut self) -> Option<FeedEvent> {
        while let Some(event) = self.pending.front() {
            if let BarEvent::Quiet(range) = event
                && self.quiet_slots.is_undecided(range.from())
            {
                return None;
            }
            let (candle, is_quiet) = match self.pending.pop_front()? {
                BarEvent::Closed(candle) | BarEvent::Revised { candle, .. } => (candle, false),
                BarEvent::Quiet(range) => match self.next_of_quiet(range) {
                    Some(bar) => bar,
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

    /// Returns the bar of the first slot of a quiet range, and whether it is quiet indeed: a page may have shown its
    /// candle since. Returns `None` if that is not known; the rest of the range stays pending.
    fn next_of_quiet(&mut self, range: TimeRange) -> Option<(Candle, bool)> {
        let (open_time, timeframe) = (range.from(), self.series.timeframe);
        let is_shown = |event: &BarEvent| matches!(event, BarEvent::Closed(candle) | BarEvent::Revised { candle, .. } if candle.open_time == open_time);
        let shown = self.pending.iter().position(is_shown).and_then(|place| self.pending.remove(place));
        let close = self.grid.close(timeframe, open_time);
        if let Ok(rest) = TimeRange::new(close, range.to()) {
            self.pending.push_front(BarEvent::Quiet(rest));
        }
        if let Some(BarEvent::Closed(candle) | BarEvent::Revised { candle, .. }) = shown {
            return Some((candle, false));
        }
        let slot = TimeRange::new(open_time, close).ok()?;
        if self.quiet_slots.is_unknown(slot) || open_time < self.due {
            return None;
        }
        let price = self.last_close?;
        let (open, high, low) = (price, price, price);
        let (volume, turnover, is_final) = (0.0, 0.0, true);
        Some((Candle { open_time, open, high, low, close: price, volume, turnover, is_final }, true))
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
            Err(_) if open < self.known_from => return None,
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

    /// Discards the bars that can no longer be revised. The clock closes bars during an interruption that is not
    /// noticed yet, so those that came without a candle settle later, with the next one.
    fn forget_old(&mut self) {
        let (grid, timeframe, window) = (self.grid, self.series.timeframe, self.rules.window);
        let is_settled = |(candle, _): &(Candle, u32), moment: Timestamp| {
            grid.close(timeframe, candle.open_time) <= moment.minus(window)
        };
        while self.recent.len() > 1 && is_settled(&self.recent[0], self.due) {
            if self.recent.len() <= MAX_UNHEARD && !is_settled(&self.recent[0], self.heard) {
                break;
            }
            if let Some((settled, _)) = self.recent.pop_front() {
                self.known_from = grid.close(timeframe, settled.open_time);
            }
        }
    }
}
