//! What follows when a connection ends: who is told, and when it is tried again.

use std::sync::Arc;

use market_backbone_core::{Channel, GapCause};
use tokio::task::{Id, JoinError};
use tokio::time::Instant;

use super::Session;
use super::lane::{Role, Run};
use crate::live::connection::Order;
use crate::live::connection::ending::{End, Ended, Loss};
use crate::live::link::Link;
use crate::live::probe::last_received;
use crate::live::state::Refusal;

impl Session {
    /// A connection's task has ended.
    pub(super) fn ended(&mut self, joined: Result<(Id, Ended), JoinError>) {
        let id = joined.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
        let Some(attempt) = self.attempts.remove(&id) else { return };
        let Some(index) = self.lanes.iter().position(|lane| lane.role(attempt).is_some()) else { return };
        let Some((role, run)) = self.lanes[index].take(attempt) else { return };
        let ended = joined.map(|(_, ended)| ended).unwrap_or_else(|error| self.crashed(index, &run, &error));
        match role {
            Role::Current => self.current_ended(index, &ended),
            Role::Next => self.next_failed(index, &ended),
            Role::Retiring => self.retired(index, &ended),
        }
    }

    /// What is left of a connection whose task has died: nothing of what it brought is certain.
    fn crashed(&self, index: usize, run: &Run, error: &JoinError) -> Ended {
        tracing::error!(%error, number = run.number, "a connection's task has died");
        let loss = Loss::new(GapCause::Disconnected, "its task has died");
        Ended {
            number: run.number,
            has: self.lanes[index].channels().to_vec(),
            ..Ended::before_it_stood(End::Lost(loss), run.begun)
        }
    }

    fn current_ended(&mut self, index: usize, ended: &Ended) {
        let state = Arc::clone(&self.state);
        self.lanes[index].rotates = None;
        if std::mem::take(&mut self.lanes[index].rotates_soon) {
            self.rotated(index, false);
        }
        match &ended.end {
            End::Unreachable(error) => {
                state.counters.connect_failures.add(1);
                self.lanes[index].failed(&error.to_string());
                let wait = self.lanes[index].backoff.after_failure();
                tracing::warn!(%error, ?wait, "no connection; trying again");
                self.lanes[index].due = Some(Instant::now() + wait);
                state.is_not_served(&self.lanes[index].channels(), GapCause::Disconnected);
            }
            End::Lost(loss) => self.lost(index, ended, loss),
            End::Idle => {
                tracing::info!(number = ended.number, "nothing was wanted of the connection; it is closed");
                state.desired.settle(&state.cache);
                self.lanes[index].recovered();
            }
            End::Retired | End::Shutdown => {}
        }
    }

    /// The connection that served has broken.
    fn lost(&mut self, index: usize, ended: &Ended, loss: &Loss) {
        let state = Arc::clone(&self.state);
        state.counters.drops.add(1);
        state.counters.too_slow.add(u64::from(loss.cause == GapCause::TooSlow));
        state.counters.evicted.add(u64::from(loss.cause == GapCause::Evicted));
        state.desired.settle(&state.cache);
        self.lanes[index].evicted = loss.cause == GapCause::Evicted;
        self.lanes[index].reconnects += 1;
        self.lanes[index].failed(&loss.message);
        let is_final = loss.terminal && self.lanes[index].next.is_none();
        if is_final {
            self.note_refusal(index, ended, loss);
        }
        // Who hears of it finds it told.
        self.tell_health();
        self.announce(ended, loss.cause, self.lanes[index].next.as_ref());
        if self.lanes[index].next.is_none() {
            state.is_not_served(&self.lanes[index].channels(), loss.cause);
        }
        self.ask_the_others(index, &ended.has);
        if let Some(next) = self.lanes[index].next.take() {
            tracing::warn!(
                message = loss.message,
                "connection lost; the one that was to replace it does so now"
            );
            next.tell(Order::ConfirmAgain);
            if next.settled {
                self.lanes[index].recovered();
            }
            self.lanes[index].current = Some(next);
            self.rotated(index, false);
            return;
        }
        if is_final {
            let channels = self.lanes[index].channels();
            let concerned = |channel: &Channel| channels.binary_search(channel).is_ok();
            state.fanout.open_gap(ended.last_data, GapCause::Refused, concerned);
            return;
        }
        let backoff = &mut self.lanes[index].backoff;
        let wait = match loss.stay_away {
            Some(wait) => backoff.after_eviction(wait),
            None if ended.delivered && loss.cause != GapCause::Refused => backoff.after_delivery(ended.lived),
            None => backoff.after_failure(),
        };
        let (cause, message) = (loss.cause.as_str(), &loss.message);
        tracing::warn!(cause, message, ?wait, "connection lost; connecting again");
        self.lanes[index].due = Some(Instant::now() + wait);
    }

    /// Who helps out with any of `channels`, or is about to get them back, says whether they arrive: then the gap is
    /// over already.
    fn ask_the_others(&self, index: usize, channels: &[Channel]) {
        let others = self.lanes.iter().enumerate().filter(|(at, _)| *at != index);
        for (_, lane) in others {
            let carries = lane.channels().iter().any(|channel| channels.binary_search(channel).is_ok());
            if let Some(run) = lane.current.as_ref().filter(|_| carries) {
                run.tell(Order::ConfirmAgain);
            }
        }
    }

    /// Tells those who read what the connection brought, unless the `next` one brings it already and this one was not
    /// behind it.
    fn announce(&self, ended: &Ended, cause: GapCause, next: Option<&Run>) {
        let is_behind = |number: u64| {
            let goal = self.state.links.of(number, Link::reached);
            goal.is_none_or(|goal| ended.reached < goal)
        };
        let next = next.map(|run| run.number).filter(|number| *number != 0 && !is_behind(*number));
        let replaced =
            |channel: &Channel| next.is_some_and(|next| self.state.cache.heard_in(channel) >= next);
        self.state.fanout.open_gap(ended.last_data, cause, |channel| {
            ended.has.binary_search(channel).is_ok() && !replaced(channel)
        });
    }

    /// The venue would refuse the same again: nothing is tried until something changes.
    fn note_refusal(&self, index: usize, ended: &Ended, loss: &Loss) {
        tracing::error!(
            message = loss.message,
            "the venue refuses what is asked of it; not trying again until that changes"
        );
        // It may have been refused before it could ask for anything.
        let version =
            if ended.version == 0 { self.lanes[index].target.borrow().version } else { ended.version };
        self.state.set_refusal(Some(Refusal { version, message: loss.message.clone() }));
    }

    /// The connection that was to take over has come to nothing: the old one goes on.
    fn next_failed(&mut self, index: usize, ended: &Ended) {
        if let (Some(current), true) = (&self.lanes[index].current, ended.number != 0) {
            self.state.cache.hand_back(&self.lanes[index].channels(), ended.number, current.number);
        }
        let why = match &ended.end {
            End::Lost(loss) => loss.message.clone(),
            End::Unreachable(error) => error.to_string(),
            End::Shutdown | End::Idle | End::Retired => "it was not needed".to_owned(),
        };
        tracing::warn!(why, "a connection could not be replaced; the old one stays");
        self.rotated(index, false);
    }

    /// A connection that was replaced is closed.
    fn retired(&mut self, index: usize, ended: &Ended) {
        if let End::Lost(loss) = &ended.end {
            // What was under way when it broke may be lost, though what came later was not.
            self.announce(ended, loss.cause, None);
            if let Some(current) = &self.lanes[index].current {
                current.tell(Order::ConfirmAgain);
            }
        }
        self.rotated(index, true);
    }

    /// The venue has what these channels of a lane should have brought: asks for them anew, or, if that has not helped
    /// or there are many, gives up the connection.
    pub(super) fn revive(&mut self, index: usize, dead: &[Channel], now: Instant) {
        let state = Arc::clone(&self.state);
        let channels = self.lanes[index].channels();
        // Where it does not stand, another one may carry its markets: that one is meant.
        let Some(run) = &self.lanes[index].current else { return };
        let known = self.vigil.ask_again(dead, now);
        tracing::warn!(number = run.number, channels = dead.len(), "the venue has data that does not arrive");
        state.counters.dead.add(dead.len() as u64);
        let heard = dead.iter().filter_map(|channel| last_received(&state.cache, channel)).min();
        let from = heard.unwrap_or_else(|| state.clock.now());
        state.fanout.open_gap(from, GapCause::Silent, |channel| dead.contains(channel));
        let many = dead.len() * 4 >= channels.len();
        run.tell(if known || many { Order::GiveUp } else { Order::AskAgain(dead.to_vec()) });
    }
}
