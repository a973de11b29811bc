//! Interests without a request: the channels to follow, and the reason.

use market_backbone_core::{Channel, StreamKind, Symbol};

use super::Router;
use crate::live::{FollowGuard, Interest};

impl Router {
    /// Keeps `channels` followed until the guard is dropped.
    ///
    /// Where more channels are wanted than the [limits](crate::SessionConfig::subscription_limits) allow,
    /// `interest` decides which ones stay.
    pub fn interest(&self, interest: Interest, channels: &[Channel]) -> FollowGuard {
        self.inner.hub.follow_for(interest, channels)
    }

    /// Follows `kind` of these markets, those with higher scores first. They replace the earlier watchlist of
    /// this kind.
    pub fn set_watchlist(&self, scores: &[(Symbol, f64)], kind: StreamKind) {
        self.inner.hub.set_watchlist(scores, kind);
    }

    /// Tries again what the venue has refused for good on its socket, such as a key that has become valid.
    pub async fn retry(&self) {
        self.inner.hub.retry().await;
    }
}
