//! Compares a venue's day volume with the trades that arrived.
//!
//! If a day's volume grows by more than the trades between two tickers add up to, a trade was lost. A ticker
//! may precede its trade, and a trade may be late: so a ticker is checked a while after it arrived.

use std::time::Duration;

use market_backbone_core::{Ticker, Timestamp, Trade};
use tokio::time::Instant;

const DAY: i64 = 86_400;
/// The most trades kept between two checks; beyond this the comparison begins anew.
const MAX_TRADES: usize = 65_536;
/// The pause after the first false alarm. It doubles with each that follows.
pub(super) const MIN_COOLDOWN: Duration = Duration::from_secs(30);
/// The longest pause after false alarms.
pub(super) const MAX_COOLDOWN: Duration = Duration::from_secs(600);

/// The day volume in a ticker.
#[derive(Clone, Copy, Debug)]
struct TickerVolume {
    volume: f64,
    /// The time of the latest trade included in it.
    until: Timestamp,
    /// The time at which the ticker arrived, by the local clock.
    received: Timestamp,
}

impl TickerVolume {
    /// Takes the ticker that includes more trades.
    fn raise(&mut self, other: Self) {
        if self.volume < other.volume {
            *self = other;
        }
    }
}

/// The audit of one market.
#[derive(Debug)]
pub(super) struct VolumeAudit {
    wait: Duration,
    cooldown: Duration,
    /// The ticker from which trades are added up.
    baseline: Option<TickerVolume>,
    /// The ticker to be checked next, and when.
    candidate: Option<(TickerVolume, Instant)>,
    /// The latest ticker, to be checked after it.
    latest: Option<(TickerVolume, Instant)>,
    trades: Vec<(Timestamp, f64)>,
    /// The volume traded in the baseline's own moment and delivered after it, which its volume may include or
    /// not.
    same_instant_volume: f64,
    cooldown_until: Option<Instant>,
    /// The range of the suspected loss that is being fetched.
    suspected: Option<(Timestamp, Timestamp)>,
    /// `true` if the connection was interrupted since the baseline, or since that of the suspected loss.
    spans_gap: bool,
}

impl VolumeAudit {
    pub(super) const fn new(wait: Duration) -> Self {
        let cooldown = MIN_COOLDOWN;
        let trades = Vec::new();
        Self {
            wait,
            cooldown,
            baseline: None,
            candidate: None,
            latest: None,
            trades,
            same_instant_volume: 0.0,
            cooldown_until: None,
            suspected: None,
            spans_gap: false,
        }
    }

    /// Suspends the checks, because a known loss is being fetched. Fetched trades are added up like the others.
    pub(super) fn suspend(&mut self) {
        (self.candidate, self.latest) = (None, None);
        self.spans_gap |= self.baseline.is_some() && self.suspected.is_none();
    }

    fn reset(&mut self) {
        self.suspend();
        (self.baseline, self.spans_gap, self.same_instant_volume) = (None, false, 0.0);
        self.trades.clear();
    }

    /// Records a delivered trade.
    pub(super) fn on_trade(&mut self, trade: &Trade) {
        if self.trades.len() >= MAX_TRADES {
            self.reset();
        }
        let Some(anchor) = self.baseline else { return };
        if anchor.until < trade.time {
            self.trades.push((trade.time, trade.size));
        } else if anchor.until == trade.time {
            self.same_instant_volume += trade.size;
        }
    }

    /// Records a ticker. It can be checked if the trades are complete.
    pub(super) fn on_ticker(&mut self, ticker: &Ticker, is_whole: bool, now: Instant) {
        if self.cooldown_until.is_some_and(|until| now < until) {
            return;
        }
        let total =
            TickerVolume { volume: ticker.day_volume, until: ticker.trade_time, received: ticker.received };
        // A moment may be reported once more: it may have had further trades, and tickers may change places.
        let to_judge = [&mut self.candidate, &mut self.latest].into_iter().flatten().map(|(total, _)| total);
        if let Some(known) = self.baseline.iter_mut().chain(to_judge).find(|known| known.until == total.until)
        {
            known.raise(total);
        } else if self.baseline.is_none() {
            self.baseline = Some(total);
        } else if is_whole {
            let place = if self.candidate.is_none() { &mut self.candidate } else { &mut self.latest };
            let newest = place.map_or(self.baseline, |(newest, _)| Some(newest));
            if newest.is_none_or(|newest| newest.until < total.until) {
                *place = Some((total, now + self.wait));
            }
        }
    }

    /// Returns the moment since when trades are being compared, unless the audit is paused.
    pub(super) fn since(&self) -> Option<Timestamp> {
        let rests = self.cooldown_until.is_some_and(|until| Instant::now() < until);
        let anchor = self.baseline.filter(|_| !rests).map(|anchor| anchor.until);
        self.suspected.map(|(since, _)| since).or(anchor)
    }

    /// Returns the time of the next check.
    pub(super) fn due(&self) -> Option<Instant> {
        self.candidate.map(|(_, due)| due)
    }

    /// Returns the range of time, by the local clock, in which trades are missing, or `None`.
    pub(super) fn check(&mut self, now: Instant) -> Option<(Timestamp, Timestamp)> {
        let (total, _) = self.candidate.take_if(|(_, due)| *due <= now)?;
        self.candidate = self.latest.take().filter(|(latest, _)| latest.until > total.until);
        let heard: f64 =
            self.trades.iter().filter(|(time, _)| *time <= total.until).map(|(_, size)| size).sum();
        self.trades.retain(|(time, _)| *time > total.until);
        let anchor = self.baseline.replace(total)?;
        let is_new_day = total.volume < anchor.volume || day(total.until) != day(anchor.until);
        let missing = total.volume - anchor.volume - heard;
        if !is_new_day && missing < 0.0 {
            // The ticker included some of the trades of its moment; the next one includes the others.
            self.baseline = Some(TickerVolume { volume: anchor.volume + heard, ..total });
        }
        let beside = std::mem::take(&mut self.same_instant_volume);
        let is_there = beside > 0.0 && (missing - beside).abs() <= tolerance(total.volume);
        let is_missing = !is_new_day && missing > tolerance(total.volume) && !is_there;
        self.suspected = is_missing.then_some((anchor.until, total.until));
        self.spans_gap &= is_missing;
        is_missing.then_some((anchor.received, total.received))
    }

    /// Records that the suspected trades have been fetched; `found` tells whether any happened up to a moment.
    /// Returns whether some are still missing: the pages lack trades of an interruption, as far as volumes that
    /// were right so far can be trusted.
    pub(super) fn on_backfilled(&mut self, found: impl Fn(Timestamp) -> bool, now: Instant) -> bool {
        let Some((_, until)) = self.suspected.take() else { return false };
        let was_missing = found(until);
        let spans_gap = std::mem::take(&mut self.spans_gap);
        let were_right = self.cooldown == MIN_COOLDOWN;
        if was_missing {
            self.cooldown = MIN_COOLDOWN;
        } else {
            // Losses in the meantime are part of the next comparison, since sums are kept.
            self.cooldown_until = Some(now + self.cooldown);
            self.cooldown = (self.cooldown * 2).min(MAX_COOLDOWN);
        }
        spans_gap && were_right && !was_missing
    }
}

/// Returns the tolerance between sums that make up `volume`: the sizes of the smallest trades have eight
/// decimals, the rest is float rounding.
pub(super) fn tolerance(volume: f64) -> f64 {
    1e-7 + volume.abs() * 1e-12
}

const fn day(moment: Timestamp) -> i64 {
    moment.as_secs().div_euclid(DAY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use market_backbone_testkit as testkit;

    const WAIT: Duration = Duration::from_secs(2);

    fn trade(secs: i64, size: f64) -> Trade {
        let time = Timestamp::from_secs(secs);
        Trade { size, ..testkit::trade(testkit::symbol("KRW-BTC"), secs, 1.0, time) }
    }

    fn ticker(secs: i64, day_volume: f64) -> Ticker {
        let quiet = testkit::ticker(testkit::symbol("KRW-BTC"), 1.0, Timestamp::from_secs(secs));
        Ticker { day_volume, ..quiet }
    }

    #[test]
    fn a_volume_that_the_trades_do_not_add_up_to_is_a_gap() {
        let (start, mut audit) = (Instant::now(), VolumeAudit::new(WAIT));
        audit.on_ticker(&ticker(100, 50.0), true, start);
        audit.on_trade(&trade(101, 0.1));
        audit.on_ticker(&ticker(103, 50.3), true, start);
        audit.on_trade(&trade(103, 0.2)); // after its ticker
        assert_eq!(audit.check(start), None, "not yet");
        assert_eq!(audit.check(start + WAIT), None, "it adds up");
        audit.on_ticker(&ticker(110, 51.0), true, start + WAIT);
        audit.on_trade(&trade(108, 0.5));
        let between = (Timestamp::from_secs(103), Timestamp::from_secs(110));
        assert_eq!(audit.check(start + 2 * WAIT), Some(between));
    }

    #[test]
    fn the_last_ticker_before_a_silence_is_judged_too() {
        let (start, mut audit) = (Instant::now(), VolumeAudit::new(WAIT));
        for (at, volume) in [(100, 50.0), (101, 50.1), (102, 50.2), (103, 50.3)] {
            audit.on_ticker(&ticker(at, volume), true, start);
            audit.on_trade(&trade(at, if at == 103 { 0.0 } else { 0.1 }));
        }
        assert_eq!(audit.check(start + WAIT), None);
        let between = (Timestamp::from_secs(101), Timestamp::from_secs(103));
        assert_eq!(audit.check(start + WAIT), Some(between));
        assert_eq!(audit.due(), None);
    }

    #[test]
    fn tickers_that_tell_of_a_part_of_their_moment_are_no_gap() {
        let (start, mut audit) = (Instant::now(), VolumeAudit::new(WAIT));
        // Two trades in one moment: the ticker of the first comes last, or that of the second not at all.
        audit.on_ticker(&ticker(100, 50.2), true, start);
        audit.on_ticker(&ticker(101, 50.5), true, start);
        audit.on_ticker(&ticker(100, 50.1), true, start);
        audit.on_ticker(&ticker(102, 50.6), true, start);
        for (at, size) in [(101, 0.1), (101, 0.2), (102, 0.1), (102, 0.1)] {
            audit.on_trade(&trade(at, size));
        }
        assert_eq!(audit.check(start + WAIT), None);
        assert_eq!(audit.check(start + WAIT), None);
        audit.on_ticker(&ticker(103, 50.8), true, start + WAIT);
        audit.on_trade(&trade(103, 0.1));
        assert_eq!(audit.check(start + 2 * WAIT), None);
        audit.on_ticker(&ticker(104, 50.9), true, start + 2 * WAIT);
        assert!(audit.check(start + 3 * WAIT).is_some(), "and what is missing is missed");
    }

    #[test]
    fn a_trade_of_the_moment_compared_with_that_comes_later_is_not_missing() {
        let (start, mut audit) = (Instant::now(), VolumeAudit::new(WAIT));
        audit.on_ticker(&ticker(100, 50.2), true, start);
        for (at, size) in [(100, 0.3), (101, 0.1)] {
            audit.on_trade(&trade(at, size));
        }
        audit.on_ticker(&ticker(101, 50.6), true, start);
        assert_eq!(audit.check(start + WAIT), None);
        audit.on_ticker(&ticker(102, 50.9), true, start + WAIT);
        assert!(audit.check(start + 2 * WAIT).is_some(), "it explains no other loss");
    }

    #[test]
    fn a_new_day_and_more_than_was_promised_are_no_gaps() {
        let (mut now, mut audit) = (Instant::now(), VolumeAudit::new(WAIT));
        for (at, volume) in [(86_390, 50.0), (86_399, 50.0), (86_401, 0.5), (86_403, 0.5), (172_801, 9.0)] {
            audit.on_ticker(&ticker(at, volume), true, now);
            audit.on_trade(&trade(at, 0.01));
            now += WAIT;
            assert_eq!(audit.check(now), None, "{at}");
        }
    }

    #[test]
    fn after_a_false_alarm_it_rests() {
        let (now, mut audit) = (Instant::now(), VolumeAudit::new(WAIT));
        audit.suspected = Some((Timestamp::from_secs(101), Timestamp::from_secs(103)));
        assert!(!audit.on_backfilled(|_| false, now), "no gap, no loss");
        audit.on_ticker(&ticker(100, 50.0), true, now + WAIT);
        assert!(audit.baseline.is_none());
        audit.on_ticker(&ticker(200, 50.0), true, now + MIN_COOLDOWN);
        assert!(audit.baseline.is_some());
    }
}
