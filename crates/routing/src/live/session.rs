//! The one task that owns all connections of a venue.
//!
//! It decides who is followed, spreads the channels over lanes, begins connections, replaces those that break or grow
//! old, and tells the readers what that means for them. The connections are tasks of their own, which it alone begins
//! and waits for.

mod backoff;
mod endings;
mod fosters;
mod lane;
mod placement;
mod pulse;
mod rotation;
mod vigil;

use std::sync::Arc;

use market_backbone_core::{Channel, GapCause};
use rustc_hash::FxHashMap;
use tokio::sync::{mpsc, watch};
use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use self::fosters::{Fosters, Standing};
use self::lane::{Lane, Run};
use self::placement::{Placement, Room};
use self::rotation::Rotation;
use self::vigil::{Verdict, Vigil};
use super::command::Command;
use super::connection::dial::Dialer;
use super::connection::ending::Ended;
use super::connection::{Attempt, News, Order};
use super::desired::Wanted;
use super::health::Health;
use super::pinned::PinnedConnection;
use super::state::{LaneHealth, State};

/// How many words of the connections may wait: each says two or three in its life.
const NEWS: usize = 64;
/// How many orders may wait for a connection.
const ORDERS: usize = 16;

/// Ends the readers when the session does, by whatever way: a reader must not wait for a task that is gone.
struct LastOrders(Arc<State>);

impl Drop for LastOrders {
    fn drop(&mut self) {
        self.0.links.close_all();
        self.0.fanout.close();
    }
}

/// The task behind a hub.
pub(super) struct Session {
    state: Arc<State>,
    dialer: Arc<Dialer>,
    cancel: CancellationToken,
    changes: watch::Receiver<u64>,
    commands: mpsc::Receiver<Command>,
    news: (mpsc::Sender<News>, mpsc::Receiver<News>),
    lanes: Vec<Lane>,
    placement: Placement,
    fosters: Fosters,
    tasks: JoinSet<Ended>,
    /// Which attempt each task is.
    attempts: FxHashMap<Id, u64>,
    begun: u64,
    /// When it is next decided who is followed.
    decide_at: Option<Instant>,
    decided_at: Option<Instant>,
    vigil: Vigil,
    look_at: Instant,
    rotation: Rotation,
}

impl Session {
    pub(super) fn new(
        state: Arc<State>,
        dialer: Dialer,
        commands: mpsc::Receiver<Command>,
        cancel: CancellationToken,
    ) -> Self {
        let mut changes = state.desired.changes();
        // What was wished for before the task began counts too.
        changes.mark_changed();
        let pinned = &state.config.pinned;
        let placement = Placement::new(pinned);
        let named = |pinned: &PinnedConnection| Lane::new(state.config.reconnect, Some(&pinned.name));
        let lanes = pinned.iter().map(named).collect();
        Self {
            look_at: Instant::now() + state.config.liveness.look_every,
            state,
            dialer: Arc::new(dialer),
            cancel,
            changes,
            commands,
            news: mpsc::channel(NEWS),
            lanes,
            placement,
            fosters: Fosters::default(),
            tasks: JoinSet::new(),
            attempts: FxHashMap::default(),
            begun: 0,
            decide_at: None,
            decided_at: None,
            vigil: Vigil::default(),
            rotation: Rotation::default(),
        }
    }

    /// Runs until cancelled; then every connection is closed and every reader ends.
    pub(super) async fn run(mut self) {
        let _last = LastOrders(Arc::clone(&self.state));
        let (cancel, state) = (self.cancel.clone(), Arc::clone(&self.state));
        loop {
            let next_deadline = self.next_deadline();
            tokio::select! {
                biased;
                () = cancel.cancelled() => break,
                Some(ended) = self.tasks.join_next_with_id() => self.ended(ended),
                Some(news) = self.news.1.recv() => self.heard_news(news),
                Some(command) = self.commands.recv() => self.obey(command),
                Ok(()) = self.changes.changed() => self.decide_soon(),
                verdict = self.vigil.verdict(&state) => self.judge(&verdict),
                () = sleep_until(next_deadline) => {}
            }
            self.on_time();
            self.tell_health();
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

    fn obey(&mut self, command: Command) {
        match command {
            Command::Rotate(reply) => self.rotate_all(reply),
            Command::Retry => {
                self.state.set_refusal(None);
                // Who was thrown out stays away all the same.
                for lane in self.lanes.iter_mut().filter(|lane| !lane.evicted) {
                    lane.due = None;
                }
            }
        }
    }

    fn next_deadline(&self) -> Instant {
        let lane = |lane: &Lane| {
            let waits = lane.current.is_none() && lane.is_wanted() && self.state.refusal().is_none();
            let absent = lane.absent_at(self.state.config.orphan_grace);
            lane.due.filter(|_| waits).into_iter().chain(lane.rotates).chain(absent)
        };
        let others = self.lanes.iter().flat_map(lane).chain(self.decide_at);
        others.fold(self.look_at, Instant::min)
    }

    /// Does what is due.
    fn on_time(&mut self) {
        let now = Instant::now();
        self.give_up_the_absent(now);
        if self.decide_at.is_some_and(|at| at <= now) {
            self.decide(now);
        }
        if self.look_at <= now {
            self.look_at = now + self.state.config.liveness.look_every;
            self.look(now);
        }
        self.rotate_the_old(now);
        if self.state.refusal().is_none() {
            for index in 0..self.lanes.len() {
                if self.lanes[index].needs_connection(now) {
                    let run = self.begin(index);
                    self.lanes[index].current = Some(run);
                    self.lanes[index].due = None;
                }
            }
        }
    }

    /// Lets others carry the markets of connections that have been down for long.
    fn give_up_the_absent(&mut self, now: Instant) {
        let grace = self.state.config.orphan_grace;
        for lane in &mut self.lanes {
            if lane.absent_at(grace).is_some_and(|at| at <= now) {
                lane.absent = true;
                let (name, channels) = (lane.name.as_deref(), lane.channels().len());
                tracing::warn!(name, channels, "a connection stays down; others carry its markets");
                self.decide_at = Some(now);
            }
        }
    }

    /// Who is followed may have changed: looked at now, but not more often than changes are to be sent.
    fn decide_soon(&mut self) {
        let now = Instant::now();
        let again = self.decided_at.map_or(now, |last| last + self.state.config.debounce);
        self.decide_at = Some(again.max(now));
    }

    /// Decides who is followed, and where.
    fn decide(&mut self, now: Instant) {
        (self.decide_at, self.decided_at) = (None, Some(now));
        let state = Arc::clone(&self.state);
        let decision = state.desired.decide(&state.config.caps, now);
        if state.refusal().is_some_and(|refusal| refusal.version != decision.wanted.version) {
            state.set_refusal(None);
            self.lanes.iter_mut().filter(|lane| !lane.evicted).for_each(|lane| lane.due = None);
        }
        self.displace(&decision.displaced);
        let mut places = self.placement.place(&decision.wanted.channels, self.room());
        while self.lanes.len() < places.len() {
            self.lanes.push(Lane::new(state.config.reconnect, None));
        }
        let standing: Vec<Standing> = self.lanes.iter().map(Lane::standing).collect();
        self.fosters.carry(&mut places, &standing, self.room().channels);
        let mut places = places.into_iter();
        for lane in &self.lanes {
            let channels: Arc<[Channel]> = places.next().unwrap_or_default().into();
            let priority = state.desired.priority(&channels);
            let wanted = Wanted { version: decision.wanted.version, channels, priority };
            lane.target.send_if_modified(|target| {
                let changed = *target != wanted;
                *target = wanted;
                changed
            });
        }
        self.vigil.retain(&decision.wanted.channels);
        state.unanswered.retain(&decision.wanted.channels);
        if !decision.admitted.is_empty() {
            let runs = self.lanes.iter().filter_map(|lane| lane.current.as_ref());
            runs.for_each(|run| run.tell(Order::ConfirmAgain));
        }
    }

    /// Tells the readers of these that they have to wait.
    fn displace(&self, displaced: &[Channel]) {
        if displaced.is_empty() {
            return;
        }
        tracing::warn!(
            channels = displaced.len(),
            "more is wished for than may be followed; the least urgent wait"
        );
        for run in self.lanes.iter().filter_map(|lane| lane.current.as_ref()) {
            self.state.cache.ask_again(displaced, run.number);
        }
        let is_displaced = |channel: &Channel| displaced.contains(channel);
        self.state.fanout.open_gap(self.state.clock.now(), GapCause::Displaced, is_displaced);
    }

    /// How much the venue and the configuration leave.
    fn room(&self) -> Room {
        let (config, limits) = (&self.state.config, &self.state.venue.capabilities().socket);
        let less = |own: usize, its: Option<u32>| {
            own.min(its.and_then(|its| usize::try_from(its).ok()).unwrap_or(usize::MAX)).max(1)
        };
        Room {
            channels: less(config.channels_per_connection, limits.channels_per_connection),
            connections: less(config.max_connections, limits.max_connections),
        }
    }

    /// Begins a connection for a lane.
    fn begin(&mut self, lane: usize) -> Run {
        self.begun += 1;
        let (orders, inbox) = mpsc::channel(ORDERS);
        let attempt = Attempt {
            state: Arc::clone(&self.state),
            dialer: Arc::clone(&self.dialer),
            attempt: self.begun,
            target: self.lanes[lane].target.subscribe(),
            orders: inbox,
            news: self.news.0.clone(),
            cancel: self.cancel.child_token(),
        };
        let task = self.tasks.spawn(attempt.run());
        self.attempts.insert(task.id(), self.begun);
        Run { attempt: self.begun, number: 0, settled: false, orders, begun: self.state.clock.now() }
    }

    fn heard_news(&mut self, news: News) {
        for index in 0..self.lanes.len() {
            let stands = self.lanes[index].current.as_ref().is_some_and(|run| run.attempt == news.attempt);
            if stands && !news.settled {
                // A silence that is older than the connection says nothing about it.
                self.vigil.restart(&self.lanes[index].channels(), Instant::now());
            }
            if stands && news.settled && self.lanes[index].recovered() {
                self.decide_at = Some(Instant::now());
            }
            if self.lanes[index].note(news) {
                self.hand_over(index);
            }
            self.rotate_if_settled(index);
        }
    }

    /// Looks whether what should speak does.
    fn look(&mut self, now: Instant) {
        let state = Arc::clone(&self.state);
        if !state.desired.waiting().is_empty() {
            self.decide_at = Some(now);
        }
        let mut doubtful = Vec::new();
        for lane in &self.lanes {
            let Some(run) = lane.current.as_ref().filter(|run| run.number != 0) else { continue };
            let unproven = state.links.of(run.number, |link| link.unproven_for());
            let in_silence = unproven.is_some_and(|for_| for_ > state.config.liveness.suspect_after / 2);
            doubtful.extend(self.vigil.look(&state, &lane.channels(), in_silence, now));
        }
        self.vigil.look_up(&state, doubtful, now);
    }

    /// Acts on what was found out about silent channels.
    fn judge(&mut self, verdict: &Verdict) {
        let now = Instant::now();
        for index in 0..self.lanes.len() {
            let channels = self.lanes[index].channels();
            let its = |of: &[Channel]| -> Vec<Channel> {
                of.iter().filter(|channel| channels.binary_search(channel).is_ok()).cloned().collect()
            };
            let (dead, quiet) = (its(&verdict.dead), its(&verdict.quiet));
            if !dead.is_empty() {
                self.revive(index, &dead, now);
            } else if let Some(run) = self.lanes[index].current.as_ref().filter(|_| !quiet.is_empty()) {
                self.state.links.of(run.number, |link| link.vouch(now));
            }
        }
    }

    fn tell_health(&self) {
        let refused = self.state.refusal().is_some();
        let health = |lane: &Lane| match &lane.current {
            Some(run) if run.number != 0 => Health::Live,
            _ if !lane.is_wanted() => Health::Idle,
            _ if refused => Health::Refused,
            _ if lane.evicted => Health::Evicted,
            _ => Health::Connecting,
        };
        let each = self.lanes.iter().map(|lane| LaneHealth {
            number: lane.current.as_ref().map_or(0, |run| run.number),
            channels: lane.target.borrow().channels.len(),
            health: health(lane),
            reconnects: lane.reconnects,
            name: lane.name.clone(),
            errors: lane.errors,
            last_error: lane.last_error.clone(),
        });
        self.state.set_lanes(each);
    }
}
