//! Detects suspicious silence of a channel from the rate of its events.
//!
//! Half a minute of silence is suspicious in a busy market; five minutes are normal in a thin one. So each
//! channel is judged by its own mean gap. A silence that proved to be the market's own doubles the limit
//! until the next event.

use std::time::Duration;

use tokio::time::Instant;

use crate::live::config::LivenessConfig;

/// The weight of the latest gap in the mean.
const EWMA_WEIGHT: f64 = 0.2;

/// The cadence of one channel.
#[derive(Clone, Copy, Debug)]
pub(super) struct ChannelCadence {
    /// The channel's mark at the last check.
    last_mark: u64,
    /// The time of the last activity, as exact as the checks.
    last_activity: Instant,
    /// The mean gap between checks that found something new, in seconds; `None` before two of them.
    mean_gap: Option<f64>,
    /// The factor by which the silence limit has grown.
    patience_factor: f64,
}

impl ChannelCadence {
    /// Creates the cadence of a channel that is first checked at `now`.
    pub(super) fn new(mark: u64, now: Instant) -> Self {
        Self { last_mark: mark, last_activity: now, mean_gap: None, patience_factor: 1.0 }
    }

    /// Compares the channel's `mark`, which changes with every event. Returns whether it has changed.
    pub(super) fn observe(&mut self, mark: u64, now: Instant) -> bool {
        if self.last_mark == mark {
            return false;
        }
        let gap = (now - self.last_activity).as_secs_f64();
        // No gap is measured between a value and the first check.
        if self.last_mark != 0 {
            self.mean_gap = Some(self.mean_gap.map_or(gap, |mean| mean + EWMA_WEIGHT * (gap - mean)));
        }
        (self.last_mark, self.last_activity, self.patience_factor) = (mark, now, 1.0);
        true
    }

    /// Returns how long the channel may be silent.
    pub(super) fn silence_limit(&self, config: &LivenessConfig) -> Duration {
        let most = config.max_silence.as_secs_f64();
        let own = self.mean_gap.map_or(most, |mean| mean * config.mean_gap_factor);
        let limit = own.clamp(config.min_silence.as_secs_f64().min(most), most) * self.patience_factor;
        Duration::try_from_secs_f64(limit).unwrap_or(Duration::MAX)
    }

    /// Returns whether the silence is suspicious.
    pub(super) fn is_overdue(&self, now: Instant, config: &LivenessConfig) -> bool {
        now - self.last_activity > self.silence_limit(config)
    }

    /// Raises the limit, because the silence was the market's own.
    pub(super) fn extend_patience(&mut self) {
        self.patience_factor = (self.patience_factor * 2.0).min(64.0);
    }

    /// Restarts the silence at `now`, because the channel was subscribed to again.
    pub(super) fn restart(&mut self, now: Instant) {
        self.last_activity = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A cadence with an event every `gap`, and the time of the last one.
    fn active_every(gap: Duration) -> (ChannelCadence, Instant) {
        let mut now = Instant::now();
        let mut pulse = ChannelCadence::new(0, now);
        for mark in 1..50 {
            now += gap;
            pulse.observe(mark, now);
        }
        (pulse, now)
    }

    #[tokio::test]
    async fn each_is_judged_by_its_own_rhythm() {
        let config = LivenessConfig::default();
        for (gap, limit) in [(1, 30), (10, 200), (60, 600)] {
            let (pulse, last) = active_every(SECOND * gap);
            assert!(!pulse.is_overdue(last + SECOND * (limit - 1), &config), "{gap}");
            assert!(pulse.is_overdue(last + SECOND * (limit + 1), &config), "{gap}");
        }
    }

    #[tokio::test]
    async fn one_that_was_never_received_twice_gets_the_longest_time() {
        let config = LivenessConfig::default();
        let now = Instant::now();
        assert_eq!(ChannelCadence::new(0, now).silence_limit(&config), config.max_silence);
    }

    #[tokio::test]
    async fn a_quiet_market_is_asked_about_less_and_less_until_it_speaks() {
        let config = LivenessConfig::default();
        let (mut pulse, last) = active_every(SECOND);
        pulse.extend_patience();
        assert!(!pulse.is_overdue(last + SECOND * 59, &config));
        pulse.extend_patience();
        assert!(!pulse.is_overdue(last + SECOND * 119, &config));
        assert!(pulse.is_overdue(last + SECOND * 121, &config));
        pulse.observe(99, last + SECOND * 121);
        assert!(pulse.silence_limit(&config) < SECOND * 600);
    }
}
