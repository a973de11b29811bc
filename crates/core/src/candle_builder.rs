//! Candles out of what a live feed brings: trades, the candle in progress again and again, or shorter candles.
//!
//! Pure: time comes as the event's own and as [`on_time`](CandleBuilder::on_time). What goes in may come in any order
//! within [`late`](BuilderRules::late); what comes out is the fold over the trades sorted by time and id, never over
//! their arrival. A slot is closed once, later changes are amendments numbered from 1, and a slot without a trade never
//! gets a candle.
//!
//! What two sides that add up the same trades may disagree in is said at [`Candle::agrees_with`].

mod body;
mod builders;
mod fold;
mod seen;
mod slots;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use self::builders::CandleBuilders;
use self::fold::{Key, Print};
use self::seen::{Heard, Seen};
use self::slots::Slots;
use crate::{Candle, Grid, Series, TimeRange, Timestamp, Trade};

/// When slots close, and how late is too late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuilderRules {
    /// How long after its end the timer closes a slot that no later event has closed.
    pub grace: Duration,
    /// A trade this much older than the newest is dropped, and so is a candle whose slot ended so long before the
    /// newest one began: it can no longer be told whether it is a repeat.
    pub late: Duration,
    /// Whether slots that ended without a trade are told ([`BarEvent::Quiet`]).
    pub tells_quiet: bool,
}

impl Default for BuilderRules {
    fn default() -> Self {
        Self { grace: Duration::from_secs(2), late: Duration::from_secs(60), tells_quiet: false }
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
    Amended {
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
pub enum Intake {
    /// It went into its candle.
    Taken,
    /// It was there already.
    Repeated,
    /// It came too late for anybody to know whether it was there already: the candle of its slot may lack it.
    Late,
    /// Its figures are impossible.
    Unsound,
    /// Nobody builds candles of its market.
    Unwanted,
}

/// What a builder has made of what it was given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BuilderCounts {
    /// Trades and candles that went into candles.
    pub taken: u64,
    /// Those that were there already, or told nothing new.
    pub repeated: u64,
    /// Those that came too late.
    pub late: u64,
    /// Those with impossible figures, or off the grid.
    pub unsound: u64,
}

impl BuilderCounts {
    /// Adds the figures of another.
    pub fn add(&mut self, other: Self) {
        self.taken += other.taken;
        self.repeated += other.repeated;
        self.late += other.late;
        self.unsound += other.unsound;
    }
}

/// Builds the candles of one series. Feed it one kind of input: trades, frames or shorter candles.
#[derive(Clone, Debug)]
pub struct CandleBuilder {
    series: Series,
    slots: Slots,
    seen: Seen,
}

impl CandleBuilder {
    /// A builder of `series`, whose slots are cut by `grid`.
    #[must_use]
    pub fn new(series: Series, grid: Grid, rules: BuilderRules) -> Self {
        Self { slots: Slots::new(grid, series.timeframe, rules), seen: Seen::new(rules.late), series }
    }

    /// What it builds.
    #[must_use]
    pub const fn series(&self) -> &Series {
        &self.series
    }

    /// Says that the feed is whole from `from` on: quiet slots that open then or later can be told even if nothing was
    /// traded before. Without it they are told from the slot of the first event on.
    pub fn begin(&mut self, from: Timestamp) {
        self.slots.begin(from);
    }

    /// Takes a trade. A repeated one (by its id) changes nothing.
    pub fn trade(&mut self, trade: &Trade, mut tell: impl FnMut(BarEvent)) -> Intake {
        match hear(&mut self.seen, &mut self.slots.counts, trade) {
            Ok(print) => {
                self.slots.trade(print, self.seen.horizon(), &mut tell);
                Intake::Taken
            }
            Err(intake) => intake,
        }
    }

    /// Takes the candle in progress as it stands now; it is closed by the next slot's, by the timer, or by coming final.
    /// Of two states of one slot that are not final, the one with less volume is the older one and changes nothing.
    pub fn frame(&mut self, candle: &Candle, mut tell: impl FnMut(BarEvent)) {
        self.slots.frame(candle, &mut tell);
    }

    /// Takes a candle of a shorter timeframe, be it final or in progress; all of its figures count.
    pub fn part(&mut self, shorter: &Candle, mut tell: impl FnMut(BarEvent)) {
        self.slots.part(shorter, &mut tell);
    }

    /// Says what time it is: slots that ended [`grace`](BuilderRules::grace) ago are closed.
    pub fn on_time(&mut self, now: Timestamp, mut tell: impl FnMut(BarEvent)) {
        self.slots.on_time(now, &mut tell);
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
fn hear(seen: &mut Seen, counts: &mut BuilderCounts, trade: &Trade) -> Result<Print, Intake> {
    let sound = trade.price > 0.0 && trade.price.is_finite() && trade.size >= 0.0 && trade.size.is_finite();
    if !sound {
        counts.unsound += 1;
        return Err(Intake::Unsound);
    }
    let key = Key::of(trade);
    match seen.hear(key) {
        Heard::New => {
            counts.taken += 1;
            Ok(Print { key, price: trade.price, size: trade.size })
        }
        Heard::Again => {
            counts.repeated += 1;
            Err(Intake::Repeated)
        }
        Heard::TooLate => {
            counts.late += 1;
            Err(Intake::Late)
        }
    }
}
