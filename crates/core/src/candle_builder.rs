//! Candles out of what a live feed brings: trades, the candle in progress again and again, or shorter candles.
//!
//! Pure: time comes as the event's own and as [`on_time`](CandleBuilder::on_timer). What goes in may come in any order
//! within [`late`](BuilderRules::late); what comes out is the fold over the trades sorted by time and id, never over
//! their arrival. A slot is closed once, later changes are amendments numbered from 1, and a slot without a trade never
//! gets a candle.
//!
//! What two sides that add up the same trades may disagree in is said at [`Candle::agrees_with`].

mod builders;
mod ohlcv_accumulator;
mod series_slots;
mod slot_content;
#[cfg(test)]
mod tests;
mod trade_deduplicator;

use std::time::Duration;

pub use self::builders::CandleBuilders;
use self::ohlcv_accumulator::{TradeKey, TradeTick};
use self::series_slots::SeriesSlots;
use self::trade_deduplicator::{DedupResult, TradeDeduplicator};
use crate::{Candle, Grid, Series, TimeRange, Timestamp, Trade};

/// When slots close, and how late is too late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuilderRules {
    /// How long after its end the timer closes a slot that no later event has closed.
    pub grace: Duration,
    /// A trade this much older than the newest is dropped, and so is a candle whose slot ended so long before the
    /// newest one began: it can no longer be told whether it is a repeat.
    pub allowed_lateness: Duration,
    /// Whether slots that ended without a trade are told ([`BarEvent::Quiet`]).
    pub reports_quiet: bool,
}

impl Default for BuilderRules {
    fn default() -> Self {
        Self {
            grace: Duration::from_secs(2),
            allowed_lateness: Duration::from_secs(60),
            reports_quiet: false,
        }
    }
}

/// What has become of a slot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BarEvent {
    /// The candle in progress has changed. Not final.
    Update(Candle),
    /// The slot is over and this is its candle: revision 0, told once.
    Closed(Candle),
    /// Something that belongs to a closed slot came late.
    Revised {
        /// The candle as it should have been.
        candle: Candle,
        /// 1 for the first change after the slot was closed (or told to be quiet), and so on.
        revision: u32,
    },
    /// All slots that open in this stretch are over and had no trade.
    Quiet(TimeRange),
}

/// What became of a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IngestOutcome {
    /// It went into its candle.
    Accepted,
    /// It was there already.
    Duplicate,
    /// It came too late for anybody to know whether it was there already: the candle of its slot may lack it.
    TooLate,
    /// Its figures are impossible.
    Invalid,
    /// Nobody builds candles of its market.
    NotBuilt,
}

/// What a builder has made of what it was given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BuilderCounts {
    /// Trades and candles that went into candles.
    pub accepted: u64,
    /// Those that were there already, or told nothing new.
    pub duplicates: u64,
    /// Those that came too late.
    pub too_late: u64,
    /// Those with impossible figures, or off the grid.
    pub invalid: u64,
}

impl BuilderCounts {
    /// Adds the figures of another.
    pub fn add(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.duplicates += other.duplicates;
        self.too_late += other.too_late;
        self.invalid += other.invalid;
    }
}

/// Builds the candles of one series. Feed it one kind of input: trades, frames or shorter candles.
#[derive(Clone, Debug)]
pub struct CandleBuilder {
    series: Series,
    slots: SeriesSlots,
    deduplicator: TradeDeduplicator,
}

impl CandleBuilder {
    /// A builder of `series`, whose slots are cut by `grid`.
    #[must_use]
    pub fn new(series: Series, grid: Grid, rules: BuilderRules) -> Self {
        Self {
            slots: SeriesSlots::new(grid, series.timeframe, rules),
            deduplicator: TradeDeduplicator::new(rules.allowed_lateness),
            series,
        }
    }

    /// What it builds.
    #[must_use]
    pub const fn series(&self) -> &Series {
        &self.series
    }

    /// Says that the feed is whole from `from` on: quiet slots that open then or later can be told even if nothing was
    /// traded before. Without it they are told from the slot of the first event on.
    pub fn set_complete_since(&mut self, from: Timestamp) {
        self.slots.set_complete_since(from);
    }

    /// Goes on where another builder ended: all bars that open before `closed_until` have been told, those of `closed`
    /// (oldest first) with the revision beside each. What differs from these is told as a revision.
    pub fn restore(&mut self, closed_until: Timestamp, closed: impl IntoIterator<Item = (Candle, u32)>) {
        self.slots.restore(closed_until, closed);
    }

    /// Takes a trade. A repeated one (by its id) changes nothing.
    pub fn on_trade(&mut self, trade: &Trade, mut tell: impl FnMut(BarEvent)) -> IngestOutcome {
        match ingest(&mut self.deduplicator, &mut self.slots.counts, trade) {
            Ok(tick) => {
                self.slots.on_trade(tick, self.deduplicator.horizon(), &mut tell);
                IngestOutcome::Accepted
            }
            Err(outcome) => outcome,
        }
    }

    /// Takes the candle in progress as it stands now; it is closed by the next slot's, by the timer, or by coming final.
    /// Of two states of one slot that are not final, the one with less volume is the older one and changes nothing.
    pub fn on_candle(&mut self, candle: &Candle, mut notify: impl FnMut(BarEvent)) {
        self.slots.on_candle(candle, &mut notify);
    }

    /// Takes a candle of a shorter timeframe, be it final or in progress; all of its figures count.
    pub fn on_shorter_candle(&mut self, shorter: &Candle, mut notify: impl FnMut(BarEvent)) {
        self.slots.on_shorter_candle(shorter, &mut notify);
    }

    /// Says what time it is: slots that ended [`grace`](BuilderRules::delivery_grace) ago are closed.
    pub fn on_time(&mut self, now: Timestamp, mut notify: impl FnMut(BarEvent)) {
        self.slots.on_time(now, &mut notify);
    }

    /// The candle in progress, if anything has traded in its slot.
    #[must_use]
    pub fn forming(&self) -> Option<Candle> {
        self.slots.forming()
    }

    /// What it has made of what it was given.
    #[must_use]
    pub fn counts(&self) -> BuilderCounts {
        self.slots.counts
    }
}

/// Reads a trade, unless its figures are impossible, or it was heard before or too late.
fn ingest(
    deduplicator: &mut TradeDeduplicator,
    counts: &mut BuilderCounts,
    trade: &Trade,
) -> Result<TradeTick, IngestOutcome> {
    let is_valid =
        trade.price > 0.0 && trade.price.is_finite() && trade.size >= 0.0 && trade.size.is_finite();
    if !is_valid {
        counts.invalid += 1;
        return Err(IngestOutcome::Invalid);
    }
    let key = TradeKey::of(trade);
    match deduplicator.ingest(key) {
        DedupResult::New => {
            counts.accepted += 1;
            Ok(TradeTick { key, price: trade.price, size: trade.size })
        }
        DedupResult::Duplicate => {
            counts.duplicates += 1;
            Err(IngestOutcome::Duplicate)
        }
        DedupResult::TooLate => {
            counts.too_late += 1;
            Err(IngestOutcome::TooLate)
        }
    }
}
