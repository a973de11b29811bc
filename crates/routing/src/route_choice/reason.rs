//! The reason for which a value came by its route.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A route to the venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Route {
    /// A REST request.
    Rest,
    /// The realtime cache, which the socket fills.
    Socket,
}

/// The reason for which a value came by its route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RouteReason {
    /// Past data is available over REST only.
    History,
    /// All markets of a quote at once are available over REST only.
    WholeMarket,
    /// The socket has no such stream, or not as deep.
    NotStreamed,
    /// The market is followed, and the socket delivers it.
    Live,
    /// The market is requested too rarely to be followed.
    Rare,
    /// The market is requested often: over REST this time, and followed from now on.
    Starting,
    /// The market is followed, but the socket has not delivered it since it last connected.
    NotDelivering,
    /// The rate limit is in use, and the socket costs none of it.
    BudgetBusy,
    /// The socket was subscribed to, but did not deliver in time.
    TooSlow,
    /// The latest value of the socket is older than the caller accepts.
    TooOld,
}

impl RouteReason {
    /// All reasons, in the order of the variants.
    pub const ALL: [Self; 10] = [
        Self::History,
        Self::WholeMarket,
        Self::NotStreamed,
        Self::Live,
        Self::Rare,
        Self::Starting,
        Self::NotDelivering,
        Self::BudgetBusy,
        Self::TooSlow,
        Self::TooOld,
    ];

    /// The reason in one word, for metrics: `history`, `live`, `not_delivering`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::History => "history",
            Self::WholeMarket => "whole_market",
            Self::NotStreamed => "not_streamed",
            Self::Live => "live",
            Self::Rare => "rare",
            Self::Starting => "starting",
            Self::NotDelivering => "not_delivering",
            Self::BudgetBusy => "budget_busy",
            Self::TooSlow => "too_slow",
            Self::TooOld => "too_old",
        }
    }

    /// Returns the route that it stands for.
    #[must_use]
    pub const fn route(self) -> Route {
        match self {
            Self::Live | Self::BudgetBusy => Route::Socket,
            Self::History
            | Self::WholeMarket
            | Self::NotStreamed
            | Self::Rare
            | Self::Starting
            | Self::NotDelivering
            | Self::TooSlow
            | Self::TooOld => Route::Rest,
        }
    }
}

impl fmt::Display for RouteReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::History => "past data is available over REST only",
            Self::WholeMarket => "a whole market is available over REST only",
            Self::NotStreamed => "the socket has no such stream",
            Self::Live => "followed, and the socket delivers",
            Self::Rare => "requested too rarely to follow",
            Self::Starting => "requested often: followed from now on",
            Self::NotDelivering => "followed, but the socket does not deliver",
            Self::BudgetBusy => "the rate limit is in use; the socket costs none of it",
            Self::TooSlow => "the socket did not answer in time",
            Self::TooOld => "the socket's latest value is too old for the caller",
        })
    }
}

/// The number of times each reason was given.
#[derive(Debug, Default)]
pub(crate) struct RouteReasonCounts([AtomicU64; RouteReason::ALL.len()]);

impl RouteReasonCounts {
    /// Counts and logs a decision.
    pub(crate) fn record(&self, reason: RouteReason, what: &dyn fmt::Display) {
        self.0[reason as usize].fetch_add(1, Relaxed);
        tracing::debug!(route = ?reason.route(), %reason, %what, "channel chosen");
    }

    /// Returns the reasons that were given at least once, with their counts.
    pub(crate) fn counts(&self) -> Vec<(RouteReason, u64)> {
        let count = |reason: RouteReason| (reason, self.0[reason as usize].load(Relaxed));
        RouteReason::ALL.into_iter().map(count).filter(|(_, count)| *count > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_its_own_place_in_the_tally() {
        let tally = RouteReasonCounts::default();
        for reason in RouteReason::ALL {
            tally.record(reason, &"x");
        }
        assert_eq!(tally.counts(), RouteReason::ALL.map(|reason| (reason, 1)));
    }
}
