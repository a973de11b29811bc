//! What follows when a connection ends: which readers get a gap, and when it is tried again.

use std::sync::Arc;

use market_backbone_core::{Channel, GapCause};
use tokio::task::{Id, JoinError};
use tokio::time::Instant;

use super::ConnectionManager;
use super::connection_slot::{ConnectionHandle, ConnectionRole};
use crate::live::connection::ConnectionCommand;
use crate::live::connection::end::{ConnectionEnd, ConnectionLoss, EndedConnection};
use crate::live::link::Link;
use crate::live::probe::last_received;
use crate::live::state::VenueRefusal;

impl ConnectionManager {
    /// Handles the end of a connection's task.
    pub(super) fn handle_ended(&mut self, joined: Result<(Id, EndedConnection), JoinError>) {
        let id = joined.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
        let Some(attempt) = self.attempts.remove(&id) else { return };
        let Some(index) = self.slots.iter().position(|slot| slot.role(attempt).is_some()) else { return };
        let Some((role, run)) = self.slots[index].take(attempt) else { return };
        let ended = joined
            .map(|(_, ended)| ended)
            .unwrap_or_else(|error| self.crashed_connection(index, &run, &error));
        match role {
            ConnectionRole::Current => self.current_ended(index, &ended),
            ConnectionRole::Next => self.next_failed(index, &ended),
            ConnectionRole::Retiring => self.retired_ended(index, &ended),
        }
    }

    /// Describes the end of a connection whose task has panicked: nothing it brought is certain.
    fn crashed_connection(&self, index: usize, run: &ConnectionHandle, error: &JoinError) -> EndedConnection {
        tracing::error!(%error, number = run.number, "a connection's task has failed");
        let loss = ConnectionLoss::new(GapCause::Disconnected, "its task has failed");
        EndedConnection {
            number: run.number,
            subscribed: self.slots[index].channels().to_vec(),
            ..EndedConnection::never_connected(ConnectionEnd::Lost(loss), run.started_at)
        }
    }

    fn current_ended(&mut self, index: usize, ended: &EndedConnection) {
        let state = Arc::clone(&self.state);
        self.slots[index].rotate_at = None;
        if std::mem::take(&mut self.slots[index].rotation_pending) {
            self.rotation_finished(index, false);
        }
        match &ended.end {
            ConnectionEnd::Unreachable(error) => {
                state.counters.connect_failures.add(1);
                self.slots[index].record_failure(&error.to_string());
                let wait = self.slots[index].backoff.after_failure();
                tracing::warn!(%error, ?wait, "cannot connect; trying again");
                self.slots[index].retry_at = Some(Instant::now() + wait);
                state.report_unserved(&self.slots[index].channels(), GapCause::Disconnected);
            }
            ConnectionEnd::Lost(loss) => self.current_lost(index, ended, loss),
            ConnectionEnd::Idle => {
                tracing::info!(number = ended.number, "no channel was wanted; the connection is closed");
                state.desired.evict_unwanted(&state.cache);
                self.slots[index].record_recovery();
            }
            ConnectionEnd::Retired | ConnectionEnd::Shutdown => {}
        }
    }

    /// Handles the loss of the connection that served a slot.
    fn current_lost(&mut self, index: usize, ended: &EndedConnection, loss: &ConnectionLoss) {
        let state = Arc::clone(&self.state);
        state.counters.drops.add(1);
        state.counters.too_slow.add(u64::from(loss.cause == GapCause::TooSlow));
        state.counters.evicted.add(u64::from(loss.cause == GapCause::Evicted));
        state.desired.evict_unwanted(&state.cache);
        self.slots[index].evicted = loss.cause == GapCause::Evicted;
        self.slots[index].reconnects += 1;
        self.slots[index].record_failure(&loss.message);
        let is_final = loss.terminal && self.slots[index].next.is_none();
        if is_final {
            self.record_refusal(index, ended, loss);
        }
        // Readers that get the gap find the health already updated.
        self.publish_health();
        self.announce_gap(ended, loss.cause, self.slots[index].next.as_ref());
        if self.slots[index].next.is_none() {
            state.report_unserved(&self.slots[index].channels(), loss.cause);
        }
        self.reconfirm_others(index, &ended.subscribed);
        if let Some(next) = self.slots[index].next.take() {
            tracing::warn!(message = loss.message, "connection lost; its replacement takes over now");
            next.notify(ConnectionCommand::Reconfirm);
            if next.fully_confirmed {
                self.slots[index].record_recovery();
            }
            self.slots[index].current = Some(next);
            self.rotation_finished(index, false);
            return;
        }
        if is_final {
            let channels = self.slots[index].channels();
            let concerned = |channel: &Channel| channels.binary_search(channel).is_ok();
            state.fanout.open_gap(ended.last_data, GapCause::Refused, concerned);
            return;
        }
        let backoff = &mut self.slots[index].backoff;
        let wait = match loss.retry_after {
            Some(wait) => backoff.after_eviction(wait),
            None if ended.delivered && loss.cause != GapCause::Refused => {
                backoff.after_delivery(ended.uptime)
            }
            None => backoff.after_failure(),
        };
        let (cause, message) = (loss.cause.as_str(), &loss.message);
        tracing::warn!(cause, message, ?wait, "connection lost; reconnecting");
        self.slots[index].retry_at = Some(Instant::now() + wait);
    }

    /// Asks the other connections that carry any of `channels` whether they arrive: then the gap is over
    /// already.
    fn reconfirm_others(&self, index: usize, channels: &[Channel]) {
        let others = self.slots.iter().enumerate().filter(|(at, _)| *at != index);
        for (_, slot) in others {
            let carries = slot.channels().iter().any(|channel| channels.binary_search(channel).is_ok());
            if let Some(run) = slot.current.as_ref().filter(|_| carries) {
                run.notify(ConnectionCommand::Reconfirm);
            }
        }
    }

    /// Announces a gap to the readers of the connection's channels, except those that the `next` connection
    /// already delivers without being behind.
    fn announce_gap(&self, ended: &EndedConnection, cause: GapCause, next: Option<&ConnectionHandle>) {
        let is_behind = |number: u64| {
            let goal = self.state.links.with(number, Link::latest_venue_time);
            goal.is_none_or(|goal| ended.latest_venue_time < goal)
        };
        let next = next.map(|run| run.number).filter(|number| *number != 0 && !is_behind(*number));
        let replaced =
            |channel: &Channel| next.is_some_and(|next| self.state.cache.received_on(channel) >= next);
        self.state.fanout.open_gap(ended.last_data, cause, |channel| {
            ended.subscribed.binary_search(channel).is_ok() && !replaced(channel)
        });
    }

    /// Records a refusal that the venue would repeat: nothing is tried until something changes.
    fn record_refusal(&self, index: usize, ended: &EndedConnection, loss: &ConnectionLoss) {
        tracing::error!(
            message = loss.message,
            "the venue refuses the subscriptions; not trying again until they change"
        );
        // It may have been refused before it could subscribe to anything.
        let version =
            if ended.version == 0 { self.slots[index].target.borrow().version } else { ended.version };
        let message = loss.message.clone();
        self.state.set_refusal(Some(VenueRefusal { version, message, kind: loss.kind }));
    }

    /// Handles the failure of the connection that was to take over: the old one goes on.
    fn next_failed(&mut self, index: usize, ended: &EndedConnection) {
        if let (Some(current), true) = (&self.slots[index].current, ended.number != 0) {
            self.state.cache.reassign(&self.slots[index].channels(), ended.number, current.number);
        }
        let why = match &ended.end {
            ConnectionEnd::Lost(loss) => loss.message.clone(),
            ConnectionEnd::Unreachable(error) => error.to_string(),
            ConnectionEnd::Shutdown | ConnectionEnd::Idle | ConnectionEnd::Retired => {
                "it was not needed".to_owned()
            }
        };
        tracing::warn!(why, "a connection could not be replaced; the old one stays");
        self.rotation_finished(index, false);
    }

    /// Handles the end of a replaced connection.
    fn retired_ended(&mut self, index: usize, ended: &EndedConnection) {
        if let ConnectionEnd::Lost(loss) = &ended.end {
            // What was in flight when it broke may be lost, though later data was not.
            self.announce_gap(ended, loss.cause, None);
            if let Some(current) = &self.slots[index].current {
                current.notify(ConnectionCommand::Reconfirm);
            }
        }
        self.rotation_finished(index, true);
    }

    /// Recovers channels of a slot for which the venue has data that did not arrive.
    ///
    /// Subscribes to them again or, if that has not helped or there are many, gives up the connection.
    pub(super) fn recover_dead_channels(&mut self, index: usize, dead: &[Channel], now: Instant) {
        let state = Arc::clone(&self.state);
        let channels = self.slots[index].channels();
        // If the slot has no connection, another one may carry its markets: the probe was about that one.
        let Some(run) = &self.slots[index].current else { return };
        let known = self.liveness.mark_resubscribed(dead, now);
        tracing::warn!(number = run.number, channels = dead.len(), "the venue has data that does not arrive");
        state.counters.dead.add(dead.len() as u64);
        let heard = dead.iter().filter_map(|channel| last_received(&state.cache, channel)).min();
        let from = heard.unwrap_or_else(|| state.clock.now());
        state.fanout.open_gap(from, GapCause::Silent, |channel| dead.contains(channel));
        let many = dead.len() * 4 >= channels.len();
        run.notify(if known || many {
            ConnectionCommand::Abandon
        } else {
            ConnectionCommand::Resubscribe(dead.to_vec())
        });
    }
}
