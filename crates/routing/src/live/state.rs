//! What the session's tasks write and the handles read: cache, readers, wishes, and how the connections are.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use market_backbone_core::{Channel, Clock, FeedEvent, GapCause, StreamKind, Symbol, Timestamp, Venue};
use tokio::sync::{mpsc, watch};

use super::cache::newest::Arrival;
use super::cache::{RealtimeCache, Recorded};
use super::command::Command;
use super::config::SessionConfig;
use super::desired::Desired;
use super::fanout::Fanout;
use super::health::{ConnectionHealth, Health};
use super::link::{Link, Links};
use super::metrics::{Counters, LiveMetrics};
use super::probe::Probe;
use super::served::Served;
use super::unanswered::Unanswered;
use crate::venue_time::VenueTime;

/// How many commands of handles may wait; who finds no room waits too.
const COMMANDS: usize = 8;

/// What the venue refused for good.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    /// The version of the desired set that was refused; another may fare better.
    pub(super) version: u64,
    /// What the venue said.
    pub(super) message: String,
}

/// How a lane is, as its owner knows it.
#[derive(Clone, Debug)]
pub(super) struct LaneHealth {
    /// The number of the connection that serves it; 0 while none does.
    pub(super) number: u64,
    pub(super) channels: usize,
    pub(super) health: Health,
    pub(super) reconnects: u64,
    pub(super) name: Option<Arc<str>>,
    pub(super) errors: u64,
    pub(super) last_error: Option<Arc<str>>,
}

/// All that the session's task and the handles share.
#[derive(Debug)]
pub(super) struct State {
    pub(super) venue: Arc<dyn Venue>,
    pub(super) clock: Arc<dyn Clock>,
    /// What the times of trades are good for.
    pub(super) time: Option<Arc<VenueTime>>,
    pub(super) config: SessionConfig,
    pub(super) cache: RealtimeCache,
    pub(super) fanout: Fanout,
    pub(super) desired: Desired,
    pub(super) unanswered: Unanswered,
    pub(super) served: Served,
    pub(super) counters: Counters,
    pub(super) links: Links,
    /// Changes whenever a channel is heard for the first time on a connection.
    pub(super) first_heard: watch::Sender<()>,
    /// Where the handles ask for what only the owner of the connections can do.
    pub(super) commands: mpsc::Sender<Command>,
    inbox: Mutex<Option<mpsc::Receiver<Command>>>,
    lanes: Mutex<Vec<LaneHealth>>,
    probe: OnceLock<Arc<dyn Probe>>,
    refusal: Mutex<Option<Refusal>>,
}

impl State {
    pub(super) fn new(
        venue: Arc<dyn Venue>,
        (clock, time): (Arc<dyn Clock>, Option<Arc<VenueTime>>),
        config: SessionConfig,
    ) -> Self {
        let (commands, inbox) = mpsc::channel(COMMANDS);
        Self {
            venue,
            clock,
            time,
            config,
            cache: RealtimeCache::default(),
            fanout: Fanout::default(),
            desired: Desired::default(),
            unanswered: Unanswered::default(),
            served: Served::default(),
            counters: Counters::default(),
            links: Links::default(),
            first_heard: watch::Sender::new(()),
            commands,
            inbox: Mutex::new(Some(inbox)),
            lanes: Mutex::default(),
            probe: OnceLock::new(),
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

    /// These were just asked for: to readers who have waited since a time when nobody brought them, what was said
    /// meanwhile is missing.
    pub(super) fn begins(&self, channels: &[Channel], connection: u64) {
        let (links, now) = (&self.links, self.clock.now());
        let new = self.served.begin(channels, connection, |other| links.of(other, |_| ()).is_some());
        if !new.is_empty() {
            let early = now.minus(self.config.start_within);
            let is_new = |channel: &Channel| new.contains(channel);
            self.fanout.open_late_gap(early, GapCause::Disconnected, is_new);
        }
    }

    /// No connection stands that was to bring these: to readers who wait for them, what is said now is missing.
    pub(super) fn is_not_served(&self, channels: &[Channel], cause: GapCause) {
        let stands = |number: u64| self.links.of(number, |_| ()).is_some();
        let unserved = self.served.without(channels, stands);
        if !unserved.is_empty() {
            self.fanout.open_late_gap(self.clock.now(), cause, |channel| unserved.contains(channel));
        }
    }

    /// Keeps an event heard at `received`, and hands it to its readers.
    pub(super) fn deliver(&self, event: &FeedEvent, arrival: Arrival, received: Timestamp) {
        self.cache.record_then(event, arrival, |recorded| self.hand_out(event, recorded, received));
        if let (Some(any), Some((_, kind))) = (self.fanout.any(), event.channel())
            && self.cache.hear(any, kind, arrival)
        {
            self.heard_first(any, kind, received);
        }
    }

    fn heard_first(&self, symbol: &Symbol, kind: StreamKind, received: Timestamp) {
        self.unanswered.answered(symbol);
        self.first_heard.send_replace(());
        self.fanout.confirm(symbol, kind, received);
    }

    fn hand_out(&self, event: &FeedEvent, recorded: Recorded, received: Timestamp) {
        let Some((symbol, kind)) = event.channel() else { return };
        if recorded.first {
            self.heard_first(symbol, kind, received);
        }
        // What the venue begins a connection with says up to where nothing was missed, known or not.
        let is_word = recorded.first && matches!(event, FeedEvent::Snapshot(_));
        if recorded.repeated && !is_word {
            self.counters.repeated.add(1);
        } else {
            let lagged = self.fanout.publish(event);
            if lagged > 0 {
                self.counters.lagged.add(lagged);
            }
        }
    }

    /// Whether the latest value of `channel` is what the venue has now, as far as anybody can know.
    pub(super) fn is_live(&self, channel: &Channel) -> bool {
        let patience = self.venue.capabilities().socket.keep_alive_every + self.config.keep_alive_grace;
        let is_well = |link: &Link| link.quiet_for() <= patience && !self.is_suspect(link);
        let number = self.cache.heard_in(channel);
        number != 0 && self.links.of(number, is_well).unwrap_or(false) && !self.desired.is_waiting(channel)
    }

    /// Whether nothing has shown for too long that a connection brings what there is.
    fn is_suspect(&self, link: &Link) -> bool {
        link.unproven_for() > self.config.liveness.suspect_after
    }

    /// What a reader who comes late to `channel` begins with: the state, if the channel has one. A print is no state.
    pub(super) fn known(&self, channel: &Channel) -> Option<FeedEvent> {
        let stateful = channel.kind != StreamKind::Trade;
        if stateful && self.is_live(channel) { self.cache.event(channel) } else { None }
    }

    /// Who can be asked about silent channels, if anybody.
    pub(super) fn probe(&self) -> Option<Arc<dyn Probe>> {
        self.probe.get().cloned()
    }

    /// Says who can be asked about silent channels, once.
    pub(super) fn set_probe(&self, probe: Arc<dyn Probe>) {
        if self.probe.set(probe).is_err() {
            tracing::debug!("there is somebody to ask about silent channels already");
        }
    }

    /// Where the commands of the handles arrive; `None` if somebody has taken that already.
    pub(super) fn take_inbox(&self) -> Option<mpsc::Receiver<Command>> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(super) fn set_lanes(&self, lanes: impl Iterator<Item = LaneHealth>) {
        let mut known = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        known.clear();
        known.extend(lanes);
    }

    /// How each connection is.
    fn connections(&self) -> Vec<ConnectionHealth> {
        let lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner).clone();
        lanes.into_iter().map(|lane| self.connection(&lane)).collect()
    }

    fn connection(&self, lane: &LaneHealth) -> ConnectionHealth {
        let LaneHealth { number, channels, health, reconnects, errors, .. } = *lane;
        let about = |link: &Link| (link.frames(), link.quiet_for(), self.is_suspect(link));
        let (standing, about) = match self.links.of(number, about) {
            Some(about) => (number, Some(about)),
            None => (0, None),
        };
        let health = match about {
            Some((.., suspect)) if suspect && channels > 0 => Health::Suspect,
            // It has ended and its owner does not know yet.
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
            name: lane.name.clone(),
            errors,
            last_error: lane.last_error.clone(),
        }
    }

    pub(super) fn metrics(&self) -> LiveMetrics {
        let connections = self.connections();
        LiveMetrics {
            connected: self.links.any(),
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
