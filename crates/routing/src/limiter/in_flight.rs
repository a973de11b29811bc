//! Requests that were sent and whose outcome is not known yet: few at any time.

use std::time::Duration;

use rustc_hash::FxHashMap;
use tokio::time::Instant;

use super::sent_request::{MAX_EXTERNAL_IN_FLIGHT, WindowShare};
use super::settled_requests::WindowUsage;

/// A request of this process in flight.
#[derive(Clone, Copy, Debug)]
pub(super) struct InFlightRequest {
    pub(super) at: Instant,
    pub(super) weight: u32,
    pub(super) usage: WindowUsage,
}

/// The requests in flight, of this process and of others.
#[derive(Debug, Default)]
pub(super) struct InFlightRequests {
    own: FxHashMap<u64, InFlightRequest>,
    own_usage: WindowUsage,
    /// By writer and number: when they were sent, and what they use.
    external: FxHashMap<(u32, u64), (Instant, WindowUsage)>,
}

impl InFlightRequests {
    pub(super) fn push(&mut self, id: u64, at: Instant, share: WindowShare, weight: u32) {
        let usage = WindowUsage::of(share, weight, 1);
        self.own_usage += usage;
        self.own.insert(id, InFlightRequest { at, weight, usage });
    }

    /// Corrects the time of sending: the permit was granted a little after it was decided.
    pub(super) fn sent_at(&mut self, id: u64, at: Instant) {
        if let Some(sent) = self.own.get_mut(&id) {
            sent.at = at;
        }
    }

    pub(super) fn take(&mut self, id: u64) -> Option<InFlightRequest> {
        let sent = self.own.remove(&id)?;
        self.own_usage = self.own_usage - sent.usage;
        Some(sent)
    }

    pub(super) fn push_external(&mut self, key: (u32, u64), at: Instant, usage: WindowUsage) {
        self.external.insert(key, (at, usage));
    }

    pub(super) fn take_external(&mut self, key: (u32, u64)) -> Option<WindowUsage> {
        self.external.remove(&key).map(|(_, usage)| usage)
    }

    /// Returns what requests of this process use, which may arrive at any moment.
    pub(super) fn own_usage(&self) -> WindowUsage {
        self.own_usage
    }

    /// Returns when the requests of this process were sent, and what they use.
    pub(super) fn own(&self) -> impl Iterator<Item = (Instant, WindowUsage)> + '_ {
        self.own.values().map(|sent| (sent.at, sent.usage))
    }

    /// Returns the latest arrivals of other processes' requests, and what they use.
    pub(super) fn external(&self) -> impl Iterator<Item = (Instant, WindowUsage)> + '_ {
        self.external.values().map(|(at, usage)| (*at + MAX_EXTERNAL_IN_FLIGHT, *usage))
    }

    pub(super) fn has_own(&self) -> bool {
        !self.own.is_empty()
    }

    pub(super) fn has_external(&self) -> bool {
        !self.external.is_empty()
    }

    /// Drops other processes' requests that count no more `hold` after their latest arrival.
    pub(super) fn prune_external(&mut self, horizon: Instant, hold: Duration) {
        self.external.retain(|_, (at, _)| *at + MAX_EXTERNAL_IN_FLIGHT + hold > horizon);
    }
}
