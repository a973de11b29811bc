//! The state shared by the session's tasks and the handles: cache, readers, desired channels and health of
//! the connections.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use market_backbone_core::{
    Channel, Clock, FeedEvent, GapCause, SourceErrorKind, StreamKind, Symbol, Timestamp, Venue,
};
use tokio::sync::{mpsc, watch};

use super::cache::RealtimeCache;
use super::command::SessionCommand;
use super::config::SessionConfig;
use super::desired_channels::DesiredChannels;
use super::fanout::Fanout;
use super::health::{ConnectionHealth, Health};
use super::link::{Link, Links};
use super::metrics::{LiveCounters, LiveMetrics};
use super::probe::Probe;
use super::serving_connections::ServingConnections;
use super::unanswered::UnansweredMarkets;
use crate::transport::SharedObserver;
use crate::venue_clock_sync::VenueClockSync;

/// The capacity of the queue of commands; a sender waits for room.
const COMMAND_QUEUE_CAPACITY: usize = 8;

/// A permanent refusal of the venue.
#[derive(Clone, Debug)]
pub(super) struct VenueRefusal {
    /// The version of the desired set that was refused; another may be accepted.
    pub(super) version: u64,
    /// The message of the venue.
    pub(super) message: String,
    /// What a program can do about it.
    pub(super) kind: SourceErrorKind,
}

/// The state of a slot, as its owner knows it.
#[derive(Clone, Debug)]
pub(super) struct SlotStatus {
    /// The number of the connection that serves it; 0 while none does.
    pub(super) number: u64,
    pub(super) channels: usize,
    pub(super) health: Health,
    pub(super) reconnects: u64,
    pub(super) name: Option<Arc<str>>,
    pub(super) errors: u64,
    pub(super) last_error: Option<Arc<str>>,
}

/// The state that the session's task and the handles share.
#[derive(Debug)]
pub(super) struct LiveState {
    pub(super) venue: Arc<dyn Venue>,
    pub(super) clock: Arc<dyn Clock>,
    /// The observer of all that arrives, if there is one.
    pub(super) observer: Option<SharedObserver>,
    /// The clock that the times of trades correct.
    pub(super) time: Option<Arc<VenueClockSync>>,
    pub(super) config: SessionConfig,
    pub(super) cache: RealtimeCache,
    pub(super) fanout: Fanout,
    /// Held by a connection while it delivers a batch.
    pub(super) delivery: Mutex<()>,
    pub(super) desired: DesiredChannels,
    pub(super) unanswered: UnansweredMarkets,
    pub(super) served: ServingConnections,
    pub(super) counters: LiveCounters,
    pub(super) links: Links,
    /// Changes whenever a channel is first received on a connection.
    pub(super) first_received: watch::Sender<()>,
    /// The queue of commands to the owner of the connections.
    pub(super) commands: mpsc::Sender<SessionCommand>,
    command_receiver: Mutex<Option<mpsc::Receiver<SessionCommand>>>,
    slots: Mutex<Vec<SlotStatus>>,
    probe: OnceLock<Arc<dyn Probe>>,
    refusal: Mutex<Option<VenueRefusal>>,
}

impl LiveState {
    pub(super) fn new(
        venue: Arc<dyn Venue>,
        (clock, time): (Arc<dyn Clock>, Option<Arc<VenueClockSync>>),
        config: SessionConfig,
    ) -> Self {
        let (commands, inbox) = mpsc::channel(COMMAND_QUEUE_CAPACITY);
        Self {
            venue,
            clock,
            observer: None,
            time,
            config,
            cache: RealtimeCache::default(),
            fanout: Fanout::default(),
            delivery: Mutex::default(),
            desired: DesiredChannels::default(),
            unanswered: UnansweredMarkets::default(),
            served: ServingConnections::default(),
            counters: LiveCounters::default(),
            links: Links::default(),
            first_received: watch::Sender::new(()),
            commands,
            command_receiver: Mutex::new(Some(inbox)),
            slots: Mutex::default(),
            probe: OnceLock::new(),
            refusal: Mutex::default(),
        }
    }

    /// Shows all that arrives to `observer`.
    pub(super) fn observed_by(mut self, observer: Option<SharedObserver>) -> Self {
        self.observer = observer;
        self
    }

    fn lock_refusal(&self) -> MutexGuard<'_, Option<VenueRefusal>> {
        self.refusal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn refusal(&self) -> Option<VenueRefusal> {
        self.lock_refusal().clone()
    }

    pub(super) fn set_refusal(&self, refusal: Option<VenueRefusal>) {
        *self.lock_refusal() = refusal;
    }

    /// Records that `channels` were subscribed to. Readers that have waited since a time without a connection
    /// get a gap for the time between.
    pub(super) fn mark_subscribed(&self, channels: &[Channel], connection: u64) {
        let (links, now) = (&self.links, self.clock.now());
        let new = self.served.assign(channels, connection, |other| links.with(other, |_| ()).is_some());
        if !new.is_empty() {
            let early = now.minus(self.config.subscribe_grace);
            let is_new = |channel: &Channel| new.contains(channel);
            self.fanout.open_gap_since_join(early, GapCause::Disconnected, is_new);
        }
    }

    /// Announces a gap to readers of `channels`, which have no open connection.
    pub(super) fn report_unserved(&self, channels: &[Channel], cause: GapCause) {
        let stands = |number: u64| self.links.with(number, |_| ()).is_some();
        let unserved = self.served.unserved(channels, stands);
        if !unserved.is_empty() {
            self.fanout.open_gap_since_join(self.clock.now(), cause, |channel| unserved.contains(channel));
        }
    }

    /// Records that a channel was received for the first time on its connection, at `received`.
    pub(super) fn on_first_received(&self, symbol: &Symbol, kind: StreamKind, received: Timestamp) {
        self.unanswered.mark_answered(symbol);
        self.first_received.send_replace(());
        self.fanout.confirm(symbol, kind, received);
    }

    /// Records that an event of this kind was received for the first time on its connection, for those who read all
    /// markets.
    pub(super) fn on_first_of_all(&self, kind: StreamKind, received: Timestamp) {
        if let Some(any) = self.fanout.wildcard() {
            self.on_first_received(any, kind, received);
        }
    }

    /// Counts the events of a batch that were known, and those that were pushed out of full queues.
    pub(super) fn count_delivery(&self, repeated: u64, lagged: u64) {
        for (counter, count) in [(&self.counters.repeated, repeated), (&self.counters.lagged, lagged)] {
            if count > 0 {
                counter.add(count);
            }
        }
    }

    /// Returns whether the latest value of `channel` is what the venue has now, as far as that can be known.
    pub(super) fn is_live(&self, channel: &Channel) -> bool {
        let patience = self.venue.capabilities().socket.keep_alive_every + self.config.keep_alive_grace;
        let is_well = |link: &Link| link.idle_for() <= patience && !self.is_suspect(link);
        let number = self.cache.received_on(channel);
        number != 0 && self.links.with(number, is_well).unwrap_or(false) && !self.desired.is_waiting(channel)
    }

    /// Returns whether a connection has not proved for too long that it delivers all data.
    fn is_suspect(&self, link: &Link) -> bool {
        link.unverified_for() > self.config.liveness.suspect_after
    }

    /// Returns the state with which a late reader of `channel` begins, if the channel has one. A trade is no
    /// state.
    pub(super) fn current_value(&self, channel: &Channel) -> Option<FeedEvent> {
        let stateful = channel.kind != StreamKind::Trade;
        if stateful && self.is_live(channel) { self.cache.event(channel) } else { None }
    }

    /// Returns the probe for silent channels, if there is one.
    pub(super) fn probe(&self) -> Option<Arc<dyn Probe>> {
        self.probe.get().cloned()
    }

    /// Sets the probe for silent channels, once.
    pub(super) fn set_probe(&self, probe: Arc<dyn Probe>) {
        if self.probe.set(probe).is_err() {
            tracing::debug!("a probe for silent channels is already set");
        }
    }

    /// Takes the receiver of commands; `None` if it has been taken already.
    pub(super) fn take_command_receiver(&self) -> Option<mpsc::Receiver<SessionCommand>> {
        self.command_receiver.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(super) fn set_slots(&self, lanes: impl Iterator<Item = SlotStatus>) {
        let mut known = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        known.clear();
        known.extend(lanes);
    }

    /// Returns the health of each connection.
    fn all_connection_health(&self) -> Vec<ConnectionHealth> {
        let lanes = self.slots.lock().unwrap_or_else(PoisonError::into_inner).clone();
        lanes.into_iter().map(|status| self.connection_health(&status)).collect()
    }

    fn connection_health(&self, status: &SlotStatus) -> ConnectionHealth {
        let SlotStatus { number, channels, health, reconnects, errors, .. } = *status;
        let about = |link: &Link| (link.frames(), link.idle_for(), self.is_suspect(link));
        let (standing, about) = match self.links.with(number, about) {
            Some(about) => (number, Some(about)),
            None => (0, None),
        };
        let health = match about {
            Some((.., suspect)) if suspect && channels > 0 => Health::Suspect,
            // It has ended, and its owner does not know yet.
            None if health == Health::Live => Health::Connecting,
            _ => health,
        };
        ConnectionHealth {
            number: standing,
            channels,
            health,
            frames: about.map_or(0, |(frames, ..)| frames),
            last_frame_age: about.map(|(_, age, _)| age),
            reconnects,
            name: status.name.clone(),
            errors,
            last_error: status.last_error.clone(),
        }
    }

    pub(super) fn metrics(&self) -> LiveMetrics {
        let connections = self.all_connection_health();
        LiveMetrics {
            connected: self.links.any_active(),
            health: connections.iter().map(|connection| connection.health).max().unwrap_or_default(),
            connections,
            readers: self.fanout.len(),
            desired: self.desired.len(),
            waiting: self.desired.waiting(),
            unanswered: self.unanswered.list(),
            refused: self.refusal().map(|refusal| refusal.message),
            ..self.counters.snapshot()
        }
    }
}
