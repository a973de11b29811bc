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
    last_proof: AtomicU64,
    frames: AtomicU64,
    /// The latest moment it told of, by the venue's clock: nanoseconds since the epoch.
    reached: AtomicI64,
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
    pub(super) fn heard(&self, at: Instant) {
        self.last_frame.store(self.millis(at), Ordering::Relaxed);
    }

    /// A frame was read; `data` says whether it held any event.
    pub(super) fn read(&self, data: bool) {
        self.frames.fetch_add(1, Ordering::Relaxed);
        if data {
            self.last_proof.store(self.heard_at(), Ordering::Relaxed);
        }
    }

    /// The venue has nothing that this connection has not brought.
    pub(super) fn vouch(&self, at: Instant) {
        self.last_proof.store(self.millis(at), Ordering::Relaxed);
    }

    /// When it last brought a frame of any kind: milliseconds since the start, the same for all connections.
    pub(super) fn heard_at(&self) -> u64 {
        self.last_frame.load(Ordering::Relaxed)
    }

    /// How long ago it last brought a frame of any kind.
    pub(super) fn quiet_for(&self) -> Duration {
        self.since(&self.last_frame)
    }

    /// For how long nothing has shown that it still brings what there is.
    pub(super) fn unproven_for(&self) -> Duration {
        self.since(&self.last_proof)
    }

    /// It told of something that happened then, by the venue's clock. Only its own task says so.
    pub(super) fn tells_of(&self, moment: Timestamp) {
        if self.reached() < moment {
            self.reached.store(moment.as_nanos(), Ordering::Relaxed);
        }
    }

    /// The latest moment it told of.
    pub(super) fn reached(&self) -> Timestamp {
        Timestamp::from_nanos(self.reached.load(Ordering::Relaxed))
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
    standing: ArcSwap<Vec<Arc<Link>>>,
    /// How many have stood so far. Held while one comes or goes.
    opened: Mutex<u64>,
}

impl Default for Links {
    fn default() -> Self {
        // One millisecond before anything can be heard: 0 is for never.
        let started = Instant::now() - Duration::from_millis(1);
        Self { started, standing: ArcSwap::default(), opened: Mutex::default() }
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
            last_proof: AtomicU64::new(0),
            frames: AtomicU64::new(0),
            reached: AtomicI64::new(Timestamp::MIN.as_nanos()),
        });
        link.heard(Instant::now());
        link.vouch(Instant::now());
        let standing = self.standing.load().iter().chain([&link]).cloned().collect();
        self.standing.store(Arc::new(standing));
        link
    }

    /// The connection `number` is no more.
    pub(super) fn close(&self, number: u64) {
        let _opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let standing = self.standing.load().iter().filter(|link| link.number != number).cloned().collect();
        self.standing.store(Arc::new(standing));
    }

    /// None stands any more.
    pub(super) fn close_all(&self) {
        let _opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        self.standing.store(Arc::default());
    }

    /// Whether any stands.
    pub(super) fn any(&self) -> bool {
        !self.standing.load().is_empty()
    }

    /// What `read` makes of the connection `number`; `None` if it does not stand.
    pub(super) fn of<T>(&self, number: u64, read: impl FnOnce(&Link) -> T) -> Option<T> {
        // There are a handful of them at the most.
        self.standing.load().iter().find(|link| link.number == number).map(|link| read(link))
    }
}
