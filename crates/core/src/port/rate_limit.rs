//! The rules by which a venue limits requests, and what one request costs under them.
//!
//! A venue limits *groups* of requests. One group can have several rules at once, and all of them hold: Binance, for
//! instance, takes a weight of 6,000 a minute and 300,000 requests in five minutes from one address. The same rules give
//! permits (may this request leave now?) and estimates (how long will 500 of them take?).

use std::fmt;
use std::time::Duration;

use super::HttpCall;

/// The name of a group of requests that a venue counts together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RateLimitGroup(pub &'static str);

impl RateLimitGroup {
    /// Returns the cost of a request of this group that weighs `weight`.
    #[must_use]
    pub const fn with_weight(self, weight: u32) -> RequestCost {
        RequestCost { group: self, weight }
    }
}

impl fmt::Display for RateLimitGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

/// The unit in which a rule counts requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RateUnit {
    /// A request counts by its weight, which is 1 unless the venue's adapter says otherwise.
    #[default]
    Weight,
    /// A request counts as one, whatever it weighs.
    Requests,
}

impl RateUnit {
    /// Returns how much of a window is used by `requests` that weigh `weight` together.
    #[must_use]
    pub const fn charge(self, weight: u32, requests: u32) -> u32 {
        match self {
            Self::Weight => weight,
            Self::Requests => requests,
        }
    }
}

/// The way in which a venue places the windows of a rule in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WindowKind {
    /// Any period of the window's length, wherever it begins.
    #[default]
    Sliding,
    /// Periods cut by the venue's clock: they begin at the multiples of the window since the Unix epoch, in UTC.
    Fixed,
}

/// A rule of a venue: how much of a group it takes in one window.
///
/// A group may have any number of rules. All of them hold for each of its requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateLimitRule {
    /// The group of requests that the rule limits.
    pub group: RateLimitGroup,
    /// The most that one window takes, in the rule's [unit](Self::unit); at least 1.
    pub max: u32,
    /// The length of the window.
    pub window: Duration,
    /// The way in which the venue places its windows.
    pub kind: WindowKind,
    /// The unit in which requests are counted.
    pub unit: RateUnit,
}

impl RateLimitRule {
    /// Returns the rule that a sliding `window` takes a weight of `max`.
    ///
    /// Where no request has a weight, that is `max` requests.
    #[must_use]
    pub const fn new(group: RateLimitGroup, max: u32, window: Duration) -> Self {
        Self { group, max, window, kind: WindowKind::Sliding, unit: RateUnit::Weight }
    }

    /// Returns this rule with windows that the venue's clock cuts.
    #[must_use]
    pub const fn by_clock(mut self) -> Self {
        self.kind = WindowKind::Fixed;
        self
    }

    /// Returns this rule, counting each request as one.
    #[must_use]
    pub const fn counting_requests(mut self) -> Self {
        self.unit = RateUnit::Requests;
        self
    }

    /// Returns what a request of `weight` takes of the window.
    #[must_use]
    pub const fn charge(&self, weight: u32) -> u32 {
        match self.unit {
            RateUnit::Weight => weight,
            RateUnit::Requests => 1,
        }
    }
}

/// The cost of one request: the group it counts against, and its weight there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestCost {
    /// The group that the request counts against.
    pub group: RateLimitGroup,
    /// The weight by which the group's rules count the request. A weight of 0 is counted by no rule that goes by weight.
    pub weight: u32,
}

/// A request of weight 1.
impl From<RateLimitGroup> for RequestCost {
    fn from(group: RateLimitGroup) -> Self {
        group.with_weight(1)
    }
}

impl From<&HttpCall> for RequestCost {
    fn from(call: &HttpCall) -> Self {
        call.group.with_weight(call.weight)
    }
}

/// The budget left in a window, as a reply reports it, whoever used the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetReport {
    /// The group that the venue counted the request in.
    pub group: RateLimitGroup,
    /// The window of the rule that the figure belongs to; `None` stands for the group's first rule.
    pub window: Option<Duration>,
    /// The amount left in that window, in the rule's unit.
    pub remaining: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: RateLimitGroup = RateLimitGroup("weight");

    #[test]
    fn a_rule_counts_in_its_unit() {
        let rule = RateLimitRule::new(GROUP, 6_000, Duration::from_secs(60));
        assert_eq!([0, 1, 25].map(|weight| rule.charge(weight)), [0, 1, 25]);
        assert_eq!([0, 1, 25].map(|weight| rule.counting_requests().charge(weight)), [1, 1, 1]);
        assert_eq!(rule.by_clock().kind, WindowKind::Fixed);
    }

    #[test]
    fn a_request_without_a_weight_weighs_one() {
        assert_eq!(RequestCost::from(GROUP), GROUP.with_weight(1));
        let call = HttpCall::new(GROUP, "/depth", Vec::new()).with_weight(250);
        assert_eq!(RequestCost::from(&call), GROUP.with_weight(250));
    }
}
