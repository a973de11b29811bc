//! From what is missing to what was fetched: when it is asked for, how often, and what came of it.

use std::time::Duration;

use market_backbone_core::{
    Coverage, FeedEvent, Gap, GapCause, GapState, Loss, Priority, StreamKind, Timestamp, Trade,
};
use tokio::time::Instant;

use super::{Care, Item};
use crate::continuity::backlog::{Archive, Caught, FIRST_PAGE, Found, Order, Walked};
use crate::continuity::lane::{Lane, Phase};
use crate::continuity::mending::{Ends, Judgement, Mending};
use crate::continuity::rank::after;
use crate::continuity::seen::From;

/// A past that is older than this is fetched by stretches, and the rest at once.
const NEAR: Duration = Duration::from_secs(120);
const LONGEST_STRETCH: Duration = Duration::from_secs(86_400);
const SHORTEST_STRETCH: Duration = Duration::from_secs(30);
/// A stretch of fewer pages than this is too short, and one of more than that too long.
const PAGES: (u32, u32) = (4, 16);
/// Of a past that is fetched by stretches no more events than this wait for the reader.
const MOST_READY: usize = 20_000;

impl Care {
    /// Has what `number` is missing fetched, once more if it is being fetched.
    pub(super) fn ask_for(&mut self, number: usize) {
        let lane = &mut self.lanes[number];
        match lane.phase {
            _ if !lane.is_fetched() || lane.is_down => {}
            Phase::Fetching => lane.again = true,
            Phase::Queued => {}
            Phase::Live | Phase::Held | Phase::Caught | Phase::Waiting => {
                (lane.phase, lane.again_at, lane.wait) = (Phase::Queued, None, self.config.page_lag);
                self.queued.push_back(number);
            }
        }
    }

    /// Asks again where a pause is over.
    pub(super) fn ask_again(&mut self, now: Instant) {
        for number in 0..self.lanes.len() {
            let lane = &mut self.lanes[number];
            if lane.again_at.take_if(|at| *at <= now).is_some() && lane.phase == Phase::Waiting {
                (lane.phase, lane.wait) = (Phase::Queued, Duration::ZERO);
                self.queued.push_back(number);
            }
        }
    }

    /// The next fetch to begin, if there is one.
    pub(in crate::continuity) fn next_order(
        &mut self,
        priority: Priority,
        archive: &Archive,
    ) -> Option<Order> {
        // Trades and candles count against different budgets of most venues: in turn, neither waits for the other.
        let other = |number: &usize| self.lanes[*number].channel.kind != self.ordered;
        let turn = self.queued.iter().position(other).unwrap_or(0);
        let number = *self.queued.get(turn)?;
        self.lanes[number].set_right(archive.clock.now());
        let until = self.stretch(number, archive);
        if until.is_some() && self.ready.len() > MOST_READY {
            return None; // the reader comes by again once it has taken some
        }
        self.queued.remove(turn);
        self.ordered = self.lanes[number].channel.kind;
        let lane = &mut self.lanes[number];
        lane.fetch_begins();
        // What is asked once more is asked from elsewhere and in pages of another size: no answer is a copy of an earlier
        // one, and what is missing in the middle of a page is not in the middle of two.
        let is_repeat = until.is_none() && lane.mending.walks() % 2 == 1;
        let shown = lane.mending.shown(lane.goal.as_ref()).filter(|_| is_repeat);
        let before = match until {
            Some(until) => archive.pages.trade_cursor(until),
            None => shown.map(after),
        };
        let page = archive.pages.capabilities().trade_page;
        let count = match (shown, until) {
            (Some(_), _) => lane.mending.most_of_it().min(page * 3 / 5),
            // A stretch of the past is as long as a page.
            (None, Some(_)) => page,
            (None, None) => page.min(FIRST_PAGE).saturating_sub(u32::from(is_repeat)),
        };
        let grows = shown.is_none();
        let needed = lane.whole.minus(self.config.settling);
        let (channel, begin, wait) = (lane.channel.clone(), lane.begin(), lane.wait);
        Some(Order { lane: number, channel, begin, until, needed, priority, wait, count, grows, before })
    }

    /// The end of the stretch that is to be fetched next, if the past of a lane is so long that it comes by stretches.
    fn stretch(&mut self, number: usize, archive: &Archive) -> Option<Timestamp> {
        let lane = &self.lanes[number];
        let now = archive.clock.now();
        let is_far = |begin: Timestamp| begin.plus(NEAR * 2) < now;
        if self.catching.is_none() || lane.channel.kind != StreamKind::Trade || !is_far(lane.begin()) {
            return None;
        }
        archive.pages.trade_cursor(now)?;
        let kept_since = archive.kept_since();
        if lane.begin() < kept_since {
            self.is_too_old(number, kept_since, archive);
        }
        let lane = &self.lanes[number];
        let begin = lane.begin();
        let midnight = Timestamp::from_secs((begin.as_secs().div_euclid(86_400) + 1) * 86_400);
        let until = begin.plus(lane.stretch).min(midnight).min(now.minus(NEAR));
        is_far(begin).then_some(until)
    }

    /// The venue has nothing of a lane from before `kept_since`: that is told before anything is fetched.
    fn is_too_old(&mut self, number: usize, kept_since: Timestamp, archive: &Archive) {
        let lane = &mut self.lanes[number];
        let begin = lane.begin();
        let days = archive.pages.capabilities().trade_days;
        // Unless it was whole since: then it was only quiet for so long.
        let is_missed = begin.max(lane.whole.minus(self.config.settling)) < kept_since;
        lane.has_fetched(kept_since.plus(self.config.settling), self.config.settling);
        if let Some(catching) = self.catching.as_mut().filter(|_| is_missed) {
            let (asked, loss) = ((begin, kept_since), Loss::TooOld { days });
            let told = catching.remember(number, &self.lanes[number], asked, &Coverage::empty(), Some(&loss));
            self.tell(told);
        }
    }

    /// A fetch has ended.
    pub(in crate::continuity) fn caught(&mut self, caught: Caught) {
        let Caught { lane: number, found, asked_at } = caught;
        self.lanes[number].phase = Phase::Held;
        match found {
            Found::Trades(walked) => self.walked(number, walked, asked_at),
            Found::Stretch(walked, until) => self.stretched(number, walked, until),
            Found::Candles { events, coverage, loss } => {
                self.fetched(number, events, &coverage, loss.as_ref(), asked_at);
            }
        }
        self.catch_up_if_done();
    }

    /// The pages of a lane's trades have been gone through once.
    fn walked(&mut self, number: usize, walked: Walked, asked_at: Timestamp) {
        let is_catching = self.catching.is_some();
        let is_wounded = self.wounds.concern(number);
        let lane = &mut self.lanes[number];
        let mut mending = std::mem::take(&mut lane.mending);
        if lane.is_down {
            mending.keep(walked);
            lane.mending = mending;
            return;
        }
        lane.doubts_end(&self.delay);
        let heard = lane.ranks();
        let before = lane.newest_known();
        let now = Instant::now();
        // What is not all that is missing may end anywhere: no silence is told by it.
        let is_all = is_wounded && !lane.again;
        let quiet_for = if is_all { self.config.quiet_for } else { Duration::ZERO };
        let ends = Ends {
            before: before.as_ref(),
            after: lane.goal.as_ref(),
            heard: &heard,
            doubt_until: lane.resumed_at + quiet_for,
            was_asked: !is_wounded && !is_catching,
        };
        let judgement = mending.judge(walked, &ends, &self.config, now);
        let loss = match judgement {
            Judgement::Again(pause) => {
                let at = now + pause;
                (lane.mending, lane.phase, lane.again_at) = (mending, Phase::Waiting, Some(at));
                self.alarm = self.alarm.into_iter().chain([at]).min();
                return;
            }
            Judgement::Whole => None,
            Judgement::Torn(loss) => Some(loss),
        };
        // What comes first after a silence is looked at once more: pages may have been later than one waited.
        lane.joined = lane.goal.is_some();
        if !lane.again {
            lane.goal = None;
        }
        let trades = mending.take();
        let coverage = Walked::coverage(&trades, loss.as_ref(), lane.begin(), asked_at);
        self.fetched(number, events(trades), &coverage, loss.as_ref(), asked_at);
    }

    /// A stretch of a lane's past is there.
    fn stretched(&mut self, number: usize, mut walked: Walked, until: Timestamp) {
        let (cut, pages) = (walked.cut.take(), walked.pages);
        let torn = walked.is_torn.then(|| Loss::Unproven { message: "its pages do not join".into() });
        let unreadable = (walked.unreadable > 0).then(|| {
            let message = format!("{} trades of its pages could not be read", walked.unreadable);
            Loss::Unproven { message: message.into() }
        });
        let loss = cut.or(torn).or(unreadable);
        let mut mending = Mending::default();
        mending.keep(walked);
        let mut trades = mending.take();
        trades.retain(|trade| trade.time < until);
        let begin = self.lanes[number].begin();
        let coverage = Walked::coverage(&trades, loss.as_ref(), begin, until);
        if let Some(catching) = &mut self.catching {
            let told =
                catching.remember(number, &self.lanes[number], (begin, until), &coverage, loss.as_ref());
            self.tell(told);
        }
        let lane = &mut self.lanes[number];
        lane.has_fetched(until.plus(self.config.settling), self.config.settling);
        lane.stretch = match pages {
            few if few < PAGES.0 => (lane.stretch * 2).min(LONGEST_STRETCH),
            many if many > PAGES.1 => (lane.stretch / 2).max(SHORTEST_STRETCH),
            _ => lane.stretch,
        };
        let data = |event| Item::Data { lane: number, from: From::Page, event };
        self.ready.extend(events(trades).into_iter().map(data));
        if !lane.is_down {
            (lane.phase, lane.wait) = (Phase::Queued, Duration::ZERO);
            self.queued.push_back(number);
        }
    }

    /// All that will be had of what a lane is missing is there.
    fn fetched(
        &mut self,
        number: usize,
        events: Vec<FeedEvent>,
        coverage: &Coverage,
        loss: Option<&Loss>,
        asked_at: Timestamp,
    ) {
        let begin = self.lanes[number].begin();
        let lacking = self.settle_audit(number, &events);
        let loss = loss.or(lacking.as_ref());
        let is_catching = self.catching.is_some();
        if let Some(catching) = &mut self.catching {
            let asked = (begin, asked_at);
            let told = catching.remember(number, &self.lanes[number], asked, coverage, loss);
            catching.complete(number);
            self.tell(told);
        }
        let lane = &mut self.lanes[number];
        if let Some(FeedEvent::Trade(newest)) = events.last() {
            lane.has_fetched(newest.time, self.config.settling);
        }
        let data = |from| move |event| Item::Data { lane: number, from, event };
        self.ready.extend(events.into_iter().map(data(From::Page)));
        if lane.again {
            let since = lane.whole;
            lane.goes_on();
            let is_told = is_catching || loss.is_some_and(|loss| self.wounds.lose(number, loss));
            if let Some(loss) = loss.filter(|_| !is_told) {
                let lost = lost(&self.lanes[number], (since, asked_at), loss.clone());
                self.tell([lost]);
            }
            self.ask_for(number);
        } else if !lane.is_down {
            let since = lane.whole;
            lane.whole = lane.whole.max(asked_at);
            if is_catching {
                lane.phase = Phase::Caught;
            } else {
                self.go_live(number);
            }
            let is_told = is_catching || self.wounds.concern(number);
            let told = self.wounds.healed(number, loss);
            self.tell(told);
            if let Some(loss) = loss.filter(|_| !is_told) {
                let lost = lost(&self.lanes[number], (since, asked_at), loss.clone());
                self.tell([lost]);
            }
        }
    }

    /// Tells of the lanes that begin after a cursor which a stamp from the future had moved.
    pub(super) fn tell_what_was_moved(&mut self, now: Timestamp) {
        let moved = self.lanes.iter().filter_map(|lane| {
            let stamp = lane.moved_by?;
            let message = format!(
                "a trade stamped {stamp} had moved the cursor; what happened before {} may not have been delivered",
                lane.whole
            );
            tracing::warn!(channel = %lane.channel.symbol, message);
            Some(lost(lane, (lane.whole, now), Loss::Unproven { message: message.into() }))
        });
        let told: Vec<_> = moved.collect();
        self.tell(told);
    }
}

fn events(trades: Vec<Trade>) -> Vec<FeedEvent> {
    trades.into_iter().map(FeedEvent::Trade).collect()
}

/// A gap of one lane that nobody was told of.
fn lost(lane: &Lane, (from, to): (Timestamp, Timestamp), why: Loss) -> Gap {
    Gap {
        state: GapState::Lost,
        channels: [lane.channel.clone()].into(),
        from: from.min(to),
        to: Some(to),
        cause: GapCause::Absent,
        why: Some(why),
    }
}
