//! Counts requests against limits, as venues were measured to do it.
//!
//! It uses a sliding log of accepted requests, not a token bucket: a bucket would let a burst through that
//! the real window rejects.

mod limit_rule;
mod request_log;

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use rustc_hash::FxHashMap;

pub use limit_rule::{LimitRule, LimitUnit, LimiterKind, ParseLimitError};
use request_log::RequestLog;

/// The rule by which repeated 429s end in a 418.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BanRule {
    /// The number of 429s in a row that lead to a ban.
    pub after: u32,
    /// The time in which they must occur, in ms.
    pub within_ms: u64,
    /// The length of the first ban, in seconds; each later one is twice as long as the one before.
    pub seconds: u64,
    /// The body of the 418.
    pub body: BanBody,
}

impl Default for BanRule {
    fn default() -> Self {
        Self { after: 30, within_ms: 10_000, seconds: 60, body: BanBody::Json }
    }
}

/// The form of the body of a 418.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BanBody {
    /// An error object like those of other errors.
    Json,
    /// A line of plain text.
    Text,
    /// An empty body.
    Empty,
}

/// A limit on the number of requests in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EmulatorLimit {
    pub(crate) group: &'static str,
    pub(crate) requests: u32,
    pub(crate) window_us: i64,
}

/// The decision on a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RateDecision {
    /// The request is accepted; so many are left in the window.
    Accepted { left: u32 },
    /// The request is answered with 429.
    Rejected,
    /// The request is answered with 418, for so many seconds more.
    Banned { seconds: u64 },
}

#[derive(Debug, Default)]
struct ViolationHistory {
    rejections: VecDeque<i64>,
    bans: u32,
    banned_until_us: i64,
}

#[derive(Debug, Default)]
struct EmulatorLimiterState {
    accepted: FxHashMap<(IpAddr, &'static str), RequestLog>,
    violations: FxHashMap<IpAddr, ViolationHistory>,
}

/// The counts of a venue's limits, for all addresses.
#[derive(Debug)]
pub(crate) struct EmulatorLimiter {
    kind: LimiterKind,
    ban: Option<BanRule>,
    /// The rules that replace those of their groups.
    rules: Vec<LimitRule>,
    state: Mutex<EmulatorLimiterState>,
}

impl EmulatorLimiter {
    pub(crate) fn new(kind: LimiterKind, ban: Option<BanRule>, rules: Vec<LimitRule>) -> Self {
        Self { kind, ban, rules, state: Mutex::default() }
    }

    /// Returns the rules of the group of `limit`, which is the venue's own.
    fn rules_of(&self, limit: EmulatorLimit) -> Vec<LimitRule> {
        let mut rules: Vec<_> = self.rules.iter().filter(|rule| rule.group == limit.group).cloned().collect();
        if rules.is_empty() {
            rules.push(LimitRule::of(limit));
        }
        for rule in &mut rules {
            rule.kind = rule.kind.or(Some(self.kind));
        }
        rules
    }

    /// Counts a request that arrived at `now_us`. All rules of its group hold; the budget left is that of the first.
    pub(crate) fn check(&self, ip: IpAddr, limit: EmulatorLimit, now_us: i64) -> RateDecision {
        let rules = self.rules_of(limit);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let EmulatorLimiterState { accepted, violations: offences } = &mut *state;
        let offender = offences.entry(ip).or_default();
        if now_us < offender.banned_until_us {
            return RateDecision::Banned { seconds: seconds_until(offender.banned_until_us, now_us) };
        }
        if let Some(left) = accepted.entry((ip, limit.group)).or_default().accept(&rules, now_us) {
            offender.rejections.clear();
            return RateDecision::Accepted { left };
        }
        self.ban.and_then(|rule| offender.record_rejection(rule, now_us)).unwrap_or(RateDecision::Rejected)
    }

    /// Forgets all counts and bans.
    pub(crate) fn reset(&self) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = EmulatorLimiterState::default();
    }
}

impl ViolationHistory {
    /// Records a rejection, which may lead to a ban.
    fn record_rejection(&mut self, rule: BanRule, now_us: i64) -> Option<RateDecision> {
        let within_us = i64::try_from(rule.within_ms).unwrap_or(i64::MAX / 1_000).saturating_mul(1_000);
        self.rejections.push_back(now_us);
        while self.rejections.front().is_some_and(|at| now_us - at >= within_us) {
            self.rejections.pop_front();
        }
        if self.rejections.len() < rule.after as usize {
            return None;
        }
        self.rejections.clear();
        let seconds = rule.seconds.saturating_mul(1 << self.bans.min(16));
        self.bans += 1;
        self.banned_until_us = now_us + i64::try_from(seconds).unwrap_or(1 << 40).saturating_mul(1_000_000);
        Some(RateDecision::Banned { seconds })
    }
}

fn seconds_until(until_us: i64, now_us: i64) -> u64 {
    u64::try_from(until_us - now_us).unwrap_or(0).div_ceil(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const IP: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const TEN: EmulatorLimit = EmulatorLimit { group: "candles", requests: 10, window_us: 1_000_000 };

    /// Returns how many of `count` requests `gap_us` apart are rejected, and when the first is.
    fn refused(kind: LimiterKind, start_us: i64, gap_us: i64, count: i64) -> (usize, Option<i64>) {
        let limiter = EmulatorLimiter::new(kind, None, Vec::new());
        let times = (0..count).map(|n| start_us + n * gap_us);
        let refused: Vec<i64> = times
            .filter(|at| limiter.check(IP, TEN, *at) == RateDecision::Rejected)
            .map(|at| at - start_us)
            .collect();
        (refused.len(), refused.first().copied())
    }

    #[test]
    fn a_sliding_window_never_holds_more_than_the_limit() {
        assert_eq!(refused(LimiterKind::Sliding, 0, 0, 20), (10, Some(0)));
        assert_eq!(refused(LimiterKind::Sliding, 950_000, 10_000, 20), (10, Some(100_000)));
        // Exactly a second later the first has left the window.
        assert_eq!(refused(LimiterKind::Sliding, 0, 100_000, 1_000), (0, None));
    }

    #[test]
    fn measured_traffic_is_refused_as_it_was_measured() {
        // 482 requests 93.4 ms apart: 46 refused on the wire, the first after 0.935 s.
        let (count, first) = refused(LimiterKind::Sliding, 123_456, 93_400, 482);
        assert!((40..=50).contains(&count), "{count}");
        assert_eq!(first, Some(934_000));
    }

    #[test]
    fn a_fixed_window_forgets_at_the_full_second() {
        assert_eq!(refused(LimiterKind::Fixed, 950_000, 10_000, 20), (5, Some(150_000)));
        assert_eq!(refused(LimiterKind::Fixed, 0, 10_000, 20), (10, Some(100_000)));
    }

    #[test]
    fn a_window_from_the_first_request_on_forgets_all_at_once() {
        // The second window begins with the request at 1.0 s.
        assert_eq!(refused(LimiterKind::Anchored, 950_000, 10_000, 20), (10, Some(100_000)));
        assert_eq!(refused(LimiterKind::Anchored, 0, 95_000, 22), (2, Some(950_000)));
        assert_eq!(refused(LimiterKind::Anchored, 0, 100_000, 1_000), (0, None));
    }

    #[test]
    fn all_rules_of_a_group_hold_by_weight_and_by_requests() {
        let rules =
            ["candles=20/1s,weight:4", "candles=8/10s,requests,fixed"].map(|text| text.parse().unwrap());
        let limiter = EmulatorLimiter::new(LimiterKind::Sliding, None, rules.to_vec());
        let ask = |at| limiter.check(IP, TEN, at);
        let left: Vec<_> = (0..6).map(ask).collect();
        let accepted = |left| RateDecision::Accepted { left };
        assert_eq!(left[..5], [16, 12, 8, 4, 0].map(accepted), "five of weight 4 in a second");
        assert_eq!(left[5], RateDecision::Rejected);
        assert_eq!([1, 2, 3].map(|second| ask(second * 2_000_000)), [16; 3].map(accepted));
        assert_eq!(ask(8_000_000), RateDecision::Rejected, "eight requests in ten seconds");
        assert_eq!(ask(10_000_000), accepted(16), "the clock's next ten seconds");
    }

    #[test]
    fn groups_and_addresses_are_counted_apart() {
        let limiter = EmulatorLimiter::new(LimiterKind::Sliding, None, Vec::new());
        let other = EmulatorLimit { group: "ticker", ..TEN };
        let far = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
        for left in (0..10).rev() {
            assert_eq!(limiter.check(IP, TEN, 0), RateDecision::Accepted { left });
        }
        assert_eq!(limiter.check(IP, TEN, 0), RateDecision::Rejected);
        assert_eq!(limiter.check(IP, other, 0), RateDecision::Accepted { left: 9 });
        assert_eq!(limiter.check(far, TEN, 0), RateDecision::Accepted { left: 9 });
    }

    #[test]
    fn a_ban_follows_refusals_in_a_row_and_doubles() {
        let rule = BanRule { after: 3, within_ms: 1_000, seconds: 60, body: BanBody::Json };
        let one = EmulatorLimit { requests: 1, ..TEN };
        let limiter = EmulatorLimiter::new(LimiterKind::Sliding, Some(rule), Vec::new());
        let ask = |us| limiter.check(IP, one, us);
        assert_eq!(ask(0), RateDecision::Accepted { left: 0 });
        assert_eq!([ask(1), ask(2)], [RateDecision::Rejected; 2]);
        // An accepted request in between resets the row.
        assert_eq!(ask(1_000_000), RateDecision::Accepted { left: 0 });
        assert_eq!([ask(1_000_001), ask(1_000_002)], [RateDecision::Rejected; 2]);
        assert_eq!(ask(1_000_003), RateDecision::Banned { seconds: 60 });
        assert_eq!(ask(31_000_003), RateDecision::Banned { seconds: 30 });
        assert_eq!(ask(61_000_003), RateDecision::Accepted { left: 0 });
        assert_eq!([ask(61_000_004), ask(61_000_005)], [RateDecision::Rejected; 2]);
        assert_eq!(ask(61_000_006), RateDecision::Banned { seconds: 120 });
    }
}
