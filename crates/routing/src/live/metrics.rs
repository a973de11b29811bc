//! The counters of the socket side.

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
    /// The connections over which the channels are distributed.
    pub connections: Vec<ConnectionHealth>,
    /// The number of connections opened.
    pub connects: u64,
    /// The number of failed attempts to connect.
    pub connect_failures: u64,
    /// The number of connections that ended unexpectedly.
    pub drops: u64,
    /// The number of those that the venue ended because we read too slowly.
    pub too_slow: u64,
    /// The number of those that another connection evicted.
    pub evicted: u64,
    /// The number of planned replacements of an open connection.
    pub rotations: u64,
    /// The number of probes of silent channels.
    pub probes: u64,
    /// The number of channels found dead: the venue had data that did not arrive.
    pub dead: u64,
    /// The number of text and binary frames received.
    pub frames: u64,
    /// The number of events decoded from them.
    pub events: u64,
    /// The number of events not delivered because they were known: repeated by the venue, delivered by two
    /// connections, or replaced by a newer state.
    pub repeated: u64,
    /// The number of elements of frames that could not be decoded or that nobody subscribed to.
    pub dropped: u64,
    /// The number of events with timestamps in the future, which are dropped unless others confirm them.
    pub future: u64,
    /// The number of frames that could not be decoded at all.
    pub unreadable: u64,
    /// The number of messages that changed the subscriptions.
    pub subscriptions_sent: u64,
    /// The number of keep-alives sent.
    pub keep_alives: u64,
    /// The number of events pushed out of full queues of slow readers.
    pub lagged: u64,
    /// The number of readers now.
    pub readers: usize,
    /// The number of desired channels now.
    pub desired: usize,
    /// The desired channels that have to wait because there is no room for all.
    pub waiting: Vec<Channel>,
    /// The subscribed markets without any data: the venue may not know them.
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

/// The counters behind [`LiveMetrics`].
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
    /// Returns the counts now; fields that are no counters are left empty.
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
