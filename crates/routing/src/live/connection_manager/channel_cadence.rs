//! How long a channel may be silent before that is strange, judged by how often it speaks.
//!
//! A busy market that says nothing for half a minute is strange, a sleepy one that says nothing for five minutes is
//! not. So each channel is measured by its own mean gap; and a silence that turned out to be the market's own doubles
//! its patience, until it speaks again.

use std::time::Duration;

use tokio::time::Instant;

use crate::live::config::LivenessConfig;

/// The weight of the latest gap in the mean.
const EWMA_WEIGHT: f64 = 0.2;

/// The rhythm of one channel.
#[derive(Clone, Copy, Debug)]
pub(super) struct ChannelCadence {
    /// What the channel's mark was when it was last looked at.
    last_mark: u64,
    /// When it was last heard, as far as looking now and then can tell.
    last_activity: Instant,
    /// The mean gap between looks that found something new, in seconds; `None` before two of them.
    mean_gap: Option<f64>,
    /// By how much patience has grown.
    patience_factor: f64,
}

impl ChannelCadence {
    /// That of a channel first looked at `now`.
    pub(super) fn new(mark: u64, now: Instant) -> Self {
        Self { last_mark: mark, last_activity: now, mean_gap: None, patience_factor: 1.0 }
    }

    /// Looks at the channel's `mark`, which changes whenever it speaks; whether it has.
    pub(super) fn observe(&mut self, mark: u64, now: Instant) -> bool {
        if self.last_mark == mark {
            return false;
        }
        let gap = (now - self.last_activity).as_secs_f64();
        // Between a value and the first look nothing was measured.
        if self.last_mark != 0 {
            self.mean_gap = Some(self.mean_gap.map_or(gap, |mean| mean + EWMA_WEIGHT * (gap - mean)));
        }
        (self.last_mark, self.last_activity, self.patience_factor) = (mark, now, 1.0);
        true
    }

    /// How long it may be silent.
    pub(super) fn silence_limit(&self, config: &LivenessConfig) -> Duration {
        let most = config.max_silence.as_secs_f64();
        let own = self.mean_gap.map_or(most, |mean| mean * config.mean_gap_factor);
        let limit = own.clamp(config.min_silence.as_secs_f64().min(most), most) * self.patience_factor;
        Duration::try_from_secs_f64(limit).unwrap_or(Duration::MAX)
    }

    /// Whether its silence is strange.
    pub(super) fn is_overdue(&self, now: Instant, config: &LivenessConfig) -> bool {
        now - self.last_activity > self.silence_limit(config)
    }

    /// The silence was the market's own.
    pub(super) fn extend_patience(&mut self) {
        self.patience_factor = (self.patience_factor * 2.0).min(64.0);
    }

    /// It was asked for anew: its silence begins now.
    pub(super) fn restart(&mut self, now: Instant) {
        self.last_activity = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A pulse that beat every `gap`, and when it last did.
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
    async fn one_that_was_never_heard_twice_gets_the_longest_time() {
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
