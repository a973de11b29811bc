//! Heals gaps: when missing events are fetched, how often, and what the result is.

use std::time::Duration;

use market_backbone_core::{
    Coverage, FeedEvent, Gap, GapCause, GapState, LossReason, Priority, StreamKind, Timestamp, Trade,
    TradeCursor, TradeCursorKind,
};
use tokio::time::Instant;

use super::{GapHealer, QueuedEvent};
use crate::continuity::backfill::{
    BackfillData, BackfillRequest, BackfillResult, BackfillSource, FIRST_PAGE, TradeWalkResult,
};
use crate::continuity::channel_state::{ChannelPhase, ChannelState};
use crate::continuity::delivered_trades::EventSource;
use crate::continuity::gap_reconciler::{GapBounds, GapReconciler, HealDecision};
use crate::trade_walk::successor_id;

/// The age from which a past is fetched in parts; newer events are fetched at once.
const NEAR: Duration = Duration::from_secs(120);
const MAX_CHUNK_LENGTH: Duration = Duration::from_secs(86_400);
const MIN_CHUNK_LENGTH: Duration = Duration::from_secs(30);
/// The bounds, in pages, of a part's length: parts with fewer pages grow, parts with more shrink.
const CHUNK_PAGES: (u32, u32) = (4, 16);
/// The most events that wait for the reader while a past is fetched in parts.
const MOST_READY: usize = 20_000;

impl GapHealer {
    /// Queues a fetch of what channel `number` is missing, or another one if a fetch is in flight.
    pub(super) fn enqueue_fetch(&mut self, number: usize) {
        let state = &mut self.channels[number];
        match state.phase {
            _ if !state.is_backfillable() || state.is_down => {}
            ChannelPhase::Fetching => state.needs_refetch = true,
            ChannelPhase::Queued => {}
            ChannelPhase::Live
            | ChannelPhase::Held
            | ChannelPhase::CaughtUp
            | ChannelPhase::AwaitingRetry => {
                (state.phase, state.retry_at, state.wait) =
                    (ChannelPhase::Queued, None, self.config.page_lag);
                self.queued.push_back(number);
            }
        }
    }

    /// Queues the fetches whose pause is over.
    pub(super) fn enqueue_retries(&mut self, now: Instant) {
        for number in 0..self.channels.len() {
            let state = &mut self.channels[number];
            if state.retry_at.take_if(|at| *at <= now).is_some() && state.phase == ChannelPhase::AwaitingRetry
            {
                (state.phase, state.wait) = (ChannelPhase::Queued, Duration::ZERO);
                self.queued.push_back(number);
            }
        }
    }

    /// Returns the next fetch to begin, if there is one.
    pub(in crate::continuity) fn next_backfill(
        &mut self,
        priority: Priority,
        archive: &BackfillSource,
    ) -> Option<BackfillRequest> {
        // At most venues trades and candles count against different limits. Alternating, neither waits for the
        // other.
        let other = |number: &usize| self.channels[*number].channel.kind != self.last_fetched_kind;
        let turn = self.queued.iter().position(other).unwrap_or(0);
        let number = *self.queued.get(turn)?;
        self.channels[number].adjust_for_clock(archive.clock.now());
        let until = self.next_chunk_end(number, archive);
        if until.is_some() && self.ready.len() > MOST_READY {
            return None; // the reader comes by again once it has taken some
        }
        self.queued.remove(turn);
        self.last_fetched_kind = self.channels[number].channel.kind;
        let state = &mut self.channels[number];
        state.begin_fetch();
        // A repeated fetch begins elsewhere and has pages of another size, so that no answer is a cached copy,
        // and what is missing in the middle of one page is not in the middle of two.
        let is_repeat = until.is_none() && state.reconciler.walks() % 2 == 1;
        let shown = state.reconciler.repeat_start(state.join_target.as_ref()).filter(|_| is_repeat);
        let cursor = match (until, shown) {
            (Some(until), _) => TradeCursor::At(until),
            (None, Some(shown)) => TradeCursor::Before(successor_id(shown)),
            (None, None) => TradeCursor::Latest,
        };
        let page = archive.pages.capabilities().trade_page;
        let count = match (shown, until) {
            (Some(_), _) => state.reconciler.repeat_page_size().min(page * 3 / 5),
            // A part of the past is as long as a page.
            (None, Some(_)) => page,
            (None, None) => page.min(FIRST_PAGE).saturating_sub(u32::from(is_repeat)),
        };
        let grows = shown.is_none();
        let needed = state.complete_until.minus(self.config.allowed_lateness);
        let (channel, begin, wait) = (state.channel.clone(), state.due_from(), state.wait);
        Some(BackfillRequest {
            channel_index: number,
            channel,
            begin,
            until,
            needed,
            priority,
            wait,
            count,
            grows,
            cursor,
        })
    }

    /// Returns the end of the next part to fetch, if the past of a channel is so long that it is fetched in
    /// parts.
    fn next_chunk_end(&mut self, number: usize, archive: &BackfillSource) -> Option<Timestamp> {
        let state = &self.channels[number];
        let now = archive.clock.now();
        let is_far = |begin: Timestamp| begin.plus(NEAR * 2) < now;
        if self.catch_up.is_none() || state.channel.kind != StreamKind::Trade || !is_far(state.due_from()) {
            return None;
        }
        if !archive.pages.capabilities().takes_cursor(TradeCursorKind::At) {
            return None;
        }
        let kept_since = archive.kept_since();
        if state.due_from() < kept_since {
            self.report_too_old(number, kept_since, archive);
        }
        let state = &self.channels[number];
        let begin = state.due_from();
        let midnight = Timestamp::from_secs((begin.as_secs().div_euclid(86_400) + 1) * 86_400);
        let until = begin.plus(state.chunk_length).min(midnight).min(now.minus(NEAR));
        is_far(begin).then_some(until)
    }

    /// Reports, before anything is fetched, that the venue has nothing of a channel from before `kept_since`.
    fn report_too_old(&mut self, number: usize, kept_since: Timestamp, archive: &BackfillSource) {
        let state = &mut self.channels[number];
        let begin = state.due_from();
        let days = archive.history_days();
        // If the channel was complete since then, it was only quiet.
        let is_missed = begin.max(state.complete_until.minus(self.config.allowed_lateness)) < kept_since;
        state.mark_fetched(kept_since.plus(self.config.allowed_lateness), self.config.allowed_lateness);
        if let Some(catching) = self.catch_up.as_mut().filter(|_| is_missed) {
            let (asked, loss) = ((begin, kept_since), LossReason::TooOld { days });
            let reports =
                catching.record(number, &self.channels[number], asked, &Coverage::empty(), Some(&loss));
            self.notify(reports);
        }
    }

    /// Processes the result of a fetch.
    pub(in crate::continuity) fn handle_backfill(&mut self, result: BackfillResult) {
        let BackfillResult { number, found, asked_at } = result;
        self.channels[number].phase = ChannelPhase::Held;
        match found {
            BackfillData::Trades(walked) => self.handle_walk(number, walked, asked_at),
            BackfillData::TradeChunk(walked, until) => self.handle_chunk(number, walked, until),
            BackfillData::Candles { events, coverage, loss } => {
                self.finish_fetch(number, events, &coverage, loss.as_ref(), asked_at);
            }
        }
        self.finish_catch_up();
    }

    /// Processes a walk through the pages of a channel's trades.
    fn handle_walk(&mut self, number: usize, walked: TradeWalkResult, asked_at: Timestamp) {
        let is_catching = self.catch_up.is_some();
        let is_healing = self.open_gaps.is_healing(number);
        let state = &mut self.channels[number];
        let mut reconciler = std::mem::take(&mut state.reconciler);
        if state.is_down {
            reconciler.merge_unchecked(walked);
            state.reconciler = reconciler;
            return;
        }
        state.drop_late_join_target(&self.trade_latency);
        let heard = state.ranks();
        let before = state.newest_known();
        let now = Instant::now();
        // A fetch of only a part of what is missing may end anywhere: it proves no silence.
        let is_all = is_healing && !state.needs_refetch;
        let quiet_for = if is_all { self.config.quiet_period } else { Duration::ZERO };
        let ends = GapBounds {
            before: before.as_ref(),
            after: state.join_target.as_ref(),
            heard_ranks: &heard,
            uncertain_until: state.resumed_at + quiet_for,
            was_fetched_before: !is_healing && !is_catching,
        };
        let decision = reconciler.check(walked, &ends, &self.config, now);
        let loss = match decision {
            HealDecision::Retry(pause) => {
                let at = now + pause;
                (state.reconciler, state.phase, state.retry_at) =
                    (reconciler, ChannelPhase::AwaitingRetry, Some(at));
                self.wake_at = self.wake_at.into_iter().chain([at]).min();
                return;
            }
            HealDecision::Complete => None,
            HealDecision::Incomplete(loss) => Some(loss),
        };
        // The first trade after a silence is checked once more, because pages may have been later than the
        // wait.
        state.is_joined = state.join_target.is_some();
        if !state.needs_refetch {
            state.join_target = None;
        }
        let trades = reconciler.take();
        let coverage = TradeWalkResult::coverage(&trades, loss.as_ref(), state.due_from(), asked_at);
        self.finish_fetch(number, events(trades), &coverage, loss.as_ref(), asked_at);
    }

    /// Processes a part of a channel's past.
    fn handle_chunk(&mut self, number: usize, mut walked: TradeWalkResult, until: Timestamp) {
        let (cut, pages) = (walked.cut_short.take(), walked.pages);
        let torn =
            walked.is_disjoint.then(|| LossReason::Unproven { message: "its pages do not join".into() });
        let unreadable = (walked.unreadable > 0).then(|| {
            let message = format!("{} trades of its pages could not be read", walked.unreadable);
            LossReason::Unproven { message: message.into() }
        });
        let loss = cut.or(torn).or(unreadable);
        let mut mending = GapReconciler::default();
        mending.merge_unchecked(walked);
        let mut trades = mending.take();
        trades.retain(|trade| trade.time < until);
        let begin = self.channels[number].due_from();
        let coverage = TradeWalkResult::coverage(&trades, loss.as_ref(), begin, until);
        if let Some(catching) = &mut self.catch_up {
            let reports =
                catching.record(number, &self.channels[number], (begin, until), &coverage, loss.as_ref());
            self.notify(reports);
        }
        let state = &mut self.channels[number];
        state.mark_fetched(until.plus(self.config.allowed_lateness), self.config.allowed_lateness);
        state.chunk_length = match pages {
            few if few < CHUNK_PAGES.0 => (state.chunk_length * 2).min(MAX_CHUNK_LENGTH),
            many if many > CHUNK_PAGES.1 => (state.chunk_length / 2).max(MIN_CHUNK_LENGTH),
            _ => state.chunk_length,
        };
        let data = |event| QueuedEvent::Data { channel_index: number, from: EventSource::Page, event };
        self.ready.extend(events(trades).into_iter().map(data));
        if !state.is_down {
            (state.phase, state.wait) = (ChannelPhase::Queued, Duration::ZERO);
            self.queued.push_back(number);
        }
    }

    /// Finishes a fetch: no more of the missing events will come.
    fn finish_fetch(
        &mut self,
        number: usize,
        events: Vec<FeedEvent>,
        coverage: &Coverage,
        loss: Option<&LossReason>,
        asked_at: Timestamp,
    ) {
        let begin = self.channels[number].due_from();
        let lacking = self.settle_audit(number, &events);
        self.mark_fetched_bars(number, (begin, asked_at), coverage);
        let loss = loss.or(lacking.as_ref());
        let is_catching = self.catch_up.is_some();
        if let Some(catching) = &mut self.catch_up {
            let asked = (begin, asked_at);
            let reports = catching.record(number, &self.channels[number], asked, coverage, loss);
            catching.complete(number);
            self.notify(reports);
        }
        let state = &mut self.channels[number];
        if let Some(FeedEvent::Trade(newest)) = events.last() {
            state.mark_fetched(newest.time, self.config.allowed_lateness);
        }
        let data = |from| move |event| QueuedEvent::Data { channel_index: number, from, event };
        self.ready.extend(events.into_iter().map(data(EventSource::Page)));
        if state.needs_refetch {
            let since = state.complete_until;
            state.advance_join_target();
            let is_told = is_catching || loss.is_some_and(|loss| self.open_gaps.record_loss(number, loss));
            if let Some(loss) = loss.filter(|_| !is_told) {
                let lost = lost_gap(&self.channels[number], (since, asked_at), loss.clone());
                self.notify([lost]);
            }
            self.enqueue_fetch(number);
        } else if !state.is_down {
            let since = state.complete_until;
            state.complete_until = state.complete_until.max(asked_at);
            if is_catching {
                state.phase = ChannelPhase::CaughtUp;
            } else {
                self.go_live(number);
            }
            let is_told = is_catching || self.open_gaps.is_healing(number);
            let reports = self.open_gaps.channel_healed(number, loss);
            self.notify(reports);
            if let Some(loss) = loss.filter(|_| !is_told) {
                let lost = lost_gap(&self.channels[number], (since, asked_at), loss.clone());
                self.notify([lost]);
            }
        }
    }

    /// Reports the channels that begin after a cursor that a timestamp in the future had moved.
    pub(super) fn notify_moved_cursors(&mut self, now: Timestamp) {
        let moved = self.channels.iter().filter_map(|state| {
            let stamp = state.invalid_stamp?;
            let message = format!(
                "a trade stamped {stamp} had moved the cursor; what happened before {} may not have been delivered",
                state.complete_until
            );
            tracing::warn!(channel = %state.channel.symbol, message);
            Some(lost_gap(state, (state.complete_until, now), LossReason::Unproven { message: message.into() }))
        });
        let reports: Vec<_> = moved.collect();
        self.notify(reports);
    }
}

fn events(trades: Vec<Trade>) -> Vec<FeedEvent> {
    trades.into_iter().map(FeedEvent::Trade).collect()
}

/// Returns a lost gap of one channel that was not reported before.
fn lost_gap(state: &ChannelState, (from, to): (Timestamp, Timestamp), why: LossReason) -> Gap {
    Gap {
        state: GapState::Lost,
        channels: [state.channel.clone()].into(),
        from: from.min(to),
        to: Some(to),
        cause: GapCause::Absent,
        loss: Some(why),
    }
}
