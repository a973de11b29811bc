//! A rule by which the emulator limits a group of requests, and its spelling on the command line.

use std::str::FromStr;

use super::EmulatorLimit;

/// The way in which requests are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LimiterKind {
    /// A sliding window: no stretch of its length holds more accepted requests than the limit.
    #[default]
    Sliding,
    /// A window that begins with the first request after the one before has ended.
    Anchored,
    /// A fixed window: the count starts anew with each calendar window (each full second).
    Fixed,
}

/// The unit in which a rule counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitUnit {
    /// Each request counts as one.
    Requests,
    /// Each request of the group counts as this much.
    Weight(u32),
}

/// A rule for a group of requests. A group may have several, all of which hold.
///
/// It is written `GROUP=MAX/WINDOW`, where the window is in `s` or `ms`, and `weight:N` (or `requests`) and the way to count
/// may follow: `candles=20/1s,weight:4,anchored`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitRule {
    /// The name of the group, as the report shows it.
    pub group: String,
    /// The most that a window takes.
    pub max: u32,
    /// The length of the window, in ms.
    pub window_ms: u64,
    /// The unit in which it counts.
    pub unit: LimitUnit,
    /// The way in which it counts; `None` for that of the scenario.
    pub kind: Option<LimiterKind>,
}

impl LimitRule {
    pub(super) fn of(limit: EmulatorLimit) -> Self {
        let EmulatorLimit { group, requests, window_us } = limit;
        let window_ms = u64::try_from(window_us / 1_000).unwrap_or_default();
        Self { group: group.to_owned(), max: requests, window_ms, unit: LimitUnit::Requests, kind: None }
    }

    pub(super) fn window_us(&self) -> i64 {
        i64::try_from(self.window_ms).map_or(i64::MAX, |millis| millis.saturating_mul(1_000)).max(1)
    }

    /// Returns what a request takes of the window.
    pub(super) fn charge(&self) -> u32 {
        match self.unit {
            LimitUnit::Requests => 1,
            LimitUnit::Weight(weight) => weight,
        }
    }
}

/// The reason why the text of a [`LimitRule`] is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no limit; write GROUP=MAX/WINDOW, as candles=10/1s or candles=20/500ms,weight:4,anchored")]
pub struct ParseLimitError(String);

impl FromStr for LimitRule {
    type Err = ParseLimitError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or_else(|| ParseLimitError(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<LimitRule> {
    let mut parts = text.split(',').map(str::trim);
    let (group, limit) = parts.next()?.split_once('=')?;
    let (max, window) = limit.split_once('/')?;
    let window_ms = match window.strip_suffix("ms") {
        Some(millis) => millis.parse().ok()?,
        None => window.strip_suffix('s')?.parse::<u64>().ok()?.checked_mul(1_000)?,
    };
    let (group, max) = (group.trim().to_owned(), max.parse().ok()?);
    let mut rule = LimitRule { group, max, window_ms, unit: LimitUnit::Requests, kind: None };
    for part in parts {
        match part {
            "requests" => rule.unit = LimitUnit::Requests,
            "sliding" => rule.kind = Some(LimiterKind::Sliding),
            "anchored" => rule.kind = Some(LimiterKind::Anchored),
            "fixed" => rule.kind = Some(LimiterKind::Fixed),
            _ => rule.unit = LimitUnit::Weight(part.strip_prefix("weight:")?.parse().ok()?),
        }
    }
    (window_ms > 0 && max > 0 && !rule.group.is_empty()).then_some(rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_read_and_nonsense_refused() {
        let plain = LimitRule {
            group: "candles".to_owned(),
            max: 20,
            window_ms: 500,
            unit: LimitUnit::Requests,
            kind: None,
        };
        assert_eq!("candles=20/500ms".parse(), Ok(plain.clone()));
        let weighted = LimitRule { unit: LimitUnit::Weight(4), kind: Some(LimiterKind::Anchored), ..plain };
        assert_eq!("candles=20/500ms, weight:4, anchored".parse(), Ok(weighted));
        for wrong in
            ["candles", "candles=10", "candles=x/1s", "candles=10/1m", "candles=0/1s", "=1/1s", "a=1/1s,odd"]
        {
            assert!(wrong.parse::<LimitRule>().is_err(), "{wrong}");
        }
    }
}
