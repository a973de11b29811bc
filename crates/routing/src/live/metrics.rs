//! What the socket side counts.

use std::sync::atomic::{AtomicU64, Ordering};

use market_backbone_core::{Channel, Symbol};

use super::health::{ConnectionHealth, Health};

/// The state of the socket side at one moment. Counts run since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveMetrics {
    /// True if a connection is open.
    pub connected: bool,
    /// The health of the worst connection.
    pub health: Health,
    /// The connections among which the channels are spread.
    pub connections: Vec<ConnectionHealth>,
    /// Connections that stood.
    pub connects: u64,
    /// Attempts to connect that failed.
    pub connect_failures: u64,
    /// Connections that ended against our will.
    pub drops: u64,
    /// Those among them that the venue ended because we read too slowly.
    pub too_slow: u64,
    /// Those among them whose place another connection took.
    pub evicted: u64,
    /// Connections that took the place of one that stood, as planned.
    pub rotations: u64,
    /// Look-ups of silent channels.
    pub probes: u64,
    /// Channels found dead: the venue had data that did not arrive.
    pub dead: u64,
    /// Text and binary frames received.
    pub frames: u64,
    /// Events read from them.
    pub events: u64,
    /// Events not handed on because they were known: sent once more, brought by two connections, or overtaken by a newer
    /// state.
    pub repeated: u64,
    /// Elements of frames that could not be read or that nobody asked for.
    pub dropped: u64,
    /// Events that were stamped in the future, and dropped unless others bore them out.
    pub future: u64,
    /// Frames of which nothing could be read.
    pub unreadable: u64,
    /// Messages that changed the set of subscriptions.
    pub subscriptions_sent: u64,
    /// The number of keep-alives sent.
    pub keep_alives: u64,
    /// Events pushed out of full queues of slow readers.
    pub lagged: u64,
    /// The number of readers now.
    pub readers: usize,
    /// Channels wished for now.
    pub desired: usize,
    /// The channels among them that have to wait because there is no room for all.
    pub waiting: Vec<Channel>,
    /// Markets that were subscribed to and never answered: the venue may not know them.
    pub unanswered: Vec<Symbol>,
    /// The reason for which the venue refuses the current subscriptions; no connection is tried until they
    /// change.
    pub refused: Option<String>,
}

/// A count that only grows.
#[derive(Debug, Default)]
pub(super) struct LiveCounter(AtomicU64);

impl LiveCounter {
    pub(super) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The counts behind [`LiveMetrics`].
#[derive(Debug, Default)]
pub(super) struct LiveCounters {
    pub(super) connects: LiveCounter,
    pub(super) connect_failures: LiveCounter,
    pub(super) drops: LiveCounter,
    pub(super) too_slow: LiveCounter,
    pub(super) evicted: LiveCounter,
    pub(super) rotations: LiveCounter,
    pub(super) probes: LiveCounter,
    pub(super) dead: LiveCounter,
    pub(super) frames: LiveCounter,
    pub(super) events: LiveCounter,
    pub(super) repeated: LiveCounter,
    pub(super) dropped: LiveCounter,
    pub(super) future: LiveCounter,
    pub(super) unreadable: LiveCounter,
    pub(super) subscriptions_sent: LiveCounter,
    pub(super) keep_alives: LiveCounter,
    pub(super) lagged: LiveCounter,
}

impl LiveCounters {
    /// The counts now; what is no count is left empty.
    pub(super) fn snapshot(&self) -> LiveMetrics {
        LiveMetrics {
            connects: self.connects.get(),
            connect_failures: self.connect_failures.get(),
            drops: self.drops.get(),
            too_slow: self.too_slow.get(),
            evicted: self.evicted.get(),
            rotations: self.rotations.get(),
            probes: self.probes.get(),
            dead: self.dead.get(),
            frames: self.frames.get(),
            events: self.events.get(),
            repeated: self.repeated.get(),
            dropped: self.dropped.get(),
            future: self.future.get(),
            unreadable: self.unreadable.get(),
            subscriptions_sent: self.subscriptions_sent.get(),
            keep_alives: self.keep_alives.get(),
            lagged: self.lagged.get(),
            ..LiveMetrics::default()
        }
    }
}
