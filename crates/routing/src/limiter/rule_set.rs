//! The rules of one group, all of which hold, with their current allowances.

use std::time::Duration;

use market_backbone_core::{RateLimitRule, WindowKind};
use tokio::time::Instant;

use super::LimiterConfig;
use super::adaptive_limit::AdaptiveLimit;
use super::send_log::{NextSlot, SendLog};
use super::settled_requests::CountedShare;
use super::venue_time::VenueTime;

/// One rule with its allowance.
#[derive(Debug)]
pub(super) struct RuleWindow {
    pub(super) rule: RateLimitRule,
    /// The time for which a request counts after its arrival: the window and the margin.
    pub(super) hold: Duration,
    limit: AdaptiveLimit,
    /// The venue's time, for a rule by its clock.
    venue_time: Option<VenueTime>,
}

impl RuleWindow {
    /// Returns the part of the window that requests other than CRITICAL ones may use at `now`, and the whole of it.
    fn allowances(&mut self, now: Instant, config: &LimiterConfig) -> (u32, u32) {
        let allowed = self.limit.at(now);
        (allowed - config.reserve(allowed), allowed)
    }

    /// Returns what may be used at `now`, without the reserve if that is `reserved`.
    pub(super) fn allowed(&mut self, now: Instant, reserved: bool, config: &LimiterConfig) -> u32 {
        let (rest, whole) = self.allowances(now, config);
        if reserved { rest } else { whole }
    }

    /// Returns when a request no longer counts that arrived at `latest` at the latest.
    pub(super) fn release(&self, latest: Instant) -> Instant {
        let sliding = latest + self.hold;
        let by_clock = self.venue_time.and_then(|time| time.next_window(latest, self.rule.window));
        by_clock.map_or(sliding, |begins| sliding.min(begins + (self.hold - self.rule.window)))
    }

    /// Returns when there is room for a request of `weight`; `reserved` says that the reserve is not for it.
    fn next_slot(
        &mut self,
        log: &SendLog,
        (now, weight): (Instant, u32),
        reserved: bool,
        config: &LimiterConfig,
    ) -> NextSlot {
        self.venue_time = self.venue_time.filter(|time| time.is_fresh(now));
        let (rest, whole) = self.allowances(now, config);
        let room = log.next_slot(now, self, whole, weight, CountedShare::All);
        if !reserved || room == NextSlot::AfterResponse {
            return room;
        }
        room.later(log.next_slot(now, self, rest, weight, CountedShare::NonCritical))
    }
}

/// The rules of one group; at least one.
#[derive(Debug)]
pub(super) struct RuleSet(Box<[RuleWindow]>);

impl RuleSet {
    pub(super) fn new(rules: &[RateLimitRule], margin: Duration) -> Self {
        let window = |rule: &RateLimitRule| RuleWindow {
            rule: *rule,
            hold: rule.window + margin,
            limit: AdaptiveLimit::new(rule.max),
            venue_time: None,
        };
        Self(rules.iter().map(window).collect())
    }

    /// Returns when every rule has room for a request of `weight`; `reserved` says that the reserve is not for it.
    pub(super) fn next_slot(
        &mut self,
        log: &SendLog,
        request: (Instant, u32),
        reserved: bool,
        config: &LimiterConfig,
    ) -> NextSlot {
        let mut room = NextSlot::Now;
        for window in &mut self.0 {
            room = room.later(window.next_slot(log, request, reserved, config));
        }
        room
    }

    /// Returns the rule whose window a venue's report means: the first if it names none.
    pub(super) fn reported(&self, window: Option<Duration>) -> Option<&RuleWindow> {
        self.0.iter().find(|found| window.is_none_or(|window| window == found.rule.window))
    }

    /// Records what the venue's clock shows, for the rules by that clock.
    pub(super) fn set_venue_time(&mut self, time: VenueTime) {
        for window in self.0.iter_mut().filter(|window| window.rule.kind == WindowKind::Fixed) {
            window.venue_time = Some(time);
        }
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut RuleWindow> {
        self.0.iter_mut()
    }

    /// Returns the least that any of the windows may hold at `now`.
    pub(super) fn allowed(&mut self, now: Instant) -> u32 {
        self.0.iter_mut().map(|window| window.limit.at(now)).min().unwrap_or_default()
    }

    /// Shrinks all allowances, since throttling does not say which rule it is about, and pauses until
    /// `until`.
    pub(super) fn on_throttled(&mut self, now: Instant, until: Instant) {
        self.0.iter_mut().for_each(|window| window.limit.on_throttled(now, until));
    }

    /// Pauses until `until` without shrinking the allowances.
    pub(super) fn pause(&mut self, until: Instant) {
        self.0.iter_mut().for_each(|window| window.limit.pause(until));
    }

    /// Returns until when nothing may be sent, if that lies ahead.
    pub(super) fn paused_until(&self, now: Instant) -> Option<Instant> {
        self.0.iter().filter_map(|window| window.limit.paused_until(now)).max()
    }

    /// Returns when the first of the shrunken allowances will grow.
    pub(super) fn recovers_at(&self) -> Option<Instant> {
        self.0.iter().filter_map(|window| window.limit.recovers_at()).min()
    }
}

/// Returns the rules by group, in the order in which the groups are first named.
pub(super) fn by_group(rules: &[RateLimitRule]) -> Vec<Vec<RateLimitRule>> {
    let mut groups: Vec<Vec<RateLimitRule>> = Vec::new();
    for rule in rules {
        match groups.iter_mut().find(|group| group[0].group == rule.group) {
            Some(group) => group.push(*rule),
            None => groups.push(vec![*rule]),
        }
    }
    groups
}
