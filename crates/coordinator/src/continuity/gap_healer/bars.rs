//! Builds closed bars from the delivered states of candles.

use std::time::Duration;

use market_backbone_core::{Clock, Coverage, FeedEvent, TimeRange, Timestamp};
use tokio::time::Instant;

use super::{ChannelPhase, GapHealer};

/// The longest time until the clock is read again, because it may be set meanwhile.
const MAX_CLOCK_INTERVAL: Duration = Duration::from_secs(1);

impl GapHealer {
    /// Builds bars from an event that is being delivered. Returns the event, unless it comes after those bars
    /// or the reader did not ask for it.
    pub(super) fn build_bars(&mut self, number: usize, event: FeedEvent) -> Option<FeedEvent> {
        let state = &mut self.channels[number];
        let (Some(bars), FeedEvent::Candle { candle, received, .. }) = (&mut state.bars, &event) else {
            return Some(event);
        };
        bars.on_candle(candle, *received);
        self.bar_channels_due.push_back(number);
        if candle.open_time < state.shown_from {
            return None;
        }
        if candle.is_final {
            return Some(event);
        }
        // It may be the first state of a new bar: the one before closes first.
        self.after_bars = Some(event);
        None
    }

    /// Returns the next bar to deliver, or the event that waits for the last of them.
    pub(super) fn pop_bar(&mut self) -> Option<FeedEvent> {
        while let Some(number) = self.bar_channels_due.front().copied() {
            if let Some(event) = self.channels[number].bars.as_mut().and_then(|bars| bars.pop()) {
                return Some(event);
            }
            self.bar_channels_due.pop_front();
            self.fetch_half_heard(number);
        }
        self.after_bars.take()
    }

    /// Closes the bars that have ended by the clock, if it is time to check. No event may be waiting for
    /// delivery, because it may belong to them. Returns whether it was time.
    pub(in crate::continuity) fn close_due_bars(&mut self, clock: &dyn Clock) -> bool {
        let now = Instant::now();
        if self.bars_at.is_none_or(|at| now < at) {
            return false;
        }
        let venue_now = clock.now();
        let mut next = Timestamp::MAX;
        for number in 0..self.channels.len() {
            let state = &mut self.channels[number];
            let Some(bars) = &mut state.bars else { continue };
            next = next.min(bars.next_close(venue_now));
            // While events are missing, a closed bar could lack some of them.
            if state.phase == ChannelPhase::Live && state.has_live_event {
                bars.on_time(venue_now);
                self.bar_channels_due.push_back(number);
            }
        }
        self.look_at_bars(now + next.since(venue_now).min(MAX_CLOCK_INTERVAL));
        true
    }

    /// Schedules the next check of the clock at `at`.
    pub(super) fn look_at_bars(&mut self, at: Instant) {
        self.bars_at = Some(at);
        self.wake_at = self.wake_at.into_iter().chain([at]).min();
    }

    /// Queues a fetch of the slot that the bars of channel `number` wait for, if they do: it ended without a candle, and
    /// nobody had listened when it began.
    fn fetch_half_heard(&mut self, number: usize) {
        let state = &mut self.channels[number];
        let Some((open, wait)) = state.bars.as_mut().and_then(|bars| bars.request_page()) else { return };
        state.reopen_from(open);
        self.enqueue_fetch(number);
        let state = &mut self.channels[number];
        state.wait = state.wait.max(wait);
    }

    /// Records that the candles of a channel from `begin` on have been fetched. It is not known whether slots
    /// outside `coverage` were quiet, unless the channel was heard since they began.
    pub(super) fn mark_fetched_bars(
        &mut self,
        number: usize,
        (begin, asked_at): (Timestamp, Timestamp),
        coverage: &Coverage,
    ) {
        let state = &mut self.channels[number];
        if let Some(bars) = &mut state.bars {
            let interrupted = TimeRange::new(begin, asked_at.min(state.unheard_until)).ok();
            bars.fetched(interrupted, coverage, asked_at);
        }
    }

    /// Continues the bars of a channel whose fetched candles have all been delivered.
    pub(super) fn continue_bars(&mut self, number: usize) {
        if let Some(bars) = &mut self.channels[number].bars {
            bars.page_read();
            self.bar_channels_due.push_back(number);
            self.look_at_bars(Instant::now());
        }
    }
}
