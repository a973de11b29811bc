//! Requests whose latest arrival is known, in its order, with running sums.
//!
//! A permit asks how much of the last window is used, once for each rule. With a sum up to each entry that is one
//! binary search, whether the log has ten entries or ten thousand.

use std::collections::VecDeque;
use std::ops::{Add, AddAssign, Sub};

use market_backbone_core::RateUnit;
use tokio::time::Instant;

use super::sent_request::WindowShare;

/// The requests of a window that a check counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CountedShare {
    All,
    /// All but CRITICAL ones, for which a part of the window is reserved.
    NonCritical,
}

/// How much requests use of a window, in both units and for both ways to count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct WindowUsage {
    weight: u64,
    requests: u64,
    critical_weight: u64,
    critical_requests: u64,
}

impl WindowUsage {
    pub(super) fn of(share: WindowShare, weight: u32, requests: u32) -> Self {
        let (weight, requests) = (u64::from(weight), u64::from(requests));
        let critical = share == WindowShare::Critical;
        let (critical_weight, critical_requests) = if critical { (weight, requests) } else { (0, 0) };
        Self { weight, requests, critical_weight, critical_requests }
    }

    /// Returns the amount in `unit` of the requests that are counted.
    pub(super) fn amount(self, unit: RateUnit, counted: CountedShare) -> u64 {
        let (all, critical) = if unit == RateUnit::Requests {
            (self.requests, self.critical_requests)
        } else {
            (self.weight, self.critical_weight)
        };
        match counted {
            CountedShare::All => all,
            CountedShare::NonCritical => all - critical,
        }
    }
}

impl Add for WindowUsage {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            weight: self.weight + other.weight,
            requests: self.requests + other.requests,
            critical_weight: self.critical_weight + other.critical_weight,
            critical_requests: self.critical_requests + other.critical_requests,
        }
    }
}

impl AddAssign for WindowUsage {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for WindowUsage {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            weight: self.weight - other.weight,
            requests: self.requests - other.requests,
            critical_weight: self.critical_weight - other.critical_weight,
            critical_requests: self.critical_requests - other.critical_requests,
        }
    }
}

/// One request, or an amount of unknown origin.
#[derive(Clone, Copy, Debug)]
pub(super) struct SettledRequest {
    /// The latest moment at which it can have arrived, before any round-trip credit.
    pub(super) arrived: Instant,
    /// When it was sent, if this process sent it.
    sent: Option<Instant>,
    pub(super) usage: WindowUsage,
    /// The usage of all entries up to this one, since the queue was made.
    total: WindowUsage,
}

/// Settled requests, in the order of their latest arrival.
#[derive(Debug, Default)]
pub(super) struct SettledRequests {
    entries: VecDeque<SettledRequest>,
    /// The total of the entries that were dropped.
    dropped: WindowUsage,
}

impl SettledRequests {
    /// Adds a request; nearly always at the end, since answers come nearly in order.
    pub(super) fn insert(&mut self, arrived: Instant, sent: Option<Instant>, usage: WindowUsage) {
        let place =
            self.entries.iter().rposition(|entry| entry.arrived <= arrived).map_or(0, |last| last + 1);
        let total = self.total_before(place) + usage;
        self.entries.insert(place, SettledRequest { arrived, sent, usage, total });
        for later in self.entries.range_mut(place + 1..) {
            later.total += usage;
        }
    }

    /// Drops the oldest entries for as long as `expired` says so of their latest arrival.
    pub(super) fn drop_while(&mut self, expired: impl Fn(Instant) -> bool) {
        while let Some(oldest) = self.entries.front().filter(|oldest| expired(oldest.arrived)) {
            self.dropped = oldest.total;
            self.entries.pop_front();
        }
    }

    /// Returns the entries that do not fulfil `left`, which holds up to some arrival and not after it.
    pub(super) fn held(&self, left: impl Fn(Instant) -> bool) -> HeldRequests<'_> {
        let first = self.entries.partition_point(|entry| left(entry.arrived));
        HeldRequests { of: self, first }
    }

    /// Returns whether one that this process sent was sent less than a while ago, as `recent` says.
    pub(super) fn any_sent(&self, recent: impl Fn(Instant) -> bool) -> bool {
        // Nothing arrives before it is sent, so the rest is older.
        let recently_arrived = self.entries.iter().rev().take_while(|entry| recent(entry.arrived));
        recently_arrived.filter_map(|entry| entry.sent).any(&recent)
    }

    fn total_before(&self, place: usize) -> WindowUsage {
        place.checked_sub(1).map_or(self.dropped, |last| self.entries[last].total)
    }
}

/// The part of the settled requests that a window still holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeldRequests<'a> {
    of: &'a SettledRequests,
    first: usize,
}

impl<'a> HeldRequests<'a> {
    /// Returns how much of the window they use together.
    pub(super) fn usage(&self) -> WindowUsage {
        self.of.total_before(self.of.entries.len()) - self.of.total_before(self.first)
    }

    /// Returns them, those first that leave first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &'a SettledRequest> + use<'a> {
        self.of.entries.range(self.first..)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The sums are those of counting one by one, in whatever order requests are answered and dropped.
        #[test]
        fn sums_are_those_of_counting(
            steps in prop::collection::vec((0_u64..400, 0_u32..9, any::<bool>(), 0_u64..1_000), 1..80),
        ) {
            let start = Instant::now();
            let (mut queue, mut plain) = (SettledRequests::default(), Vec::new());
            for (number, (late, weight, critical, asked)) in steps.into_iter().enumerate() {
                let arrived = start + Duration::from_millis(number as u64 * 10 + late);
                let share = if critical { WindowShare::Critical } else { WindowShare::Others };
                queue.insert(arrived, None, WindowUsage::of(share, weight, 1));
                plain.push((arrived, weight, critical));
                let end = start + Duration::from_millis(number as u64 * 5);
                queue.drop_while(|arrived| arrived < end);
                plain.retain(|(arrived, ..)| *arrived >= end);
                let left = |arrived: Instant| arrived <= start + Duration::from_millis(asked);
                let held = queue.held(left);
                let counted = |critical_too: bool| {
                    let held = plain.iter().filter(|(arrived, _, critical)| !left(*arrived) && (critical_too || !critical));
                    held.fold((0, 0), |(sum, count), (_, weight, _)| (sum + u64::from(*weight), count + 1))
                };
                for (share, critical_too) in [(CountedShare::All, true), (CountedShare::NonCritical, false)] {
                    let amount = |unit| held.usage().amount(unit, share);
                    prop_assert_eq!((amount(RateUnit::Weight), amount(RateUnit::Requests)), counted(critical_too));
                }
                let order: Vec<_> = held.iter().map(|entry| entry.arrived).collect();
                prop_assert!(order.is_sorted());
            }
        }
    }
}
