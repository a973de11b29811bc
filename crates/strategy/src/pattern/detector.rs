//! The detector of one market.

use std::time::Duration;

use market_backbone_core::{Candle, Symbol, Timestamp, Trade};

use super::candle_shapes;
use super::kind::{PatternDetection, PatternKind, PatternSource};
use super::rules::PatternRules;
use super::tick_shapes::{self, LOOKED_AT, TickPoint, mean_size};

/// The candles that are kept: as many as the longest pattern needs, and some for the usual volume.
const CANDLES_KEPT: usize = 21;

/// Looks for patterns in the candles of one timeframe, and in the trades, of one market.
///
/// Event time alone decides; the memory is a few candles and ten trades. A candle or trade that is older than the last one
/// is left out, and so is one with impossible figures.
#[derive(Clone, Debug)]
pub struct PatternDetector {
    symbol: Symbol,
    rules: PatternRules,
    candles: Vec<Candle>,
    ticks: Vec<TickPoint>,
    last_tick: Option<Timestamp>,
    found_at: [Option<Timestamp>; PatternKind::ALL.len()],
}

impl PatternDetector {
    /// Returns a detector that has seen nothing.
    #[must_use]
    pub fn new(symbol: Symbol, rules: PatternRules) -> Self {
        Self {
            symbol,
            rules,
            candles: Vec::with_capacity(CANDLES_KEPT + 1),
            ticks: Vec::with_capacity(LOOKED_AT + 1),
            last_tick: None,
            found_at: [None; PatternKind::ALL.len()],
        }
    }

    /// Returns the market that it watches.
    #[must_use]
    pub const fn symbol(&self) -> &Symbol {
        &self.symbol
    }

    /// Forgets candles and trades, because some are missing that will never come. Cooldowns go on.
    pub fn reset(&mut self) {
        self.candles.clear();
        self.ticks.clear();
        self.last_tick = None;
    }

    /// Takes a closed candle, and calls `found` with each pattern that it completes.
    pub fn on_candle(&mut self, candle: &Candle, mut found: impl FnMut(PatternDetection)) {
        if !candle.is_valid() {
            return;
        }
        match self.candles.last_mut() {
            Some(last) if last.open_time > candle.open_time => return,
            // A revision takes the place of what it revises, and completes nothing a second time.
            Some(last) if last.open_time == candle.open_time => {
                *last = *candle;
                return;
            }
            _ => self.candles.push(*candle),
        }
        if self.candles.len() > CANDLES_KEPT {
            self.candles.remove(0);
        }
        let hanging = candle_shapes::find(PatternKind::HangingMan, &self.candles).is_some();
        for pattern in PatternKind::ALL.into_iter().filter(|pattern| !pattern.is_of_trades()) {
            // After a rise the same candle has the other name.
            if pattern == PatternKind::Hammer && hanging {
                continue;
            }
            let Some((confidence, direction)) = candle_shapes::find(pattern, &self.candles) else { continue };
            if !self.is_due(pattern, candle.open_time) {
                continue;
            }
            let earlier = &self.candles[..self.candles.len() - 1];
            let volumes = earlier.iter().map(|candle| candle.volume).sum::<f64>();
            found(PatternDetection {
                symbol: self.symbol.clone(),
                pattern,
                direction,
                confidence,
                time: candle.open_time,
                price: candle.close,
                price_change: earlier.last().map(|before| (candle.close / before.close - 1.0) * 100.0),
                volume: candle.volume,
                relative_volume: (volumes > 0.0).then(|| candle.volume * earlier.len() as f64 / volumes),
                source: PatternSource::Detector,
            });
        }
    }

    /// Takes a trade, and calls `found` with each pattern that it completes.
    pub fn on_trade(&mut self, trade: &Trade, mut found: impl FnMut(PatternDetection)) {
        let Trade { price, size, time, .. } = *trade;
        let is_possible = price > 0.0 && price.is_finite() && size >= 0.0 && size.is_finite();
        if !is_possible || self.last_tick.is_some_and(|last| time < last) {
            return;
        }
        self.last_tick = Some(time);
        self.ticks.push(TickPoint { price, size });
        if self.ticks.len() > LOOKED_AT {
            self.ticks.remove(0);
        }
        for pattern in PatternKind::ALL.into_iter().filter(|pattern| pattern.is_of_trades()) {
            let Some((confidence, direction)) = tick_shapes::find(pattern, &self.ticks, &self.rules) else {
                continue;
            };
            if !self.is_due(pattern, time) {
                continue;
            }
            let earlier = &self.ticks[..self.ticks.len() - 1];
            let usual = mean_size(earlier).filter(|usual| *usual > 0.0);
            found(PatternDetection {
                symbol: self.symbol.clone(),
                pattern,
                direction,
                confidence,
                time,
                price,
                price_change: earlier.last().map(|before| (price / before.price - 1.0) * 100.0),
                volume: size,
                relative_volume: usual.map(|usual| size / usual),
                source: PatternSource::Detector,
            });
        }
    }

    /// Returns whether the cooldown of `pattern` is over at `time`; if so, another one begins.
    fn is_due(&mut self, pattern: PatternKind, time: Timestamp) -> bool {
        let secs = if pattern.is_of_trades() {
            self.rules.tick_cooldown_secs
        } else {
            self.rules.candle_cooldown_secs
        };
        let cooldown = Duration::try_from_secs_f64(secs).unwrap_or_default();
        let Some(place) = PatternKind::ALL.iter().position(|other| *other == pattern) else { return true };
        let is_due = self.found_at[place].is_none_or(|last| time >= last + cooldown);
        if is_due {
            self.found_at[place] = Some(time);
        }
        is_due
    }
}
