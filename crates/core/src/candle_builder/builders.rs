//! Builds many series at once. Work that a market's timeframes have in common is done once for all of them.

use std::time::Duration;

use rustc_hash::FxHashMap;

use super::series_slots::SeriesSlots;
use super::trade_deduplicator::TradeDeduplicator;
use super::{BarEvent, BuilderCounts, BuilderRules, IngestOutcome, ingest};
use crate::{Candle, Grid, Series, Symbol, Timestamp, Trade};

/// The builders of one market's timeframes.
#[derive(Clone, Debug)]
struct MarketBuilders {
    deduplicator: TradeDeduplicator,
    counts: BuilderCounts,
    by_series: Vec<(Series, SeriesSlots)>,
}

impl MarketBuilders {
    fn new(allowed_lateness: Duration) -> Self {
        Self {
            deduplicator: TradeDeduplicator::new(allowed_lateness),
            counts: BuilderCounts::default(),
            by_series: Vec::new(),
        }
    }
}

/// A builder for the candles of many series. [`CandleBuilder`](super::CandleBuilder) builds those of one.
#[derive(Clone, Debug, Default)]
pub struct CandleBuilders {
    grid: Grid,
    rules: BuilderRules,
    markets: FxHashMap<Symbol, MarketBuilders>,
}

impl CandleBuilders {
    /// Creates a set without any series.
    #[must_use]
    pub fn new(grid: Grid, rules: BuilderRules) -> Self {
        Self { grid, rules, markets: FxHashMap::default() }
    }

    /// Adds `series`, unless it is there already.
    pub fn add(&mut self, series: Series) {
        let slots = SeriesSlots::new(self.grid, series.timeframe, self.rules);
        let allowed_lateness = self.rules.allowed_lateness;
        let market = self
            .markets
            .entry(series.symbol.clone())
            .or_insert_with(|| MarketBuilders::new(allowed_lateness));
        if market.by_series.iter().all(|(built, _)| *built != series) {
            market.by_series.push((series, slots));
        }
    }

    /// Removes `series` and discards its state.
    pub fn remove(&mut self, series: &Series) {
        if let Some(market) = self.markets.get_mut(&series.symbol) {
            market.by_series.retain(|(built, _)| built != series);
            if market.by_series.is_empty() {
                self.markets.remove(&series.symbol);
            }
        }
    }

    /// Declares that the feed of `series` is complete from `from` on.
    pub fn set_complete_since(&mut self, series: &Series, from: Timestamp) {
        if let Some(slots) = self.slots(series) {
            slots.set_complete_since(from);
        }
    }

    /// Adds a trade to every series of its market.
    pub fn on_trade(&mut self, trade: &Trade, mut tell: impl FnMut(&Series, BarEvent)) -> IngestOutcome {
        let Some(market) = self.markets.get_mut(&trade.symbol) else { return IngestOutcome::NotBuilt };
        let tick = match ingest(&mut market.deduplicator, &mut market.counts, trade) {
            Ok(print) => print,
            Err(outcome) => return outcome,
        };
        for (series, slots) in &mut market.by_series {
            slots.on_trade(tick, market.deduplicator.horizon(), &mut |event| tell(series, event));
        }
        IngestOutcome::Accepted
    }

    /// Takes the current state of the forming candle of `series`.
    pub fn on_candle(&mut self, series: &Series, candle: &Candle, mut notify: impl FnMut(&Series, BarEvent)) {
        if let Some(slots) = self.slots(series) {
            slots.on_candle(candle, &mut |event| notify(series, event));
        }
    }

    /// Adds a candle of `shorter` to every longer series of its market. `shorter` itself need not be built.
    pub fn on_shorter_candle(
        &mut self,
        shorter: &Series,
        candle: &Candle,
        mut notify: impl FnMut(&Series, BarEvent),
    ) {
        let Some(market) = self.markets.get_mut(&shorter.symbol) else { return };
        for (series, slots) in &mut market.by_series {
            if slots.timeframe() > shorter.timeframe {
                slots.on_shorter_candle(candle, &mut |event| notify(series, event));
            }
        }
    }

    /// Advances the time and closes the slots that have ended.
    pub fn on_time(&mut self, now: Timestamp, mut notify: impl FnMut(&Series, BarEvent)) {
        for (series, slots) in self.markets.values_mut().flat_map(|market| &mut market.by_series) {
            slots.on_time(now, &mut |event| notify(series, event));
        }
    }

    /// Returns the forming candle of `series`, if anything has traded in its slot.
    #[must_use]
    pub fn forming(&self, series: &Series) -> Option<Candle> {
        let market = self.markets.get(&series.symbol)?;
        market.by_series.iter().find(|(built, _)| built == series)?.1.forming()
    }

    /// Returns the number of inputs received by all builders, by outcome.
    #[must_use]
    pub fn counts(&self) -> BuilderCounts {
        let mut counts = BuilderCounts::default();
        for market in self.markets.values() {
            counts.add(market.counts);
            market.by_series.iter().for_each(|(_, slots)| counts.add(slots.counts));
        }
        counts
    }

    fn slots(&mut self, series: &Series) -> Option<&mut SeriesSlots> {
        let market = self.markets.get_mut(&series.symbol)?;
        market.by_series.iter_mut().find(|(built, _)| built == series).map(|(_, slots)| slots)
    }
}
