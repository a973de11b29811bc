//! What the tests of the whole house share: an emulator and a backbone that talks to it.

mod within;

use std::sync::Arc;

use market_backbone::{Backbone, Builder, Clock, Error, ManualClock, Timestamp};
use market_backbone_emulator::{Emulator, EmulatorError, RunningEmulator, Scenario};

pub use within::Within;

/// 2026-08-06T13:14:30Z, a Thursday.
pub const FROZEN_AT: i64 = 1_786_022_070_000;

/// An emulator and a backbone that keeps its candles in memory.
#[derive(Debug)]
pub struct House {
    /// The venue's look-alike.
    pub venue: RunningEmulator,
    /// What is tested.
    pub backbone: Backbone,
}

impl House {
    /// A house on `scenario`.
    ///
    /// # Errors
    ///
    /// If one of them cannot start.
    pub async fn on(scenario: Scenario) -> Result<Self, HouseError> {
        Self::built(scenario, Builder::in_memory).await
    }

    /// A house on `scenario` whose backbone is built as `settings` say.
    ///
    /// # Errors
    ///
    /// If one of them cannot start.
    pub async fn built(
        scenario: Scenario,
        settings: impl FnOnce(Builder) -> Builder,
    ) -> Result<Self, HouseError> {
        let venue = Emulator::start(scenario).await.map_err(HouseError::Venue)?;
        let builder = Backbone::builder().upbit_at(&venue.rest_url(), &venue.ws_url());
        let backbone = settings(builder).build().await.map_err(HouseError::Backbone)?;
        Ok(Self { venue, backbone })
    }

    /// A house in which time stands still, half a minute past the same minute each time: counts of requests do not hang on
    /// when a test happens to run. For up to ten requests a group: the venue's window never ends.
    ///
    /// # Errors
    ///
    /// If one of them cannot start.
    pub async fn frozen() -> Result<Self, HouseError> {
        let scenario = Scenario {
            clock: market_backbone_emulator::EmulatorClock::manual(FROZEN_AT),
            ..Scenario::default()
        };
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(FROZEN_AT)));
        Self::built(scenario, |builder| builder.in_memory().clock(clock)).await
    }

    /// A house on `scenario` that begins at `moment` each time, in ms since the epoch, and whose time goes on from there:
    /// what the market did before does not hang on when a test happens to run.
    ///
    /// # Errors
    ///
    /// If one of them cannot start.
    pub async fn begun_at(moment: i64, scenario: Scenario) -> Result<Self, HouseError> {
        let hands = market_backbone_emulator::EmulatorClock::running_from(moment);
        let scenario = Scenario { clock: hands.clone(), ..scenario };
        Self::built(scenario, |builder| builder.in_memory().clock(Arc::new(SameHands(hands)))).await
    }

    /// Requests the venue counted in `group`.
    #[must_use]
    pub fn asked(&self, group: &str) -> u64 {
        self.venue.report().group(group).asked
    }

    /// Puts both away.
    pub async fn close(self) {
        self.backbone.shutdown().await;
        self.venue.stop().await;
    }
}

/// The venue's clock, as the backbone's.
#[derive(Debug)]
struct SameHands(market_backbone_emulator::EmulatorClock);

impl Clock for SameHands {
    fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.0.now_us() * 1_000)
    }
}

/// Which of the two could not start.
#[derive(Debug)]
pub enum HouseError {
    /// The look-alike.
    Venue(EmulatorError),
    /// The backbone.
    Backbone(Error),
}
