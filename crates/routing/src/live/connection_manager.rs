//! The one task that owns all connections of a venue.
//!
//! It selects the channels to follow, distributes them over slots, opens connections, replaces those that
//! break or reach the rotation age, and tells the readers what that means for them. The connections are tasks
//! of their own, which only this task spawns and waits for.

mod channel_cadence;
mod connection_end;
mod connection_slot;
mod failover;
mod liveness_monitor;
mod placement;
mod reconnect_backoff;
mod rotation;

use std::sync::Arc;

use market_backbone_core::{Channel, GapCause};
use rustc_hash::FxHashMap;
use tokio::sync::{mpsc, watch};
use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use self::connection_slot::{ConnectionHandle, ConnectionSlot};
use self::failover::{Failover, SlotHealth};
use self::liveness_monitor::{LivenessMonitor, ProbeResult};
use self::placement::{ConnectionCapacity, Placement};
use self::rotation::Rotation;
use super::command::SessionCommand;
use super::connection::dial::Dialer;
use super::connection::end::EndedConnection;
use super::connection::{Attempt, ConnectionCommand, ConnectionStatus};
use super::desired_channels::DesiredSet;
use super::health::Health;
use super::pinned::PinnedConnection;
use super::state::{LiveState, SlotStatus};

/// The capacity of the queue of reports: each connection sends two or three in its life.
const STATUS_QUEUE_CAPACITY: usize = 64;
/// The capacity of a connection's queue of commands.
const COMMAND_QUEUE_CAPACITY: usize = 16;

/// A guard that ends the readers when the session ends, in whatever way: a reader must not wait for a task
/// that is gone.
struct ReaderShutdownGuard(Arc<LiveState>);

impl Drop for ReaderShutdownGuard {
    fn drop(&mut self) {
        self.0.links.close_all();
        self.0.fanout.close();
    }
}

/// The task behind a hub.
pub(super) struct ConnectionManager {
    state: Arc<LiveState>,
    dialer: Arc<Dialer>,
    cancel: CancellationToken,
    changes: watch::Receiver<u64>,
    commands: mpsc::Receiver<SessionCommand>,
    statuses: (mpsc::Sender<ConnectionStatus>, mpsc::Receiver<ConnectionStatus>),
    slots: Vec<ConnectionSlot>,
    placement: Placement,
    failover: Failover,
    tasks: JoinSet<EndedConnection>,
    /// The number of the attempt of each task.
    attempts: FxHashMap<Id, u64>,
    attempts_started: u64,
    /// The time of the next selection of channels.
    select_at: Option<Instant>,
    selected_at: Option<Instant>,
    liveness: LivenessMonitor,
    next_liveness_check: Instant,
    rotation: Rotation,
}

impl ConnectionManager {
    pub(super) fn new(
        state: Arc<LiveState>,
        dialer: Dialer,
        commands: mpsc::Receiver<SessionCommand>,
        cancel: CancellationToken,
    ) -> Self {
        let mut changes = state.desired.changes();
        // Interests from before the start of the task count too.
        changes.mark_changed();
        let pinned = &state.config.pinned;
        let placement = Placement::new(pinned);
        let named =
            |pinned: &PinnedConnection| ConnectionSlot::new(state.config.reconnect, Some(&pinned.name));
        let slots = pinned.iter().map(named).collect();
        Self {
            next_liveness_check: Instant::now() + state.config.liveness.check_interval,
            state,
            dialer: Arc::new(dialer),
            cancel,
            changes,
            commands,
            statuses: mpsc::channel(STATUS_QUEUE_CAPACITY),
            slots,
            placement,
            failover: Failover::default(),
            tasks: JoinSet::new(),
            attempts: FxHashMap::default(),
            attempts_started: 0,
            select_at: None,
            selected_at: None,
            liveness: LivenessMonitor::default(),
            rotation: Rotation::default(),
        }
    }

    /// Runs until cancelled; then every connection is closed and every reader ends.
    pub(super) async fn run(mut self) {
        let _last = ReaderShutdownGuard(Arc::clone(&self.state));
        let (cancel, state) = (self.cancel.clone(), Arc::clone(&self.state));
        loop {
            let next_deadline = self.next_deadline();
            tokio::select! {
                biased;
                () = cancel.cancelled() => break,
                Some(ended) = self.tasks.join_next_with_id() => self.handle_ended(ended),
                Some(news) = self.statuses.1.recv() => self.handle_status(news),
                Some(command) = self.commands.recv() => self.handle_command(command),
                Ok(()) = self.changes.changed() => self.schedule_selection(),
                verdict = self.liveness.probe_result(&state) => self.apply_probe_result(&verdict),
                () = sleep_until(next_deadline) => {}
            }
            self.on_timer();
            self.publish_health();
        }
        self.close_all().await;
    }

    /// Waits for the connections, all of which have been told to close.
    async fn close_all(&mut self) {
        let within = self.state.config.close_timeout * 2;
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if timeout(within, all).await.is_err() {
            tracing::warn!("connections did not close in time");
        }
    }

    fn handle_command(&mut self, command: SessionCommand) {
        match command {
            SessionCommand::Rotate(reply) => self.rotate_all(reply),
            SessionCommand::Retry => {
                self.state.set_refusal(None);
                // An evicted connection stays away all the same.
                for slot in self.slots.iter_mut().filter(|slot| !slot.evicted) {
                    slot.retry_at = None;
                }
            }
        }
    }

    fn next_deadline(&self) -> Instant {
        let slot = |slot: &ConnectionSlot| {
            let waits = slot.current.is_none() && slot.is_wanted() && self.state.refusal().is_none();
            let absent = slot.failover_at(self.state.config.failover_after);
            slot.retry_at.filter(|_| waits).into_iter().chain(slot.rotate_at).chain(absent)
        };
        let others = self.slots.iter().flat_map(slot).chain(self.select_at);
        others.fold(self.next_liveness_check, Instant::min)
    }

    /// Does what is due.
    fn on_timer(&mut self) {
        let now = Instant::now();
        self.fail_over_down_slots(now);
        if self.select_at.is_some_and(|at| at <= now) {
            self.apply_selection(now);
        }
        if self.next_liveness_check <= now {
            self.next_liveness_check = now + self.state.config.liveness.check_interval;
            self.check_liveness(now);
        }
        self.rotate_expired(now);
        if self.state.refusal().is_none() {
            for index in 0..self.slots.len() {
                if self.slots[index].needs_connection(now) {
                    let run = self.start_connection(index);
                    self.slots[index].current = Some(run);
                    self.slots[index].retry_at = None;
                }
            }
        }
    }

    /// Lets other connections take over the markets of those that have been down for long.
    fn fail_over_down_slots(&mut self, now: Instant) {
        let grace = self.state.config.failover_after;
        for slot in &mut self.slots {
            if slot.failover_at(grace).is_some_and(|at| at <= now) {
                slot.failed_over = true;
                let (name, channels) = (slot.name.as_deref(), slot.channels().len());
                tracing::warn!(name, channels, "a connection stays down; others carry its markets");
                self.select_at = Some(now);
            }
        }
    }

    /// Schedules a new selection of channels: at once, but not more often than changes may be sent.
    fn schedule_selection(&mut self) {
        let now = Instant::now();
        let again = self.selected_at.map_or(now, |last| last + self.state.config.debounce);
        self.select_at = Some(again.max(now));
    }

    /// Selects the channels to follow and assigns them to connections.
    fn apply_selection(&mut self, now: Instant) {
        (self.select_at, self.selected_at) = (None, Some(now));
        let state = Arc::clone(&self.state);
        let decision = state.desired.select_channels(&state.config.subscription_limits, now);
        if state.refusal().is_some_and(|refusal| refusal.version != decision.wanted.version) {
            state.set_refusal(None);
            self.slots.iter_mut().filter(|slot| !slot.evicted).for_each(|slot| slot.retry_at = None);
        }
        self.displace(&decision.displaced);
        let mut places = self.placement.place(&decision.wanted.channels, self.capacity());
        while self.slots.len() < places.len() {
            self.slots.push(ConnectionSlot::new(state.config.reconnect, None));
        }
        let standing: Vec<SlotHealth> = self.slots.iter().map(ConnectionSlot::health).collect();
        self.failover.assign_orphans(&mut places, &standing, self.capacity().channels);
        let mut places = places.into_iter();
        for slot in &self.slots {
            let channels: Arc<[Channel]> = places.next().unwrap_or_default().into();
            let priority = state.desired.priority(&channels);
            let wanted = DesiredSet { version: decision.wanted.version, channels, priority };
            slot.target.send_if_modified(|target| {
                let changed = *target != wanted;
                *target = wanted;
                changed
            });
        }
        self.liveness.retain(&decision.wanted.channels);
        state.unanswered.retain(&decision.wanted.channels);
        if !decision.admitted.is_empty() {
            let runs = self.slots.iter().filter_map(|slot| slot.current.as_ref());
            runs.for_each(|run| run.notify(ConnectionCommand::Reconfirm));
        }
    }

    /// Tells the readers of displaced channels that they have to wait.
    fn displace(&self, displaced: &[Channel]) {
        if displaced.is_empty() {
            return;
        }
        tracing::warn!(
            channels = displaced.len(),
            "more channels are wanted than may be followed; the least urgent ones wait"
        );
        for run in self.slots.iter().filter_map(|slot| slot.current.as_ref()) {
            self.state.cache.clear_received(displaced, run.number);
        }
        let is_displaced = |channel: &Channel| displaced.contains(channel);
        self.state.fanout.open_gap(self.state.clock.now(), GapCause::Displaced, is_displaced);
    }

    /// Returns how many channels and connections the venue and the configuration allow.
    fn capacity(&self) -> ConnectionCapacity {
        let (config, limits) = (&self.state.config, &self.state.venue.capabilities().socket);
        let less = |own: usize, its: Option<u32>| {
            own.min(its.and_then(|its| usize::try_from(its).ok()).unwrap_or(usize::MAX)).max(1)
        };
        ConnectionCapacity {
            channels: less(config.channels_per_connection, limits.channels_per_connection),
            connections: less(config.max_connections, limits.max_connections),
        }
    }

    /// Starts a connection for a slot.
    fn start_connection(&mut self, slot: usize) -> ConnectionHandle {
        self.attempts_started += 1;
        let (orders, inbox) = mpsc::channel(COMMAND_QUEUE_CAPACITY);
        let attempt = Attempt {
            state: Arc::clone(&self.state),
            dialer: Arc::clone(&self.dialer),
            attempt: self.attempts_started,
            target: self.slots[slot].target.subscribe(),
            commands: inbox,
            statuses: self.statuses.0.clone(),
            cancel: self.cancel.child_token(),
        };
        let task = self.tasks.spawn(attempt.run());
        self.attempts.insert(task.id(), self.attempts_started);
        ConnectionHandle {
            attempt: self.attempts_started,
            number: 0,
            fully_confirmed: false,
            commands: orders,
            started_at: self.state.clock.now(),
        }
    }

    fn handle_status(&mut self, news: ConnectionStatus) {
        for index in 0..self.slots.len() {
            let stands = self.slots[index].current.as_ref().is_some_and(|run| run.attempt == news.attempt);
            if stands && !news.fully_confirmed {
                // A silence that is older than the connection says nothing about it.
                self.liveness.restart(&self.slots[index].channels(), Instant::now());
            }
            if stands && news.fully_confirmed && self.slots[index].record_recovery() {
                self.select_at = Some(Instant::now());
            }
            if self.slots[index].record_status(news) {
                self.hand_over(index);
            }
            self.rotate_if_confirmed(index);
        }
    }

    /// Checks the liveness of all channels.
    fn check_liveness(&mut self, now: Instant) {
        let state = Arc::clone(&self.state);
        if !state.desired.waiting().is_empty() {
            self.select_at = Some(now);
        }
        let mut doubtful = Vec::new();
        for slot in &self.slots {
            let Some(run) = slot.current.as_ref().filter(|run| run.number != 0) else { continue };
            let unproven = state.links.with(run.number, |link| link.unverified_for());
            let in_silence = unproven.is_some_and(|for_| for_ > state.config.liveness.suspect_after / 2);
            doubtful.extend(self.liveness.find_overdue(&state, &slot.channels(), in_silence, now));
        }
        self.liveness.start_probe(&state, doubtful, now);
    }

    /// Acts on the result of a probe.
    fn apply_probe_result(&mut self, verdict: &ProbeResult) {
        let now = Instant::now();
        for index in 0..self.slots.len() {
            let channels = self.slots[index].channels();
            let its = |of: &[Channel]| -> Vec<Channel> {
                of.iter().filter(|channel| channels.binary_search(channel).is_ok()).cloned().collect()
            };
            let (dead, quiet) = (its(&verdict.dead), its(&verdict.quiet));
            if !dead.is_empty() {
                self.recover_dead_channels(index, &dead, now);
            } else if let Some(run) = self.slots[index].current.as_ref().filter(|_| !quiet.is_empty()) {
                self.state.links.with(run.number, |link| link.mark_verified(now));
            }
        }
    }

    fn publish_health(&self) {
        let refused = self.state.refusal().is_some();
        let health = |slot: &ConnectionSlot| match &slot.current {
            Some(run) if run.number != 0 => Health::Live,
            _ if !slot.is_wanted() => Health::Idle,
            _ if refused => Health::Refused,
            _ if slot.evicted => Health::Evicted,
            _ => Health::Connecting,
        };
        let each = self.slots.iter().map(|slot| SlotStatus {
            number: slot.current.as_ref().map_or(0, |run| run.number),
            channels: slot.target.borrow().channels.len(),
            health: health(slot),
            reconnects: slot.reconnects,
            name: slot.name.clone(),
            errors: slot.errors,
            last_error: slot.last_error.clone(),
        });
        self.state.set_slots(each);
    }
}
