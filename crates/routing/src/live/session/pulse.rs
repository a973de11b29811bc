//! How long a channel may be silent before that is strange, judged by how often it speaks.
//!
//! A busy market that says nothing for half a minute is strange, a sleepy one that says nothing for five minutes is
//! not. So each channel is measured by its own mean gap; and a silence that turned out to be the market's own doubles
//! its patience, until it speaks again.

use std::time::Duration;

use tokio::time::Instant;

use crate::live::config::LivenessConfig;

/// The weight of the latest gap in the mean.
const WEIGHT: f64 = 0.2;

/// The rhythm of one channel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pulse {
    /// What the channel's mark was when it was last looked at.
    mark: u64,
    /// When it was last heard, as far as looking now and then can tell.
    last: Instant,
    /// The mean gap between looks that found something new, in seconds; `None` before two of them.
    mean: Option<f64>,
    /// By how much patience has grown.
    patience: f64,
}

impl Pulse {
    /// That of a channel first looked at `now`.
    pub(super) fn new(mark: u64, now: Instant) -> Self {
        Self { mark, last: now, mean: None, patience: 1.0 }
    }

    /// Looks at the channel's `mark`, which changes whenever it speaks; whether it has.
    pub(super) fn look(&mut self, mark: u64, now: Instant) -> bool {
        if self.mark == mark {
            return false;
        }
        let gap = (now - self.last).as_secs_f64();
        // Between a value and the first look nothing was measured.
        if self.mark != 0 {
            self.mean = Some(self.mean.map_or(gap, |mean| mean + WEIGHT * (gap - mean)));
        }
        (self.mark, self.last, self.patience) = (mark, now, 1.0);
        true
    }

    /// How long it may be silent.
    pub(super) fn limit(&self, config: &LivenessConfig) -> Duration {
        let most = config.at_most.as_secs_f64();
        let own = self.mean.map_or(most, |mean| mean * config.gaps);
        let limit = own.clamp(config.at_least.as_secs_f64().min(most), most) * self.patience;
        Duration::try_from_secs_f64(limit).unwrap_or(Duration::MAX)
    }

    /// Whether its silence is strange.
    pub(super) fn in_doubt(&self, now: Instant, config: &LivenessConfig) -> bool {
        now - self.last > self.limit(config)
    }

    /// The silence was the market's own.
    pub(super) fn be_patient(&mut self) {
        self.patience = (self.patience * 2.0).min(64.0);
    }

    /// It was asked for anew: its silence begins now.
    pub(super) fn restart(&mut self, now: Instant) {
        self.last = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A pulse that beat every `gap`, and when it last did.
    fn beating(gap: Duration) -> (Pulse, Instant) {
        let mut now = Instant::now();
        let mut pulse = Pulse::new(0, now);
        for mark in 1..50 {
            now += gap;
            pulse.look(mark, now);
        }
        (pulse, now)
    }

    #[tokio::test]
    async fn each_is_judged_by_its_own_rhythm() {
        let config = LivenessConfig::default();
        for (gap, limit) in [(1, 30), (10, 200), (60, 600)] {
            let (pulse, last) = beating(SECOND * gap);
            assert!(!pulse.in_doubt(last + SECOND * (limit - 1), &config), "{gap}");
            assert!(pulse.in_doubt(last + SECOND * (limit + 1), &config), "{gap}");
        }
    }

    #[tokio::test]
    async fn one_that_was_never_heard_twice_gets_the_longest_time() {
        let config = LivenessConfig::default();
        let now = Instant::now();
        assert_eq!(Pulse::new(0, now).limit(&config), config.at_most);
    }

    #[tokio::test]
    async fn a_quiet_market_is_asked_about_less_and_less_until_it_speaks() {
        let config = LivenessConfig::default();
        let (mut pulse, last) = beating(SECOND);
        pulse.be_patient();
        assert!(!pulse.in_doubt(last + SECOND * 59, &config));
        pulse.be_patient();
        assert!(!pulse.in_doubt(last + SECOND * 119, &config));
        assert!(pulse.in_doubt(last + SECOND * 121, &config));
        pulse.look(99, last + SECOND * 121);
        assert!(pulse.limit(&config) < SECOND * 600);
    }
}
