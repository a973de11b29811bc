//! What the session's task writes and the handles read: cache, readers, wishes, and how the connection is.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use market_backbone_core::{Channel, Clock, FeedEvent, StreamKind, Timestamp, Venue};
use tokio::sync::watch;
use tokio::time::Instant;

use super::cache::RealtimeCache;
use super::config::SessionConfig;
use super::desired::Desired;
use super::fanout::Fanout;
use super::metrics::{Counters, LiveMetrics};
use super::unanswered::Unanswered;

/// What the venue refused for good.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    /// The version of the desired set that was refused; another may fare better.
    pub(super) version: u64,
    /// What the venue said.
    pub(super) message: String,
}

/// How the connection is.
#[derive(Debug)]
pub(super) struct Link {
    started: Instant,
    /// The number of the connection that stands, counted from 1; 0 while none does.
    number: AtomicU64,
    /// When it last brought a frame of any kind: milliseconds since the start.
    last_frame: AtomicU64,
}

impl Link {
    fn millis(&self, moment: Instant) -> u64 {
        u64::try_from(moment.duration_since(self.started).as_millis()).unwrap_or(u64::MAX)
    }

    /// A connection stands, or none does.
    pub(super) fn set(&self, number: u64) {
        self.number.store(number, Ordering::Release);
    }

    pub(super) fn number(&self) -> u64 {
        self.number.load(Ordering::Acquire)
    }

    /// A frame arrived.
    pub(super) fn heard(&self, at: Instant) {
        self.last_frame.store(self.millis(at), Ordering::Relaxed);
    }

    fn quiet_for(&self) -> Duration {
        let last = self.last_frame.load(Ordering::Relaxed);
        Duration::from_millis(self.millis(Instant::now()).saturating_sub(last))
    }
}

/// All that the session's task and the handles share.
#[derive(Debug)]
pub(super) struct State {
    pub(super) venue: Arc<dyn Venue>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) config: SessionConfig,
    pub(super) cache: RealtimeCache,
    pub(super) fanout: Fanout,
    pub(super) desired: Desired,
    pub(super) unanswered: Unanswered,
    pub(super) counters: Counters,
    pub(super) link: Link,
    /// Changes whenever a channel is heard for the first time on a connection.
    pub(super) first_heard: watch::Sender<()>,
    refusal: Mutex<Option<Refusal>>,
}

impl State {
    pub(super) fn new(venue: Arc<dyn Venue>, clock: Arc<dyn Clock>, config: SessionConfig) -> Self {
        let link = Link { started: Instant::now(), number: AtomicU64::new(0), last_frame: AtomicU64::new(0) };
        Self {
            venue,
            clock,
            config,
            cache: RealtimeCache::default(),
            fanout: Fanout::default(),
            desired: Desired::default(),
            unanswered: Unanswered::default(),
            counters: Counters::default(),
            link,
            first_heard: watch::Sender::new(()),
            refusal: Mutex::default(),
        }
    }

    fn lock_refusal(&self) -> MutexGuard<'_, Option<Refusal>> {
        self.refusal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn refusal(&self) -> Option<Refusal> {
        self.lock_refusal().clone()
    }

    pub(super) fn set_refusal(&self, refusal: Option<Refusal>) {
        *self.lock_refusal() = refusal;
    }

    /// Keeps an event heard at `received` over the connection `number`, and hands it to its readers.
    pub(super) fn deliver(&self, event: &FeedEvent, number: u64, received: Timestamp) {
        let Some((symbol, kind)) = event.channel() else { return };
        let recorded = self.cache.record(event, number);
        if recorded.first {
            self.unanswered.answered(symbol);
            self.first_heard.send_replace(());
        }
        if recorded.repeated {
            self.counters.repeated.add(1);
            self.fanout.touch(symbol, kind, received);
        } else {
            let lagged = self.fanout.publish(event, received);
            if lagged > 0 {
                self.counters.lagged.add(lagged);
            }
        }
    }

    /// Whether the latest value of `channel` is what the venue has now, as far as anybody can know.
    pub(super) fn is_live(&self, channel: &Channel) -> bool {
        let number = self.link.number();
        let patience = self.venue.capabilities().socket.keep_alive_every + self.config.keep_alive_grace;
        number != 0 && self.cache.heard_in(channel) == number && self.link.quiet_for() <= patience
    }

    /// What a reader who comes late to `channel` begins with: the state, if the channel has one. A print is no state.
    pub(super) fn known(&self, channel: &Channel) -> Option<FeedEvent> {
        let stateful = channel.kind != StreamKind::Trade;
        if stateful && self.is_live(channel) { self.cache.event(channel) } else { None }
    }

    pub(super) fn metrics(&self) -> LiveMetrics {
        LiveMetrics {
            connected: self.link.number() != 0,
            readers: self.fanout.len(),
            desired: self.desired.len(),
            unanswered: self.unanswered.list(),
            refused: self.refusal().map(|refusal| refusal.message),
            ..self.counters.snapshot()
        }
    }
}
