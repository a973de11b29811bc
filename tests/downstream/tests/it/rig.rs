//! An emulator and a backbone that talks to it, and deadlines for what waits.

use std::time::Duration;

use market_backbone::{Backbone, Builder, Timestamp};
use market_backbone_emulator::{Emulator, RunningEmulator, Scenario};

/// The longest that anything may take here, on a slow machine that does much else.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) struct Rig {
    pub(crate) venue: RunningEmulator,
    pub(crate) backbone: Backbone,
}

impl Rig {
    pub(crate) async fn start() -> Self {
        Self::built(Builder::in_memory).await
    }

    pub(crate) async fn built(settings: impl FnOnce(Builder) -> Builder) -> Self {
        let venue = Emulator::start(Scenario::default()).await.unwrap();
        let builder = Backbone::builder().upbit_at(&venue.rest_url(), &venue.ws_url());
        let backbone = settings(builder).build().await.unwrap();
        Self { venue, backbone }
    }

    /// How many pages of candles the venue was asked for.
    pub(crate) fn pages(&self) -> u64 {
        self.venue.report().group("candles").asked
    }

    /// Midnight UTC, so many days ago.
    pub(crate) fn days_ago(&self, days: u64) -> Timestamp {
        let midnight = self.backbone.now().as_secs().div_euclid(86_400) * 86_400;
        Timestamp::from_secs(midnight) - Duration::from_secs(86_400 * days)
    }

    pub(crate) async fn close(self) {
        self.backbone.shutdown().await;
        self.venue.stop().await;
    }
}

/// Waits for what must come.
pub(crate) async fn soon<F: IntoFuture>(what: F) -> F::Output {
    tokio::time::timeout(PATIENCE, what.into_future()).await.expect("it takes too long")
}
