//! The state of a feed from the past until it has caught up with the present.

use std::sync::Arc;

use market_backbone_core::{ChannelHistory, Coverage, Gap, GapCause, GapState, LossReason, Timestamp};
use tokio::time::Instant;

use super::channel_state::ChannelState;
use super::channel_table::ChannelTable;

#[derive(Debug)]
pub(super) struct CatchUp {
    /// The time from which the past is fetched even of channels without any live event.
    pub(super) deadline: Option<Instant>,
    histories: Vec<Option<ChannelHistory>>,
    /// For each channel, whether its whole past is there.
    completed: Vec<bool>,
}

impl CatchUp {
    pub(super) fn new(channels: usize, deadline: Instant) -> Self {
        Self { deadline: Some(deadline), histories: vec![None; channels], completed: vec![false; channels] }
    }

    /// Records what is known about a channel's past, which was fetched from `begin` on, and returns the gap to
    /// report, if any.
    pub(super) fn record(
        &mut self,
        number: usize,
        state: &ChannelState,
        (begin, asked_at): (Timestamp, Timestamp),
        coverage: &Coverage,
        loss: Option<&LossReason>,
    ) -> Option<Gap> {
        let place = self.histories.get_mut(number).filter(|_| state.has_past)?;
        let to = coverage.spans().first().map_or(asked_at, |span| span.range.from()).max(begin);
        let channel = state.channel.clone();
        let none = || ChannelHistory { channel: channel.clone(), coverage: Coverage::empty(), loss: None };
        let history = place.get_or_insert_with(none);
        history.coverage.merge(coverage);
        history.loss = history.loss.take().or(loss.cloned());
        Some(Gap {
            state: GapState::Lost,
            channels: [channel].into(),
            from: begin,
            to: Some(to),
            cause: GapCause::Absent,
            loss: Some(loss?.clone()),
        })
    }

    /// Records that a channel's past is there, as far as it is available.
    pub(super) fn complete(&mut self, number: usize) {
        if let Some(done) = self.completed.get_mut(number) {
            *done = true;
        }
    }

    /// Returns whether the past of every channel is there.
    pub(super) fn is_done(&self, states: &ChannelTable) -> bool {
        states.iter().zip(&self.completed).all(|(state, done)| *done || !state.has_past)
    }

    pub(super) fn histories(self) -> Arc<[ChannelHistory]> {
        self.histories.into_iter().flatten().collect()
    }
}
