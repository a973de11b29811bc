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
}

impl Catching {
    pub(super) fn new(lanes: usize, deadline: Instant) -> Self {
        Self { deadline: Some(deadline), histories: vec![None; lanes] }
    }

    /// Notes what is known of a lane's past, which was fetched from `begin` on. What there is to tell of it.
    pub(super) fn remember(
        &mut self,
        number: usize,
        lane: &Lane,
        (begin, asked_at): (Timestamp, Timestamp),
        coverage: Coverage,
        loss: Option<&Loss>,
    ) -> Option<Gap> {
        let place = self.histories.get_mut(number).filter(|_| lane.has_past)?;
        if let Some(history) = place {
            history.coverage.merge(&coverage);
            return None;
        }
        let to = coverage.spans().first().map_or(asked_at, |span| span.range.from()).max(begin);
        let channel = lane.channel.clone();
        *place = Some(History { channel: channel.clone(), coverage, loss: loss.cloned() });
        Some(Gap {
            state: GapState::Lost,
            channels: [channel].into(),
            from: begin,
            to: Some(to),
            cause: GapCause::Absent,
            why: Some(loss?.clone()),
        })
    }

    /// Whether the past of every lane is there.
    pub(super) fn is_done(&self, lanes: &Lanes) -> bool {
        let mut histories = lanes.iter().zip(&self.histories);
        histories.all(|(lane, history)| history.is_some() || !lane.has_past)
    }

    pub(super) fn histories(self) -> Arc<[History]> {
        self.histories.into_iter().flatten().collect()
    }
}
