//! The connection that last subscribed to each channel.

use std::sync::{Mutex, PoisonError};

use market_backbone_core::Channel;
use rustc_hash::{FxHashMap, FxHashSet};

/// The connection that last subscribed to each channel. It tells a channel without a connection from a quiet
/// one.
#[derive(Debug, Default)]
pub(super) struct ServingConnections(Mutex<FxHashMap<Channel, u64>>);

impl ServingConnections {
    /// Records that the connection subscribed to `channels`. Returns those that no open connection (`stands`)
    /// delivered before.
    pub(super) fn assign(
        &self,
        channels: &[Channel],
        connection: u64,
        stands: impl Fn(u64) -> bool,
    ) -> FxHashSet<Channel> {
        let mut by = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut new = FxHashSet::default();
        for channel in channels {
            let before = by.insert(channel.clone(), connection);
            if before.is_none_or(|before| !stands(before)) {
                new.insert(channel.clone());
            }
        }
        new
    }

    /// Records that the connection unsubscribed from `channels`.
    pub(super) fn release(&self, channels: &[Channel], connection: u64) {
        let mut by = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for channel in channels {
            if by.get(channel) == Some(&connection) {
                by.remove(channel);
            }
        }
    }

    /// Returns those of `channels` that no open connection (`stands`) delivers.
    pub(super) fn unserved(&self, channels: &[Channel], stands: impl Fn(u64) -> bool) -> FxHashSet<Channel> {
        let by = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_served = |channel: &Channel| by.get(channel).is_some_and(|number| stands(*number));
        channels.iter().filter(|channel| !is_served(channel)).cloned().collect()
    }
}
