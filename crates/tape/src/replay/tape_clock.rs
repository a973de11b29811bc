//! The clock of a replay: it shows the receive time of what is being played.

use std::sync::{Mutex, PoisonError};

use market_backbone_core::{Clock, Timestamp};
use tokio::time::{Instant, sleep_until};

/// A clock that shows the time of a recording. Between two records it runs with tokio's time, which a replay pauses.
#[derive(Debug)]
pub struct TapeClock(Mutex<(Timestamp, Instant)>);

impl TapeClock {
    /// Creates a clock that shows `moment` now.
    #[must_use]
    pub fn showing(moment: Timestamp) -> Self {
        Self(Mutex::new((moment, Instant::now())))
    }

    /// Waits until it shows `moment`, and makes it show exactly that: timers know only milliseconds.
    pub(crate) async fn wait_for(&self, moment: Timestamp) {
        let (shown, at) = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sleep_until(at + moment.since(shown)).await;
        let mut shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if shown.0 <= moment {
            *shown = (moment, Instant::now());
        }
    }
}

impl Clock for TapeClock {
    fn now(&self) -> Timestamp {
        let (shown, at) = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shown.plus(at.elapsed())
    }
}
