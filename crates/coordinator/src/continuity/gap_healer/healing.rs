//! From what is missing to what was fetched: when it is asked for, how often, and what came of it.

use std::time::Duration;

use market_backbone_core::{
    Coverage, FeedEvent, Gap, GapCause, GapState, LossReason, Priority, StreamKind, Timestamp, Trade,
};
use tokio::time::Instant;

use super::{GapHealer, QueuedEvent};
use crate::continuity::backfill::{
    BackfillData, BackfillRequest, BackfillResult, BackfillSource, FIRST_PAGE, TradeWalkResult,
};
use crate::continuity::channel_state::{ChannelPhase, ChannelState};
use crate::continuity::delivered_trades::EventSource;
use crate::continuity::gap_reconciler::{GapBounds, GapReconciler, HealDecision};
use crate::continuity::trade_rank::successor_id;

/// A past that is older than this is fetched by stretches, and the rest at once.
const NEAR: Duration = Duration::from_secs(120);
const MAX_CHUNK_LENGTH: Duration = Duration::from_secs(86_400);
const MIN_CHUNK_LENGTH: Duration = Duration::from_secs(30);
/// A stretch of fewer pages than this is too short, and one of more than that too long.
const CHUNK_PAGES: (u32, u32) = (4, 16);
/// Of a past that is fetched by stretches no more events than this wait for the reader.
const MOST_READY: usize = 20_000;

impl GapHealer {
    /// Has what `number` is missing fetched, once more if it is being fetched.
    pub(super) fn enqueue_fetch(&mut self, number: usize) {
        let lane = &mut self.channels[number];
        match lane.phase {
            _ if !lane.is_backfillable() || lane.is_down => {}
            ChannelPhase::Fetching => lane.needs_refetch = true,
            ChannelPhase::Queued => {}
            ChannelPhase::Live
            | ChannelPhase::Held
            | ChannelPhase::CaughtUp
            | ChannelPhase::AwaitingRetry => {
                (lane.phase, lane.retry_at, lane.wait) = (ChannelPhase::Queued, None, self.config.page_lag);
                self.queued.push_back(number);
            }
        }
    }

    /// Asks again where a pause is over.
    pub(super) fn enqueue_retries(&mut self, now: Instant) {
        for number in 0..self.channels.len() {
            let lane = &mut self.channels[number];
            if lane.retry_at.take_if(|at| *at <= now).is_some() && lane.phase == ChannelPhase::AwaitingRetry {
                (lane.phase, lane.wait) = (ChannelPhase::Queued, Duration::ZERO);
                self.queued.push_back(number);
            }
        }
    }

    /// The next fetch to begin, if there is one.
    pub(in crate::continuity) fn next_backfill(
        &mut self,
        priority: Priority,
        archive: &BackfillSource,
    ) -> Option<BackfillRequest> {
        // Trades and candles count against different budgets of most venues: in turn, neither waits for the other.
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
        let lane = &mut self.channels[number];
        lane.begin_fetch();
        // What is asked once more is asked from elsewhere and in pages of another size: no answer is a copy of an earlier
        // one, and what is missing in the middle of a page is not in the middle of two.
        let is_repeat = until.is_none() && lane.reconciler.walks() % 2 == 1;
        let shown = lane.reconciler.repeat_start(lane.join_target.as_ref()).filter(|_| is_repeat);
        let before = match until {
            Some(until) => archive.pages.trade_cursor(until),
            None => shown.map(successor_id),
        };
        let page = archive.pages.capabilities().trade_page;
        let count = match (shown, until) {
            (Some(_), _) => lane.reconciler.repeat_page_size().min(page * 3 / 5),
            // A stretch of the past is as long as a page.
            (None, Some(_)) => page,
            (None, None) => page.min(FIRST_PAGE).saturating_sub(u32::from(is_repeat)),
        };
        let grows = shown.is_none();
        let needed = lane.complete_until.minus(self.config.allowed_lateness);
        let (channel, begin, wait) = (lane.channel.clone(), lane.due_from(), lane.wait);
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
            before,
        })
    }

    /// The end of the stretch that is to be fetched next, if the past of a lane is so long that it comes by stretches.
    fn next_chunk_end(&mut self, number: usize, archive: &BackfillSource) -> Option<Timestamp> {
        let lane = &self.channels[number];
        let now = archive.clock.now();
        let is_far = |begin: Timestamp| begin.plus(NEAR * 2) < now;
        if self.catch_up.is_none() || lane.channel.kind != StreamKind::Trade || !is_far(lane.due_from()) {
            return None;
        }
        archive.pages.trade_cursor(now)?;
        let kept_since = archive.kept_since();
        if lane.due_from() < kept_since {
            self.report_too_old(number, kept_since, archive);
        }
        let lane = &self.channels[number];
        let begin = lane.due_from();
        let midnight = Timestamp::from_secs((begin.as_secs().div_euclid(86_400) + 1) * 86_400);
        let until = begin.plus(lane.chunk_length).min(midnight).min(now.minus(NEAR));
        is_far(begin).then_some(until)
    }

    /// The venue has nothing of a lane from before `kept_since`: that is told before anything is fetched.
    fn report_too_old(&mut self, number: usize, kept_since: Timestamp, archive: &BackfillSource) {
        let lane = &mut self.channels[number];
        let begin = lane.due_from();
        let days = archive.pages.capabilities().trade_days;
        // Unless it was whole since: then it was only quiet for so long.
        let is_missed = begin.max(lane.complete_until.minus(self.config.allowed_lateness)) < kept_since;
        lane.mark_fetched(kept_since.plus(self.config.allowed_lateness), self.config.allowed_lateness);
        if let Some(catching) = self.catch_up.as_mut().filter(|_| is_missed) {
            let (asked, loss) = ((begin, kept_since), LossReason::TooOld { days });
            let told =
                catching.record(number, &self.channels[number], asked, &Coverage::empty(), Some(&loss));
            self.notify(told);
        }
    }

    /// A fetch has ended.
    pub(in crate::continuity) fn handle_backfill(&mut self, result: BackfillResult) {
        let BackfillResult { lane: number, found, asked_at } = result;
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

    /// The pages of a lane's trades have been gone through once.
    fn handle_walk(&mut self, number: usize, walked: TradeWalkResult, asked_at: Timestamp) {
        let is_catching = self.catch_up.is_some();
        let is_healing = self.open_gaps.is_healing(number);
        let lane = &mut self.channels[number];
        let mut reconciler = std::mem::take(&mut lane.reconciler);
        if lane.is_down {
            reconciler.merge_unchecked(walked);
            lane.reconciler = reconciler;
            return;
        }
        lane.drop_late_join_target(&self.trade_latency);
        let heard = lane.ranks();
        let before = lane.newest_known();
        let now = Instant::now();
        // What is not all that is missing may end anywhere: no silence is told by it.
        let is_all = is_healing && !lane.needs_refetch;
        let quiet_for = if is_all { self.config.quiet_period } else { Duration::ZERO };
        let ends = GapBounds {
            before: before.as_ref(),
            after: lane.join_target.as_ref(),
            heard_ranks: &heard,
            uncertain_until: lane.resumed_at + quiet_for,
            was_fetched_before: !is_healing && !is_catching,
        };
        let decision = reconciler.check(walked, &ends, &self.config, now);
        let loss = match decision {
            HealDecision::Retry(pause) => {
                let at = now + pause;
                (lane.reconciler, lane.phase, lane.retry_at) =
                    (reconciler, ChannelPhase::AwaitingRetry, Some(at));
                self.wake_at = self.wake_at.into_iter().chain([at]).min();
                return;
            }
            HealDecision::Complete => None,
            HealDecision::Incomplete(loss) => Some(loss),
        };
        // What comes first after a silence is looked at once more: pages may have been later than one waited.
        lane.is_joined = lane.join_target.is_some();
        if !lane.needs_refetch {
            lane.join_target = None;
        }
        let trades = reconciler.take();
        let coverage = TradeWalkResult::coverage(&trades, loss.as_ref(), lane.due_from(), asked_at);
        self.finish_fetch(number, events(trades), &coverage, loss.as_ref(), asked_at);
    }

    /// A stretch of a lane's past is there.
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
            let told =
                catching.record(number, &self.channels[number], (begin, until), &coverage, loss.as_ref());
            self.notify(told);
        }
        let lane = &mut self.channels[number];
        lane.mark_fetched(until.plus(self.config.allowed_lateness), self.config.allowed_lateness);
        lane.chunk_length = match pages {
            few if few < CHUNK_PAGES.0 => (lane.chunk_length * 2).min(MAX_CHUNK_LENGTH),
            many if many > CHUNK_PAGES.1 => (lane.chunk_length / 2).max(MIN_CHUNK_LENGTH),
            _ => lane.chunk_length,
        };
        let data = |event| QueuedEvent::Data { channel_index: number, from: EventSource::Page, event };
        self.ready.extend(events(trades).into_iter().map(data));
        if !lane.is_down {
            (lane.phase, lane.wait) = (ChannelPhase::Queued, Duration::ZERO);
            self.queued.push_back(number);
        }
    }

    /// All that will be had of what a lane is missing is there.
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
        self.mark_interrupted(number, (begin, asked_at), coverage);
        let loss = loss.or(lacking.as_ref());
        let is_catching = self.catch_up.is_some();
        if let Some(catching) = &mut self.catch_up {
            let asked = (begin, asked_at);
            let told = catching.record(number, &self.channels[number], asked, coverage, loss);
            catching.complete(number);
            self.notify(told);
        }
        let lane = &mut self.channels[number];
        if let Some(FeedEvent::Trade(newest)) = events.last() {
            lane.mark_fetched(newest.time, self.config.allowed_lateness);
        }
        let data = |from| move |event| QueuedEvent::Data { channel_index: number, from, event };
        self.ready.extend(events.into_iter().map(data(EventSource::Page)));
        if lane.needs_refetch {
            let since = lane.complete_until;
            lane.advance_join_target();
            let is_told = is_catching || loss.is_some_and(|loss| self.open_gaps.record_loss(number, loss));
            if let Some(loss) = loss.filter(|_| !is_told) {
                let lost = lost_gap(&self.channels[number], (since, asked_at), loss.clone());
                self.notify([lost]);
            }
            self.enqueue_fetch(number);
        } else if !lane.is_down {
            let since = lane.complete_until;
            lane.complete_until = lane.complete_until.max(asked_at);
            if is_catching {
                lane.phase = ChannelPhase::CaughtUp;
            } else {
                self.go_live(number);
            }
            let is_told = is_catching || self.open_gaps.is_healing(number);
            let told = self.open_gaps.channel_healed(number, loss);
            self.notify(told);
            if let Some(loss) = loss.filter(|_| !is_told) {
                let lost = lost_gap(&self.channels[number], (since, asked_at), loss.clone());
                self.notify([lost]);
            }
        }
    }

    /// Tells of the lanes that begin after a cursor which a stamp from the future had moved.
    pub(super) fn notify_moved_cursors(&mut self, now: Timestamp) {
        let moved = self.channels.iter().filter_map(|lane| {
            let stamp = lane.invalid_stamp?;
            let message = format!(
                "a trade stamped {stamp} had moved the cursor; what happened before {} may not have been delivered",
                lane.complete_until
            );
            tracing::warn!(channel = %lane.channel.symbol, message);
            Some(lost_gap(lane, (lane.complete_until, now), LossReason::Unproven { message: message.into() }))
        });
        let told: Vec<_> = moved.collect();
        self.notify(told);
    }
}

fn events(trades: Vec<Trade>) -> Vec<FeedEvent> {
    trades.into_iter().map(FeedEvent::Trade).collect()
}

/// A gap of one lane that nobody was told of.
fn lost_gap(lane: &ChannelState, (from, to): (Timestamp, Timestamp), why: LossReason) -> Gap {
    Gap {
        state: GapState::Lost,
        channels: [lane.channel.clone()].into(),
        from: from.min(to),
        to: Some(to),
        cause: GapCause::Absent,
        loss: Some(why),
    }
}
