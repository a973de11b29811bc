//! Guards that keep channels in the desired set.

use std::sync::Arc;

use market_backbone_core::{Channel, Priority};

use super::desired_channels::interest::Interest;
use super::fanout::Fanout;
use super::state::LiveState;

/// A guard that keeps channels followed until it is dropped.
#[derive(Debug)]
#[must_use = "the channels are followed only as long as the guard lives"]
pub struct FollowGuard {
    _guard: InterestGuard,
}

impl FollowGuard {
    pub(super) fn new(guard: InterestGuard) -> Self {
        Self { _guard: guard }
    }
}

/// An interest that counts in the desired set until it is dropped.
#[derive(Debug)]
pub(super) struct InterestGuard {
    pub(super) state: Arc<LiveState>,
    pub(super) channels: Box<[Channel]>,
    interest: Interest,
    priority: Priority,
}

impl InterestGuard {
    /// Creates an interest in those of `channels` that the venue can stream.
    pub(super) fn new(
        state: &Arc<LiveState>,
        channels: &[Channel],
        interest: Interest,
        priority: Priority,
    ) -> Self {
        let capabilities = state.venue.capabilities();
        let (possible, impossible): (Vec<_>, Vec<_>) =
            channels.iter().cloned().partition(|channel| capabilities.streams(channel.kind));
        for Channel { symbol, kind } in impossible {
            tracing::warn!(%symbol, %kind, venue = %capabilities.venue, "the venue has no such stream; left out");
        }
        state.desired.add(&possible, interest, priority, &state.cache);
        Self { state: Arc::clone(state), channels: possible.into(), interest, priority }
    }
}

impl AsRef<Fanout> for InterestGuard {
    fn as_ref(&self) -> &Fanout {
        &self.state.fanout
    }
}

impl Drop for InterestGuard {
    fn drop(&mut self) {
        self.state.desired.release(&self.channels, self.interest, self.priority);
    }
}
