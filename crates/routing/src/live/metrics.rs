//! What the socket side counts.

use std::sync::atomic::{AtomicU64, Ordering};

use market_backbone_core::Symbol;

/// The state of the socket side at one moment. Counts run since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveMetrics {
    /// Whether a connection stands.
    pub connected: bool,
    /// Connections that stood.
    pub connects: u64,
    /// Attempts to connect that failed.
    pub connect_failures: u64,
    /// Connections that ended against our will.
    pub drops: u64,
    /// Text and binary frames received.
    pub frames: u64,
    /// Events read from them.
    pub events: u64,
    /// Events not handed on because the venue sent the same print once more.
    pub repeated: u64,
    /// Elements of frames that could not be read or that nobody asked for.
    pub dropped: u64,
    /// Frames of which nothing could be read.
    pub unreadable: u64,
    /// Messages that changed the set of subscriptions.
    pub subscriptions_sent: u64,
    /// Keep-alives sent.
    pub keep_alives: u64,
    /// Events pushed out of full queues of slow readers.
    pub lagged: u64,
    /// Readers now.
    pub readers: usize,
    /// Channels wished for now.
    pub desired: usize,
    /// Markets that were subscribed to and never answered: the venue may not know them.
    pub unanswered: Vec<Symbol>,
    /// Why the venue refuses what is wished for now; no connection is tried until that changes.
    pub refused: Option<String>,
}

/// A count that only grows.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The counts behind [`LiveMetrics`].
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) connects: Counter,
    pub(super) connect_failures: Counter,
    pub(super) drops: Counter,
    pub(super) frames: Counter,
    pub(super) events: Counter,
    pub(super) repeated: Counter,
    pub(super) dropped: Counter,
    pub(super) unreadable: Counter,
    pub(super) subscriptions_sent: Counter,
    pub(super) keep_alives: Counter,
    pub(super) lagged: Counter,
}

impl Counters {
    /// The counts now; what is no count is left empty.
    pub(super) fn snapshot(&self) -> LiveMetrics {
        LiveMetrics {
            connects: self.connects.get(),
            connect_failures: self.connect_failures.get(),
            drops: self.drops.get(),
            frames: self.frames.get(),
            events: self.events.get(),
            repeated: self.repeated.get(),
            dropped: self.dropped.get(),
            unreadable: self.unreadable.get(),
            subscriptions_sent: self.subscriptions_sent.get(),
            keep_alives: self.keep_alives.get(),
            lagged: self.lagged.get(),
            ..LiveMetrics::default()
        }
    }
}
