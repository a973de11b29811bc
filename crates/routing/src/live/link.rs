//! The connections that stand, and when each of them was heard of last.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use market_backbone_core::Timestamp;
use tokio::time::Instant;

/// One connection that stands.
#[derive(Debug)]
pub(super) struct Link {
    started: Instant,
    /// Counted from 1 over all connections of the venue; a later one has a higher number.
    pub(super) number: u64,
    /// When it last brought a frame of any kind: milliseconds since the start.
    last_frame: AtomicU64,
    /// When it was last certain to be well, in the same measure: it brought data, or the venue had none.
    last_verified: AtomicU64,
    frames: AtomicU64,
    /// The latest moment it told of, by the venue's clock: nanoseconds since the epoch.
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

    /// A frame of any kind arrived.
    pub(super) fn record_frame(&self, at: Instant) {
        self.last_frame.store(self.millis(at), Ordering::Relaxed);
    }

    /// A frame was read; `data` says whether it held any event.
    pub(super) fn record_decoded(&self, data: bool) {
        self.frames.fetch_add(1, Ordering::Relaxed);
        if data {
            self.last_verified.store(self.last_frame_millis(), Ordering::Relaxed);
        }
    }

    /// The venue has nothing that this connection has not brought.
    pub(super) fn mark_verified(&self, at: Instant) {
        self.last_verified.store(self.millis(at), Ordering::Relaxed);
    }

    /// When it last brought a frame of any kind: milliseconds since the start, the same for all connections.
    pub(super) fn last_frame_millis(&self) -> u64 {
        self.last_frame.load(Ordering::Relaxed)
    }

    /// How long ago it last brought a frame of any kind.
    pub(super) fn idle_for(&self) -> Duration {
        self.since(&self.last_frame)
    }

    /// For how long nothing has shown that it still brings what there is.
    pub(super) fn unverified_for(&self) -> Duration {
        self.since(&self.last_verified)
    }

    /// It told of something that happened then, by the venue's clock. Only its own task says so.
    pub(super) fn advance_venue_time(&self, moment: Timestamp) {
        if self.latest_venue_time() < moment {
            self.latest_venue_time.store(moment.as_nanos(), Ordering::Relaxed);
        }
    }

    /// The latest moment it told of.
    pub(super) fn latest_venue_time(&self) -> Timestamp {
        Timestamp::from_nanos(self.latest_venue_time.load(Ordering::Relaxed))
    }

    /// How many frames were read from it.
    pub(super) fn frames(&self) -> u64 {
        self.frames.load(Ordering::Relaxed)
    }
}

/// All connections that stand.
#[derive(Debug)]
pub(super) struct Links {
    started: Instant,
    active: ArcSwap<Vec<Arc<Link>>>,
    /// How many have stood so far. Held while one comes or goes.
    opened: Mutex<u64>,
}

impl Default for Links {
    fn default() -> Self {
        // One millisecond before anything can be heard: 0 is for never.
        let started = Instant::now() - Duration::from_millis(1);
        Self { started, active: ArcSwap::default(), opened: Mutex::default() }
    }
}

impl Links {
    /// One more stands.
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

    /// The connection `number` is no more.
    pub(super) fn close(&self, number: u64) {
        let _opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let standing = self.active.load().iter().filter(|link| link.number != number).cloned().collect();
        self.active.store(Arc::new(standing));
    }

    /// None stands any more.
    pub(super) fn close_all(&self) {
        let _opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        self.active.store(Arc::default());
    }

    /// Whether any stands.
    pub(super) fn any_active(&self) -> bool {
        !self.active.load().is_empty()
    }

    /// What `read` makes of the connection `number`; `None` if it does not stand.
    pub(super) fn with<T>(&self, number: u64, read: impl FnOnce(&Link) -> T) -> Option<T> {
        // There are a handful of them at the most.
        self.active.load().iter().find(|link| link.number == number).map(|link| read(link))
    }
}
