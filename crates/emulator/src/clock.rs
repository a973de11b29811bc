//! The emulator's clock, which tests can move themselves.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// The emulator's only source of "now".
///
/// Clones share their state.
#[derive(Clone, Debug)]
pub struct EmulatorClock(ClockSource);

#[derive(Clone, Debug)]
enum ClockSource {
    /// Wall time at creation, continued by a clock that never steps back.
    System { epoch_us: i64, since: Instant },
    /// Microseconds since the epoch at creation, continued by tokio's clock.
    Running { epoch_us: Arc<AtomicI64>, since: tokio::time::Instant },
    /// Microseconds since the epoch, moved manually.
    Manual(Arc<AtomicI64>),
}

impl Default for EmulatorClock {
    fn default() -> Self {
        Self::system()
    }
}

impl EmulatorClock {
    /// Creates a clock that shows wall time and never runs backwards.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place where the emulator reads time")]
    pub fn system() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let epoch_us = i64::try_from(wall.as_micros()).unwrap_or(i64::MAX);
        Self(ClockSource::System { epoch_us, since: Instant::now() })
    }

    /// Creates a clock that begins at `ms` since the epoch and follows tokio's: real time, or paused time in
    /// a runtime that pauses it.
    #[must_use]
    pub fn running_from(ms: i64) -> Self {
        let epoch_us = Arc::new(AtomicI64::new(ms * 1_000));
        Self(ClockSource::Running { epoch_us, since: tokio::time::Instant::now() })
    }

    /// Creates a clock that stands at `ms` since the epoch until it is moved.
    #[must_use]
    pub fn manual(ms: i64) -> Self {
        Self(ClockSource::Manual(Arc::new(AtomicI64::new(ms * 1_000))))
    }

    /// Moves a manual clock, or one that follows tokio's, forward by `ms`; has no effect on the system's.
    pub fn advance(&self, ms: i64) {
        match &self.0 {
            ClockSource::Manual(us) | ClockSource::Running { epoch_us: us, .. } => {
                us.fetch_add(ms * 1_000, Ordering::SeqCst);
            }
            ClockSource::System { .. } => {}
        }
    }

    /// Returns the milliseconds since the epoch.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.now_us().div_euclid(1_000)
    }

    /// Returns the microseconds since the epoch.
    #[must_use]
    pub fn now_us(&self) -> i64 {
        match &self.0 {
            ClockSource::System { epoch_us, since } => {
                epoch_us + i64::try_from(since.elapsed().as_micros()).unwrap_or(i64::MAX - epoch_us)
            }
            ClockSource::Running { epoch_us, since } => {
                let epoch_us = epoch_us.load(Ordering::SeqCst);
                epoch_us + i64::try_from(since.elapsed().as_micros()).unwrap_or(i64::MAX - epoch_us)
            }
            ClockSource::Manual(us) => us.load(Ordering::SeqCst),
        }
    }
}
