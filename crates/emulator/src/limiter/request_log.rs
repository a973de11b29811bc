//! The accepted requests of one address in one group, and how much of each rule they use.

use std::collections::VecDeque;

use super::{LimitRule, LimiterKind};

/// The accepted requests of one address in one group.
#[derive(Debug, Default)]
pub(super) struct RequestLog {
    /// When they arrived.
    accepted: VecDeque<i64>,
    /// When the window of each anchored rule began.
    anchors: Vec<Option<i64>>,
}

impl RequestLog {
    /// Accepts a request at `now_us` if every rule has room, and returns what the first has left.
    pub(super) fn accept(&mut self, rules: &[LimitRule], now_us: i64) -> Option<u32> {
        self.anchors.resize(rules.len(), None);
        let longest = rules.iter().map(LimitRule::window_us).max().unwrap_or_default();
        while self.accepted.front().is_some_and(|at| now_us - at >= longest) {
            self.accepted.pop_front();
        }
        let left: Vec<_> =
            rules.iter().zip(&self.anchors).map(|(rule, anchor)| self.left(rule, *anchor, now_us)).collect();
        if left.iter().zip(rules).any(|(left, rule)| *left < rule.charge()) {
            return None;
        }
        self.accepted.push_back(now_us);
        for (rule, anchor) in rules.iter().zip(&mut self.anchors) {
            if anchor.is_none_or(|anchor| now_us - anchor >= rule.window_us()) {
                *anchor = Some(now_us);
            }
        }
        Some(left[0] - rules[0].charge())
    }

    fn left(&self, rule: &LimitRule, anchor: Option<i64>, now_us: i64) -> u32 {
        let window = rule.window_us();
        let start = match rule.kind.unwrap_or_default() {
            LimiterKind::Sliding => now_us - window + 1,
            LimiterKind::Fixed => now_us - now_us.rem_euclid(window),
            LimiterKind::Anchored => anchor.filter(|anchor| now_us - anchor < window).unwrap_or(now_us),
        };
        let counted = self.accepted.len() - self.accepted.partition_point(|at| *at < start);
        let used = u32::try_from(counted).unwrap_or(u32::MAX).saturating_mul(rule.charge());
        rule.max.saturating_sub(used)
    }
}
