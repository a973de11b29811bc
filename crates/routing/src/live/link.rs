//! The open connections, and the time of the last data of each.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use market_backbone_core::Timestamp;
use tokio::time::Instant;

/// The shared state of one open connection.
#[derive(Debug)]
pub(super) struct Link {
    started: Instant,
    /// The connection's number, counted from 1 over all connections of the venue; a later one has a higher
    /// number.
    pub(super) number: u64,
    /// The time of its last frame of any kind, in milliseconds since the start.
    last_frame: AtomicU64,
    /// The time at which it was last verified, in milliseconds since the start: it delivered data, or the
    /// venue had none.
    last_verified: AtomicU64,
    frames: AtomicU64,
    /// The latest venue time that it delivered, in nanoseconds since the epoch.
    latest_venue_time: AtomicI64,
}

impl Link {
    fn millis(&self, moment: Instant) -> u64 {
        u64::try_from(moment.duration_since(self.started).as_millis()).unwrap_or(u64::MAX)
    }

    fn since(&self, millis: &AtomicU64) -> Duration {
        let then = millis.load(Ordering::Relaxed);
        Duration::from_millis(self.millis(Instant::now()).saturating_sub(then))
    }

    /// Records a frame of any kind.
    pub(super) fn record_frame(&self, at: Instant) {
        self.last_frame.store(self.millis(at), Ordering::Relaxed);
    }

    /// Records a decoded frame; `data` says whether it held any event. Only the connection's own task calls this, so
    /// the count needs no atomic addition, which would cost as much as decoding a number.
    pub(super) fn record_decoded(&self, data: bool) {
        self.frames.store(self.frames.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        if data {
            self.last_verified.store(self.last_frame_millis(), Ordering::Relaxed);
        }
    }

    /// Records that the venue has nothing that this connection has not delivered.
    pub(super) fn mark_verified(&self, at: Instant) {
        self.last_verified.store(self.millis(at), Ordering::Relaxed);
    }

    /// Returns the time of its last frame of any kind, in milliseconds since the start, the same for all
    /// connections.
    pub(super) fn last_frame_millis(&self) -> u64 {
        self.last_frame.load(Ordering::Relaxed)
    }

    /// Returns the time since its last frame of any kind.
    pub(super) fn idle_for(&self) -> Duration {
        self.since(&self.last_frame)
    }

    /// Returns for how long nothing has proved that it still delivers all data.
    pub(super) fn unverified_for(&self) -> Duration {
        self.since(&self.last_verified)
    }

    /// Records the venue time of an event. Only the connection's own task calls this.
    pub(super) fn advance_venue_time(&self, moment: Timestamp) {
        if self.latest_venue_time() < moment {
            self.latest_venue_time.store(moment.as_nanos(), Ordering::Relaxed);
        }
    }

    /// Returns the latest venue time that it delivered.
    pub(super) fn latest_venue_time(&self) -> Timestamp {
        Timestamp::from_nanos(self.latest_venue_time.load(Ordering::Relaxed))
    }

    /// Returns the number of frames received.
    pub(super) fn frames(&self) -> u64 {
        self.frames.load(Ordering::Relaxed)
    }
}

/// All open connections.
#[derive(Debug)]
pub(super) struct Links {
    started: Instant,
    active: ArcSwap<Vec<Arc<Link>>>,
    /// The number of connections opened so far. Held while one opens or closes.
    opened: Mutex<u64>,
}

impl Default for Links {
    fn default() -> Self {
        // One millisecond before anything can be received: 0 means never.
        let started = Instant::now() - Duration::from_millis(1);
        Self { started, active: ArcSwap::default(), opened: Mutex::default() }
    }
}

impl Links {
    /// Registers one more open connection.
    pub(super) fn open(&self) -> Arc<Link> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        *opened += 1;
        let link = Arc::new(Link {
            started: self.started,
            number: *opened,
            last_frame: AtomicU64::new(0),
            last_verified: AtomicU64::new(0),
            frames: AtomicU64::new(0),
            latest_venue_time: AtomicI64::new(Timestamp::MIN.as_nanos()),
        });
        link.record_frame(Instant::now());
        link.mark_verified(Instant::now());
        let standing = self.active.load().iter().chain([&link]).cloned().collect();
        self.active.store(Arc::new(standing));
        link
    }

    /// Removes the connection `number`.
    pub(super) fn close(&self, number: u64) {
        let _opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let standing = self.active.load().iter().filter(|link| link.number != number).cloned().collect();
        self.active.store(Arc::new(standing));
    }

    /// Removes all connections.
    pub(super) fn close_all(&self) {
        let _opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        self.active.store(Arc::default());
    }

    /// Returns whether any connection is open.
    pub(super) fn any_active(&self) -> bool {
        !self.active.load().is_empty()
    }

    /// Returns the result of `read` on the connection `number`; `None` if it is not open.
    pub(super) fn with<T>(&self, number: u64, read: impl FnOnce(&Link) -> T) -> Option<T> {
        // There are only a handful of them.
        self.active.load().iter().find(|link| link.number == number).map(|link| read(link))
    }
}
