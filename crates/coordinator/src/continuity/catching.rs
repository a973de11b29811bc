//! The time until a feed from the past has caught up with the present.

use std::sync::Arc;

use market_backbone_core::{Coverage, Gap, GapCause, GapState, History, Loss, Timestamp};
use tokio::time::Instant;

use super::lane::Lane;
use super::lanes::Lanes;

#[derive(Debug)]
pub(super) struct Catching {
    /// From now on the past is fetched even of lanes of which nothing live was heard.
    pub(super) deadline: Option<Instant>,
    histories: Vec<Option<History>>,
    /// Whether all of a lane's past is there.
    done: Vec<bool>,
}

impl Catching {
    pub(super) fn new(lanes: usize, deadline: Instant) -> Self {
        Self { deadline: Some(deadline), histories: vec![None; lanes], done: vec![false; lanes] }
    }

    /// Notes what is known of a lane's past, which was fetched from `begin` on. What there is to tell of it.
    pub(super) fn remember(
        &mut self,
        number: usize,
        lane: &Lane,
        (begin, asked_at): (Timestamp, Timestamp),
        coverage: &Coverage,
        loss: Option<&Loss>,
    ) -> Option<Gap> {
        let place = self.histories.get_mut(number).filter(|_| lane.has_past)?;
        let to = coverage.spans().first().map_or(asked_at, |span| span.range.from()).max(begin);
        let channel = lane.channel.clone();
        let none = || History { channel: channel.clone(), coverage: Coverage::empty(), loss: None };
        let history = place.get_or_insert_with(none);
        history.coverage.merge(coverage);
        history.loss = history.loss.take().or(loss.cloned());
        Some(Gap {
            state: GapState::Lost,
            channels: [channel].into(),
            from: begin,
            to: Some(to),
            cause: GapCause::Absent,
            why: Some(loss?.clone()),
        })
    }

    /// All of a lane's past is there, as far as it can be had.
    pub(super) fn complete(&mut self, number: usize) {
        if let Some(done) = self.done.get_mut(number) {
            *done = true;
        }
    }

    /// Whether the past of every lane is there.
    pub(super) fn is_done(&self, lanes: &Lanes) -> bool {
        lanes.iter().zip(&self.done).all(|(lane, done)| *done || !lane.has_past)
    }

    pub(super) fn histories(self) -> Arc<[History]> {
        self.histories.into_iter().flatten().collect()
    }
}
