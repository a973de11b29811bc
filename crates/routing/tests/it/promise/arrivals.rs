//! Three kinds of venue, which count what arrives by a rule.

use std::time::Duration;

use market_backbone_core::RateLimitRule;
use tokio::time::Instant;

use super::model::{GROUP, WINDOW};

/// When requests arrived and what they weigh, in order.
#[derive(Debug)]
pub(crate) struct Arrivals(Vec<(Instant, u32)>);

impl Arrivals {
    /// Requests of weight 1.
    pub(crate) fn of(moments: impl IntoIterator<Item = Instant>) -> Self {
        Self::weighing(moments.into_iter().map(|at| (at, 1)))
    }

    pub(crate) fn weighing(arrivals: impl IntoIterator<Item = (Instant, u32)>) -> Self {
        let mut arrivals: Vec<_> = arrivals.into_iter().collect();
        arrivals.sort();
        Self(arrivals)
    }

    pub(crate) fn ends(&self) -> (Instant, Instant) {
        (self.0[0].0, self.0[self.0.len() - 1].0)
    }

    /// Refused by a venue that takes `max` in the last second.
    pub(crate) fn sliding(&self, max: usize) -> usize {
        self.sliding_by(&one_second(max))
    }

    /// Refused by a venue that takes `max` in a second from the first request on.
    pub(crate) fn anchored(&self, max: usize) -> usize {
        self.anchored_by(&one_second(max))
    }

    /// Refused by a venue that takes `max` in its clock's second, which begins `offset` after ours.
    pub(crate) fn calendar(&self, max: usize, origin: Instant, offset: Duration) -> usize {
        self.calendar_by(&one_second(max), origin, offset)
    }

    /// Refused by a venue that counts the last window before each request.
    pub(crate) fn sliding_by(&self, rule: &RateLimitRule) -> usize {
        let (mut oldest, mut held, mut rejected) = (0, 0_u64, 0);
        for (arrival, weight) in &self.0 {
            while *arrival - self.0[oldest].0 >= rule.window {
                held -= u64::from(rule.charge(self.0[oldest].1));
                oldest += 1;
            }
            held += u64::from(rule.charge(*weight));
            rejected += usize::from(held > u64::from(rule.max));
        }
        rejected
    }

    /// Refused by a venue that counts in whole ms, and counts what is exactly a window old.
    pub(crate) fn in_whole_ms_by(&self, rule: &RateLimitRule, origin: Instant) -> usize {
        let millis = |arrival: Instant| (arrival - origin).as_millis();
        let (mut oldest, mut held, mut rejected) = (0, 0_u64, 0);
        for (arrival, weight) in &self.0 {
            while millis(*arrival) - millis(self.0[oldest].0) > rule.window.as_millis() {
                held -= u64::from(rule.charge(self.0[oldest].1));
                oldest += 1;
            }
            held += u64::from(rule.charge(*weight));
            rejected += usize::from(held > u64::from(rule.max));
        }
        rejected
    }

    /// Refused by a venue that counts a window from the first request on.
    pub(crate) fn anchored_by(&self, rule: &RateLimitRule) -> usize {
        let (mut rejected, mut anchor, mut counted) = (0, None::<Instant>, 0);
        for (arrival, weight) in &self.0 {
            if anchor.is_none_or(|anchor| *arrival - anchor >= rule.window) {
                (anchor, counted) = (Some(*arrival), 0);
            }
            counted += u64::from(rule.charge(*weight));
            rejected += usize::from(counted > u64::from(rule.max));
        }
        rejected
    }

    /// Refused by a venue that counts by its clock's windows, which begin `offset` after ours.
    pub(crate) fn calendar_by(&self, rule: &RateLimitRule, origin: Instant, offset: Duration) -> usize {
        let window = |arrival: Instant| (arrival - origin + offset).as_nanos() / rule.window.as_nanos();
        let rejected = |same: &[(Instant, u32)]| {
            let mut counted = 0;
            let charges = same.iter().map(|(_, weight)| u64::from(rule.charge(*weight)));
            charges
                .filter(|charge| {
                    counted += charge;
                    counted > u64::from(rule.max)
                })
                .count()
        };
        self.0.chunk_by(|a, b| window(a.0) == window(b.0)).map(rejected).sum()
    }
}

fn one_second(max: usize) -> RateLimitRule {
    RateLimitRule::new(GROUP, u32::try_from(max).unwrap(), WINDOW)
}
