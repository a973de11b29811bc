//! Which connection was asked last for each channel.

use std::sync::{Mutex, PoisonError};

use market_backbone_core::Channel;
use rustc_hash::{FxHashMap, FxHashSet};

/// Which connection was asked last for each channel: so a channel that nobody brings can be told from one that is quiet.
#[derive(Debug, Default)]
pub(super) struct ServingConnections(Mutex<FxHashMap<Channel, u64>>);

impl ServingConnections {
    /// The connection was asked for these. Those among them that none brought which `stands`.
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

    /// The connection was told that these are not wanted any more.
    pub(super) fn release(&self, channels: &[Channel], connection: u64) {
        let mut by = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for channel in channels {
            if by.get(channel) == Some(&connection) {
                by.remove(channel);
            }
        }
    }

    /// Those of `channels` that no connection brings which `stands`.
    pub(super) fn unserved(&self, channels: &[Channel], stands: impl Fn(u64) -> bool) -> FxHashSet<Channel> {
        let by = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_served = |channel: &Channel| by.get(channel).is_some_and(|number| stands(*number));
        channels.iter().filter(|channel| !is_served(channel)).cloned().collect()
    }
}
