//! Builds OHLCV candles from a live feed: from trades, from updates of the forming candle, or from shorter
//! candles.
//!
//! The builder is pure: it reads no clock. Time arrives with each event and through
//! [`on_time`](CandleBuilder::on_time). Input may arrive in any order within
//! [`allowed_lateness`](BuilderRules::allowed_lateness). The output is the fold over the trades sorted by
//! time and id, whatever the order of arrival. A slot is closed once. Later changes are revisions numbered
//! from 1. A slot without a trade never gets a candle.
//!
//! [`Candle::agrees_with`] says in what two sums of the same trades may differ.

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

/// The rules for when slots close and which input is too late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuilderRules {
    pub(crate) grace: Duration,
    pub(crate) allowed_lateness: Duration,
    pub(crate) reports_quiet: bool,
}

crate::setters!(BuilderRules {
    /// The time after a slot's end at which the timer closes it, if no later event has closed it before.
    #[getter(get_grace)]
    grace: Duration,
    /// The lateness from which input is dropped. A trade this much older than the newest one is dropped, and so
    /// is a candle whose slot ended this long before the newest one began: it is no longer known whether it is a
    /// duplicate.
    #[getter(get_allowed_lateness)]
    allowed_lateness: Duration,
    /// `true` to report slots that ended without a trade ([`BarEvent::Quiet`]).
    #[getter(get_reports_quiet)]
    reports_quiet: bool,
});

impl Default for BuilderRules {
    fn default() -> Self {
        Self {
            grace: Duration::from_secs(2),
            allowed_lateness: Duration::from_secs(60),
            reports_quiet: false,
        }
    }
}

/// A change to one or more slots.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum BarEvent {
    /// The forming candle has changed. It is not final.
    Update(Candle),
    /// The slot has ended and this is its candle: revision 0, reported once.
    Closed(Candle),
    /// A closed slot has changed, because input for it arrived late.
    Revised {
        /// The candle with the late input included.
        candle: Candle,
        /// The revision number: 1 for the first change after the slot was closed or reported as quiet, then 2, and so
        /// on.
        revision: u32,
    },
    /// All slots that open in this range have ended without a trade.
    Quiet(TimeRange),
}

/// The outcome of adding one trade to a builder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IngestOutcome {
    /// The trade is part of its candle.
    Accepted,
    /// The trade was known already.
    Duplicate,
    /// The trade is too late: nobody can know whether it is a duplicate, so the candle of its slot may lack it.
    TooLate,
    /// The trade's figures are impossible.
    Invalid,
    /// No candles of the trade's market are built.
    NotBuilt,
}

/// The number of inputs a builder has received, by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BuilderCounts {
    /// The number of trades and candles that became part of a candle.
    pub accepted: u64,
    /// The number of inputs that were known already or said nothing new.
    pub duplicates: u64,
    /// The number of inputs that were too late.
    pub too_late: u64,
    /// The number of inputs with impossible figures or an open time off the grid.
    pub invalid: u64,
}

impl BuilderCounts {
    /// Adds the figures of `other` to these.
    pub fn add(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.duplicates += other.duplicates;
        self.too_late += other.too_late;
        self.invalid += other.invalid;
    }
}

/// A builder for the candles of one series. Give it one kind of input: trades, frames or shorter candles.
#[derive(Clone, Debug)]
pub struct CandleBuilder {
    series: Series,
    slots: SeriesSlots,
    deduplicator: TradeDeduplicator,
}

impl CandleBuilder {
    /// Creates a builder of `series`, whose slots are cut by `grid`.
    #[must_use]
    pub fn new(series: Series, grid: Grid, rules: BuilderRules) -> Self {
        Self {
            slots: SeriesSlots::new(grid, series.timeframe, rules),
            deduplicator: TradeDeduplicator::new(rules.allowed_lateness),
            series,
        }
    }

    /// Returns the series this builder builds.
    #[must_use]
    pub const fn series(&self) -> &Series {
        &self.series
    }

    /// Declares that the feed is complete from `from` on. Quiet slots that open then or later are reported even
    /// if nothing was traded before. Without this call they are reported from the slot of the first event on.
    pub fn set_complete_since(&mut self, from: Timestamp) {
        self.slots.set_complete_since(from);
    }

    /// Continues where another builder ended: all bars that open before `closed_until` have been reported, those of
    /// `closed` (oldest first) with the given revisions. Later differences are reported as revisions.
    pub fn restore(&mut self, closed_until: Timestamp, closed: impl IntoIterator<Item = (Candle, u32)>) {
        self.slots.restore(closed_until, closed);
    }

    /// Adds a trade. A duplicate (by id) changes nothing.
    pub fn on_trade(&mut self, trade: &Trade, mut notify: impl FnMut(BarEvent)) -> IngestOutcome {
        match ingest(&mut self.deduplicator, &mut self.slots.counts, trade) {
            Ok(tick) => {
                self.slots.on_trade(tick, self.deduplicator.horizon(), &mut notify);
                IngestOutcome::Accepted
            }
            Err(outcome) => outcome,
        }
    }

    /// Takes the current state of the forming candle. The candle is closed by the next slot's first state, by the
    /// timer, or by a state that is final. Of two states of one slot that are not final, the one with less volume
    /// is the older one and changes nothing.
    pub fn on_candle(&mut self, candle: &Candle, mut notify: impl FnMut(BarEvent)) {
        self.slots.on_candle(candle, &mut notify);
    }

    /// Takes a candle of a shorter timeframe, final or forming. All of its figures count.
    pub fn on_shorter_candle(&mut self, shorter: &Candle, mut notify: impl FnMut(BarEvent)) {
        self.slots.on_shorter_candle(shorter, &mut notify);
    }

    /// Advances the time and closes slots that ended [`grace`](BuilderRules::grace) ago.
    pub fn on_time(&mut self, now: Timestamp, mut notify: impl FnMut(BarEvent)) {
        self.slots.on_time(now, &mut notify);
    }

    /// Returns the forming candle, if anything has traded in its slot.
    #[must_use]
    pub fn forming(&self) -> Option<Candle> {
        self.slots.forming()
    }

    /// Returns the number of inputs received, by outcome.
    #[must_use]
    pub fn counts(&self) -> BuilderCounts {
        self.slots.counts
    }
}

/// Accepts a trade, unless its figures are impossible, it is a duplicate, or it is too late.
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
