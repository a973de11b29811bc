//! What the examples share: a backbone on the emulator, or with `--live` on Upbit itself.

mod moving_average;

use std::time::Duration;

use market_backbone::Backbone;
use market_backbone_emulator::{Emulator, RunningEmulator, Scenario};

pub use self::moving_average::MovingAverageBot;

/// A backbone, and the emulator it talks to unless it is live.
#[derive(Debug)]
pub struct House {
    /// What the example is about.
    pub backbone: Backbone,
    emulator: Option<RunningEmulator>,
}

impl House {
    /// On the emulator, or with `--live` on the command line on Upbit, keeping candles in `market-data/`.
    ///
    /// # Errors
    ///
    /// If the emulator cannot start, or `market-data/` cannot be used.
    pub async fn open() -> anyhow::Result<Self> {
        if std::env::args().any(|arg| arg == "--live") {
            return Ok(Self { backbone: Backbone::builder().build().await?, emulator: None });
        }
        let emulator = Emulator::start(Scenario::default()).await?;
        let builder = Backbone::builder().upbit_at(&emulator.rest_url(), &emulator.ws_url()).in_memory();
        Ok(Self { backbone: builder.build().await?, emulator: Some(emulator) })
    }

    /// Resolves when the example has run long enough: after ten seconds, or at Ctrl-C when live.
    pub async fn evening(&self) {
        let live = self.emulator.is_none();
        let length = if live { Duration::MAX } else { Duration::from_secs(10) };
        tokio::select! {
            () = tokio::time::sleep(length) => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    }

    /// Puts everything away, in order.
    pub async fn close(self) {
        self.backbone.shutdown().await;
        if let Some(emulator) = self.emulator {
            emulator.stop().await;
        }
    }
}
