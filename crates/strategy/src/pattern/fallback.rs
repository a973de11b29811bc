//! The detector that stands in for a producer of patterns upstream.

use std::time::Duration;

use market_backbone_core::{Candle, Symbol, Timestamp, Trade};

use super::detector::PatternDetector;
use super::kind::{PatternDetection, PatternSource};
use super::rules::PatternRules;
use crate::seismograph::ProfileError;

/// Judges by its heartbeat whether a producer is alive.
///
/// The bound is longer than the beat by half of it at least: a producer that beats in time is never taken for dead.
#[derive(Clone, Copy, Debug)]
pub struct FallbackSwitch {
    bound: Duration,
    last_beat: Timestamp,
}

impl FallbackSwitch {
    /// Returns a switch for a producer that beats once in `beat`, and counts as gone after `bound` without a beat. From
    /// `now` on it has this long for its first one.
    ///
    /// # Errors
    ///
    /// [`ProfileError`] if the bound is not at least one and a half times the beat.
    pub fn new(beat: Duration, bound: Duration, now: Timestamp) -> Result<Self, ProfileError> {
        let least = 1.5 * beat.as_secs_f64();
        ProfileError::check("fallback", &[("bound_secs", bound.as_secs_f64(), least, f64::INFINITY)])?;
        Ok(Self { bound, last_beat: now })
    }

    /// Returns the switch for a beat once a minute and a bound of two and a half minutes.
    #[must_use]
    pub const fn minutely(now: Timestamp) -> Self {
        Self { bound: Duration::from_secs(150), last_beat: now }
    }

    /// Records a heartbeat. One that arrives late does not move the last one back.
    pub fn beat(&mut self, time: Timestamp) {
        self.last_beat = self.last_beat.max(time);
    }

    /// Returns whether the producer counts as gone at `now`, so that the fallback reports.
    #[must_use]
    pub fn is_active(&self, now: Timestamp) -> bool {
        now.since(self.last_beat) > self.bound
    }
}

/// A detector that watches all the time, and reports while the producer is gone.
///
/// It has no queue: every trade is looked at when it comes. When the producer goes away, nothing old is left over, and the
/// patterns of that moment are found at once, because the trades before it were seen.
#[derive(Clone, Debug)]
pub struct FallbackDetector {
    detector: PatternDetector,
}

impl FallbackDetector {
    /// Returns a detector for one market.
    #[must_use]
    pub fn new(symbol: Symbol, rules: PatternRules) -> Self {
        Self { detector: PatternDetector::new(symbol, rules) }
    }

    /// Takes a trade, and calls `found` with the patterns it completes if the producer is gone.
    pub fn on_trade(
        &mut self,
        trade: &Trade,
        switch: &FallbackSwitch,
        mut found: impl FnMut(PatternDetection),
    ) {
        let is_active = switch.is_active(trade.time);
        self.watch(is_active, |detector, found| detector.on_trade(trade, found), &mut found);
    }

    /// Takes a closed candle at event time `now`, and calls `found` with the patterns it completes if the producer is gone.
    pub fn on_candle(
        &mut self,
        candle: &Candle,
        now: Timestamp,
        switch: &FallbackSwitch,
        mut found: impl FnMut(PatternDetection),
    ) {
        let is_active = switch.is_active(now);
        self.watch(is_active, |detector, found| detector.on_candle(candle, found), &mut found);
    }

    fn watch(
        &mut self,
        is_active: bool,
        look: impl FnOnce(&mut PatternDetector, &mut dyn FnMut(PatternDetection)),
        found: &mut dyn FnMut(PatternDetection),
    ) {
        look(&mut self.detector, &mut |detection| {
            if is_active {
                found(PatternDetection { source: PatternSource::Fallback, ..detection });
            }
        });
    }
}
