//! The only place that reads the time of day.

use market_backbone_core::{Clock, Timestamp};

/// This machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that everybody else takes as an argument"
    )]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::EPOCH.plus(since)
    }

    fn monotonic(&self) -> Option<Timestamp> {
        market_backbone_routing::since_boot()
    }
}

/// An extension of [`Timestamp`] by `now()`, which reads this machine's clock.
///
/// It is a trait, so that the layers below, which take a [`Clock`], cannot read the time by accident. Events at
/// a venue have the venue's time: [`Backbone::now`](crate::Backbone::now).
pub trait SystemNow {
    /// Returns the current time of this machine.
    #[must_use]
    fn now() -> Self;
}

impl SystemNow for Timestamp {
    fn now() -> Self {
        SystemClock.now()
    }
}
