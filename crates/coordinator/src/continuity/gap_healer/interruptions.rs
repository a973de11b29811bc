//! Interruptions of channels: a gap that opens, one that is over, and events that a slow reader dropped.

use std::sync::Arc;

use market_backbone_core::{Channel, Gap, GapCause, GapState, Timestamp};
use tokio::time::Instant;

use super::{ChannelPhase, ChannelState, GapHealer};

impl GapHealer {
    /// Holds back the channels of a gap that begins, and reports it.
    pub(super) fn gap_opened(&mut self, gap: Gap) {
        let gap = self.channels.name_channels(gap);
        for number in self.channels.fetched_of(&gap) {
            let (heard, lane) = (self.last_heard_at, &mut self.channels[number]);
            if gap.cause == GapCause::Lagged && lane.phase != ChannelPhase::Live {
                lane.extend_gap();
                continue;
            }
            lane.is_down = true;
            lane.clear_join_target();
            if lane.phase == ChannelPhase::AwaitingRetry {
                (lane.phase, lane.retry_at) = (ChannelPhase::Held, None);
            } else if lane.phase == ChannelPhase::Live {
                lane.phase = ChannelPhase::Held;
                lane.complete_until = lane.complete_until.max(heard.min(gap.from));
                if lane.bars.is_some() {
                    // The last states of closed bars come late, and may have been lost too.
                    lane.reopen_from(lane.complete_until.minus(self.config.allowed_lateness));
                }
            }
            if let Some(audit) = lane.volume_audit {
                self.volume_audits[audit].suspend();
            }
        }
        let told = self.open_gaps.open(gap);
        self.notify([told]);
    }

    /// Fetches what a gap that is over has cost its channels.
    pub(super) fn gap_resumed(&mut self, gap: &Gap) {
        let gap = self.channels.name_channels(gap.clone());
        let lanes = self.channels.fetched_of(&gap);
        for number in &lanes {
            let lane = &mut self.channels[*number];
            let is_lag = gap.cause == GapCause::Lagged;
            (lane.is_down, lane.resumed_at) = (false, Instant::now());
            if lane.join_target.is_none() && !lane.needs_refetch {
                // Events that are read after a lag arrived before they were read.
                lane.heard_from = gap.to.filter(|_| !is_lag);
            }
            if !(is_lag && lane.phase == ChannelPhase::AwaitingRetry) {
                self.enqueue_fetch(*number);
            }
        }
        let told = self.open_gaps.resume(&gap, &lanes);
        self.notify(told);
    }

    /// Handles dropped events of unknown channels.
    pub(super) fn reader_lagged(&mut self, now: Timestamp) {
        let up = |lane: &&ChannelState| !lane.is_down;
        let channels: Arc<[Channel]> =
            self.channels.iter().filter(up).map(|lane| lane.channel.clone()).collect();
        if channels.is_empty() {
            return;
        }
        let gap = self.gap(channels, (self.last_heard_at, now), GapCause::Lagged);
        let is_healing = |number: usize| {
            let lane = &self.channels[number];
            lane.is_down
                || !lane.is_backfillable()
                || (lane.phase != ChannelPhase::Live && self.open_gaps.is_healing(number))
        };
        let is_known = self.channels.iter().filter(up).any(ChannelState::is_backfillable)
            && (0..self.channels.len()).all(is_healing);
        if is_known {
            // If a gap of all channels is being healed already, it is extended.
            for number in 0..self.channels.len() {
                let lane = &mut self.channels[number];
                if lane.is_down || !lane.is_backfillable() {
                    continue;
                }
                lane.extend_gap();
                lane.resumed_at = Instant::now();
                if lane.phase != ChannelPhase::AwaitingRetry {
                    self.enqueue_fetch(number);
                }
            }
            return;
        }
        self.record_past_gap(&gap);
    }

    /// Records a gap that is over when it is noticed.
    pub(super) fn record_past_gap(&mut self, gap: &Gap) {
        self.gap_opened(Gap { state: GapState::Opened, to: None, ..gap.clone() });
        self.gap_resumed(gap);
    }

    /// Returns a gap that is over.
    pub(super) fn gap(
        &self,
        channels: Arc<[Channel]>,
        (from, to): (Timestamp, Timestamp),
        cause: GapCause,
    ) -> Gap {
        Gap { state: GapState::Resumed, channels, from, to: Some(to.max(from)), cause, loss: None }
    }
}
