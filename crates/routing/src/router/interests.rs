//! Wishes that are no questions: what is to be followed, and why.

use market_backbone_core::{Channel, StreamKind, Symbol};

use super::Router;
use crate::live::{FollowGuard, Interest};

impl Router {
    /// Keeps `channels` followed until the guard is dropped. Where more is wanted than may be
    /// [followed](crate::SessionConfig::subscription_limits), `interest` decides who stays.
    pub fn interest(&self, interest: Interest, channels: &[Channel]) -> FollowGuard {
        self.inner.hub.follow_for(interest, channels)
    }

    /// Follows `kind` of these markets, the ones with the better scores first, instead of those named the last time.
    pub fn set_watchlist(&self, scores: &[(Symbol, f64)], kind: StreamKind) {
        self.inner.hub.set_watchlist(scores, kind);
    }

    /// Tries again what the venue has refused for good on its socket, such as a key that is good by now.
    pub async fn retry(&self) {
        self.inner.hub.retry().await;
    }
}
