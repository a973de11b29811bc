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
            let (heard, state) = (self.last_heard_at, &mut self.channels[number]);
            if gap.cause == GapCause::Lagged && state.phase != ChannelPhase::Live {
                state.extend_gap();
                continue;
            }
            (state.is_down, state.unheard_until) = (true, Timestamp::MAX);
            state.clear_join_target();
            if state.phase == ChannelPhase::AwaitingRetry {
                (state.phase, state.retry_at) = (ChannelPhase::Held, None);
            } else if state.phase == ChannelPhase::Live {
                state.phase = ChannelPhase::Held;
                state.complete_until = state.complete_until.max(heard.min(gap.from));
                if let Some(bars) = &state.bars {
                    // The last states of closed bars come late, and may have been lost too.
                    let window = bars.revision_window().max(self.config.allowed_lateness);
                    state.reopen_from(state.complete_until.minus(window));
                }
            }
            if let Some(audit) = state.volume_audit {
                self.volume_audits[audit].suspend();
            }
        }
        let reports = self.open_gaps.open(gap);
        self.notify([reports]);
    }

    /// Fetches what a gap that is over has cost its channels.
    pub(super) fn gap_resumed(&mut self, gap: &Gap) {
        let gap = self.channels.name_channels(gap.clone());
        let numbers = self.channels.fetched_of(&gap);
        for number in &numbers {
            let state = &mut self.channels[*number];
            let is_lag = gap.cause == GapCause::Lagged;
            (state.is_down, state.resumed_at) = (false, Instant::now());
            state.unheard_until = gap.to.unwrap_or(Timestamp::MAX);
            if state.join_target.is_none() && !state.needs_refetch {
                // Events that are read after a lag arrived before they were read.
                state.heard_from = gap.to.filter(|_| !is_lag);
            }
            if !(is_lag && state.phase == ChannelPhase::AwaitingRetry) {
                self.enqueue_fetch(*number);
            }
        }
        let reports = self.open_gaps.resume(&gap, &numbers);
        self.notify(reports);
    }

    /// Handles dropped events of unknown channels.
    pub(super) fn reader_lagged(&mut self, now: Timestamp) {
        let up = |state: &&ChannelState| !state.is_down;
        let channels: Arc<[Channel]> =
            self.channels.iter().filter(up).map(|state| state.channel.clone()).collect();
        if channels.is_empty() {
            return;
        }
        let gap = self.gap(channels, (self.last_heard_at, now), GapCause::Lagged);
        let is_healing = |number: usize| {
            let state = &self.channels[number];
            state.is_down
                || !state.is_backfillable()
                || (state.phase != ChannelPhase::Live && self.open_gaps.is_healing(number))
        };
        let is_known = self.channels.iter().filter(up).any(ChannelState::is_backfillable)
            && (0..self.channels.len()).all(is_healing);
        if is_known {
            // If a gap of all channels is being healed already, it is extended.
            for number in 0..self.channels.len() {
                let state = &mut self.channels[number];
                if state.is_down || !state.is_backfillable() {
                    continue;
                }
                state.extend_gap();
                (state.resumed_at, state.unheard_until) = (Instant::now(), now);
                if state.phase != ChannelPhase::AwaitingRetry {
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
