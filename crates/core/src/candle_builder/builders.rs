//! Many series at once: what a market's timeframes have in common is done once for all of them.

use std::time::Duration;

use rustc_hash::FxHashMap;

use super::seen::Seen;
use super::slots::Slots;
use super::{BarEvent, BuilderCounts, BuilderRules, Intake, hear};
use crate::{Candle, Grid, Series, Symbol, Timestamp, Trade};

/// The builders of one market.
#[derive(Clone, Debug)]
struct MarketBuilders {
    seen: Seen,
    counts: BuilderCounts,
    each: Vec<(Series, Slots)>,
}

impl MarketBuilders {
    fn new(late: Duration) -> Self {
        Self { seen: Seen::new(late), counts: BuilderCounts::default(), each: Vec::new() }
    }
}

/// Builds the candles of many series. See [`CandleBuilder`](super::CandleBuilder), which builds those of one.
#[derive(Clone, Debug, Default)]
pub struct CandleBuilders {
    grid: Grid,
    rules: BuilderRules,
    markets: FxHashMap<Symbol, MarketBuilders>,
}

impl CandleBuilders {
    /// Builders of nothing yet.
    #[must_use]
    pub fn new(grid: Grid, rules: BuilderRules) -> Self {
        Self { grid, rules, markets: FxHashMap::default() }
    }

    /// Builds `series` too, unless it does so already.
    pub fn add(&mut self, series: Series) {
        let slots = Slots::new(self.grid, series.timeframe, self.rules);
        let late = self.rules.late;
        let market = self.markets.entry(series.symbol.clone()).or_insert_with(|| MarketBuilders::new(late));
        if market.each.iter().all(|(built, _)| *built != series) {
            market.each.push((series, slots));
        }
    }

    /// Stops building `series`, and forgets what it knew of it.
    pub fn remove(&mut self, series: &Series) {
        if let Some(market) = self.markets.get_mut(&series.symbol) {
            market.each.retain(|(built, _)| built != series);
            if market.each.is_empty() {
                self.markets.remove(&series.symbol);
            }
        }
    }

    /// Says that the feed of `series` is whole from `from` on.
    pub fn begin(&mut self, series: &Series, from: Timestamp) {
        if let Some(slots) = self.slots(series) {
            slots.begin(from);
        }
    }

    /// Takes a trade into every series of its market.
    pub fn trade(&mut self, trade: &Trade, mut tell: impl FnMut(&Series, BarEvent)) -> Intake {
        let Some(market) = self.markets.get_mut(&trade.symbol) else { return Intake::Unwanted };
        let print = match hear(&mut market.seen, &mut market.counts, trade) {
            Ok(print) => print,
            Err(intake) => return intake,
        };
        for (series, slots) in &mut market.each {
            slots.trade(print, market.seen.horizon(), &mut |event| tell(series, event));
        }
        Intake::Taken
    }

    /// Takes the candle of `series` in progress.
    pub fn frame(&mut self, series: &Series, candle: &Candle, mut tell: impl FnMut(&Series, BarEvent)) {
        if let Some(slots) = self.slots(series) {
            slots.frame(candle, &mut |event| tell(series, event));
        }
    }

    /// Takes a candle of `shorter`, which need not be built itself, into every longer series of its market.
    pub fn part(&mut self, shorter: &Series, candle: &Candle, mut tell: impl FnMut(&Series, BarEvent)) {
        let Some(market) = self.markets.get_mut(&shorter.symbol) else { return };
        for (series, slots) in &mut market.each {
            if slots.timeframe() > shorter.timeframe {
                slots.part(candle, &mut |event| tell(series, event));
            }
        }
    }

    /// Says what time it is.
    pub fn on_time(&mut self, now: Timestamp, mut tell: impl FnMut(&Series, BarEvent)) {
        for (series, slots) in self.markets.values_mut().flat_map(|market| &mut market.each) {
            slots.on_time(now, &mut |event| tell(series, event));
        }
    }

    /// The candle of `series` in progress, if anything has traded in its slot.
    #[must_use]
    pub fn forming(&self, series: &Series) -> Option<Candle> {
        let market = self.markets.get(&series.symbol)?;
        market.each.iter().find(|(built, _)| built == series)?.1.forming()
    }

    /// What they have made of what they were given, all together.
    #[must_use]
    pub fn counts(&self) -> BuilderCounts {
        let mut counts = BuilderCounts::default();
        for market in self.markets.values() {
            counts.add(market.counts);
            market.each.iter().for_each(|(_, slots)| counts.add(slots.counts));
        }
        counts
    }

    fn slots(&mut self, series: &Series) -> Option<&mut Slots> {
        let market = self.markets.get_mut(&series.symbol)?;
        market.each.iter_mut().find(|(built, _)| built == series).map(|(_, slots)| slots)
    }
}
