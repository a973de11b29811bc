//! What a feed makes of what arrives: what goes through, what waits, what is to be fetched, and what is told.
//!
//! No I/O and no time of its own: the [feed](super::Feed) polls the sources and hands over what they gave.

mod mend;
mod proof;

use std::collections::VecDeque;
use std::sync::Arc;

use market_backbone_core::{
    Channel, Clock, FeedEvent, Gap, GapCause, GapState, Horizon, Loss, StreamKind, Timestamp, Trade, VenueId,
};
use tokio::time::Instant;

use super::ContinuityConfig;
use super::audit::Audit;
use super::catching::Catching;
use super::cursor::Cursor;
use super::delay::Delay;
use super::lane::{Lane, Phase, Track};
use super::lanes::Lanes;
use super::seen::From;
use super::wounds::Wounds;

/// What waits to be handed out.
#[derive(Debug)]
enum Item {
    /// An event of a lane; whether it has been handed out already is seen when its turn comes.
    Data { lane: usize, from: From, event: FeedEvent },
    /// What a lane was missing has been handed out.
    Mended { lane: usize },
    /// Something about the feed itself.
    Word(FeedEvent),
}

#[derive(Debug)]
pub(super) struct Care {
    venue: VenueId,
    config: ContinuityConfig,
    /// How many live events of a lane may wait.
    depth: usize,
    lanes: Lanes,
    audits: Vec<Audit>,
    wounds: Wounds,
    catching: Option<Catching>,
    queued: VecDeque<usize>,
    /// The kind that was fetched last.
    ordered: StreamKind,
    ready: VecDeque<Item>,
    /// When the live side was last heard, by our clock.
    heard: Timestamp,
    horizon: Horizon,
    delay: Delay,
    /// When something is to be done though nothing arrives.
    alarm: Option<Instant>,
}

impl Care {
    pub(super) fn new(
        venue: VenueId,
        lanes: Vec<Lane>,
        depth: usize,
        is_late: bool,
        config: &ContinuityConfig,
        now: Timestamp,
    ) -> Self {
        let deadline = Instant::now() + config.confirm_within;
        let mut care = Self {
            venue,
            config: *config,
            depth,
            catching: is_late.then(|| Catching::new(lanes.len(), deadline)),
            lanes: Lanes::new(lanes),
            audits: Vec::new(),
            wounds: Wounds::default(),
            queued: VecDeque::new(),
            ordered: StreamKind::Book,
            ready: VecDeque::new(),
            heard: now,
            horizon: Horizon::new(config.ahead),
            delay: Delay::default(),
            alarm: is_late.then_some(deadline),
        };
        care.pair_audits();
        care.tell_what_was_moved(now);
        if is_late {
            care.lanes.iter_mut().for_each(|lane| lane.phase = Phase::Held);
            care.catch_up_if_done();
        }
        care
    }

    /// The live side says something.
    pub(super) fn arrived(&mut self, event: FeedEvent, clock: &dyn Clock) {
        match event {
            FeedEvent::Gap(gap) if gap.state == GapState::Opened => self.opened(gap),
            FeedEvent::Gap(gap) => self.resumed(&gap),
            FeedEvent::Lagged { .. } => self.lagged(clock.now()),
            event => self.told(event, clock.now()),
        }
    }

    /// Takes an event, unless it is stamped in the future, as of the moment at which it was heard.
    fn told(&mut self, event: FeedEvent, now: Timestamp) {
        let now = received(&event).map_or(now, |received| received.min(now));
        if self.horizon.admits(&event, now) {
            return self.happened(event);
        }
        if let Some((symbol, kind)) = event.channel() {
            tracing::warn!(%symbol, %kind, stamp = ?event.stamp(), %now, "an event is stamped in the future and left out");
        }
        for event in self.horizon.doubt(event, now) {
            self.happened(event);
        }
    }

    fn happened(&mut self, event: FeedEvent) {
        if let Some(received) = received(&event) {
            self.heard = self.heard.max(received);
        }
        let Some(number) = event.channel().and_then(|(symbol, kind)| self.lanes.find(symbol, kind)) else {
            self.ready.push_back(Item::Word(event));
            return;
        };
        if let FeedEvent::Ticker(ticker) = &event {
            self.has_heard(ticker, number);
        }
        let earliest = match &event {
            FeedEvent::Trade(trade) => self.delay.earliest(trade),
            _ => None,
        };
        let lane = &mut self.lanes[number];
        let had_goal = lane.goal.is_some();
        lane.heard = true;
        let is_live = lane.phase == Phase::Live && lane.joined;
        let event = match event {
            FeedEvent::Snapshot(trade) => self.began(number, trade, is_live),
            event => Some(event),
        };
        let lane = &mut self.lanes[number];
        if is_live {
            let data = |event| Item::Data { lane: number, from: From::Live, event };
            self.ready.extend(event.map(data));
            return;
        }
        if let Some(FeedEvent::Trade(trade)) = &event {
            lane.sees_end(trade, earliest, &self.delay);
        }
        let is_idle = matches!(lane.phase, Phase::Live | Phase::Held | Phase::Caught);
        let is_first = !lane.joined && is_idle && !lane.is_down;
        let is_end = lane.phase == Phase::Waiting && lane.goal.is_some() && !had_goal;
        if let Some(event) = event {
            lane.hold(event, self.depth);
        }
        if is_first || is_end {
            // Its past can be fetched up to here. If it was fetched before, something may lie between.
            self.ask_for(number);
        }
    }

    /// The venue shows the last trade from before it began to speak. It is one that was missed, or shows up to where
    /// nothing was, or stands for how things are.
    fn began(&mut self, number: usize, trade: Trade, is_live: bool) -> Option<FeedEvent> {
        let lane = &mut self.lanes[number];
        let Track::Trades(seen) = &lane.track else { return Some(FeedEvent::Snapshot(trade)) };
        let (is_missed, is_fresh) = (seen.concerns(&trade), seen.is_fresh());
        if !is_live {
            lane.sees_latest(&trade);
        }
        if is_missed {
            return Some(FeedEvent::Trade(trade));
        }
        if is_live && is_fresh {
            self.ready.push_back(Item::Word(FeedEvent::Snapshot(trade)));
        }
        None
    }

    fn opened(&mut self, gap: Gap) {
        let gap = self.lanes.name_channels(gap);
        for number in self.lanes.fetched_of(&gap) {
            let (heard, lane) = (self.heard, &mut self.lanes[number]);
            if gap.cause == GapCause::Lagged && lane.phase != Phase::Live {
                lane.grows();
                continue;
            }
            lane.is_down = true;
            lane.lose_goal();
            if lane.phase == Phase::Waiting {
                (lane.phase, lane.again_at) = (Phase::Held, None);
            } else if lane.phase == Phase::Live {
                lane.phase = Phase::Held;
                lane.whole = lane.whole.max(heard.min(gap.from));
            }
            if let Some(audit) = lane.audit {
                self.audits[audit].suspend();
            }
        }
        let told = self.wounds.open(gap);
        self.tell([told]);
    }

    fn resumed(&mut self, gap: &Gap) {
        let gap = self.lanes.name_channels(gap.clone());
        let lanes = self.lanes.fetched_of(&gap);
        for number in &lanes {
            let lane = &mut self.lanes[*number];
            let is_lag = gap.cause == GapCause::Lagged;
            (lane.is_down, lane.resumed_at) = (false, Instant::now());
            if lane.goal.is_none() && !lane.again {
                // What is read after a lag was heard before it was read.
                lane.back = gap.to.filter(|_| !is_lag);
            }
            if !(is_lag && lane.phase == Phase::Waiting) {
                self.ask_for(*number);
            }
        }
        let told = self.wounds.resume(&gap, &lanes);
        self.tell(told);
    }

    /// Events were dropped, nobody knows of which channels.
    fn lagged(&mut self, now: Timestamp) {
        let up = |lane: &&Lane| !lane.is_down;
        let channels: Arc<[Channel]> =
            self.lanes.iter().filter(up).map(|lane| lane.channel.clone()).collect();
        if channels.is_empty() {
            return;
        }
        let gap = self.gap(channels, (self.heard, now), GapCause::Lagged);
        let is_healing = |number: usize| {
            let lane = &self.lanes[number];
            lane.is_down || !lane.is_fetched() || (lane.phase != Phase::Live && self.wounds.concern(number))
        };
        let is_known =
            self.lanes.iter().filter(up).any(Lane::is_fetched) && (0..self.lanes.len()).all(is_healing);
        if is_known {
            // A gap of all of them is being healed already: it is a little longer.
            for number in 0..self.lanes.len() {
                let lane = &mut self.lanes[number];
                if lane.is_down || !lane.is_fetched() {
                    continue;
                }
                lane.grows();
                lane.resumed_at = Instant::now();
                if lane.phase != Phase::Waiting {
                    self.ask_for(number);
                }
            }
            return;
        }
        self.gone_through(&gap);
    }

    /// A gap that is over when it is noticed.
    fn gone_through(&mut self, gap: &Gap) {
        self.opened(Gap { state: GapState::Opened, to: None, ..gap.clone() });
        self.resumed(gap);
    }

    fn gap(&self, channels: Arc<[Channel]>, (from, to): (Timestamp, Timestamp), cause: GapCause) -> Gap {
        Gap { state: GapState::Resumed, channels, from, to: Some(to.max(from)), cause, why: None }
    }

    fn go_live(&mut self, number: usize) {
        let lane = &mut self.lanes[number];
        lane.phase = Phase::Live;
        let held = lane.release();
        self.ready.push_back(Item::Mended { lane: number });
        let data = |event| Item::Data { lane: number, from: From::Live, event };
        self.ready.extend(held.into_iter().map(data));
    }

    /// Once the past of every lane is there, says so, and lets through what is live.
    fn catch_up_if_done(&mut self) {
        let Some(catching) = self.catching.take_if(|catching| catching.is_done(&self.lanes)) else { return };
        self.ready.push_back(Item::Word(FeedEvent::CaughtUp(catching.histories())));
        for number in 0..self.lanes.len() {
            let lane = &self.lanes[number];
            if lane.is_down || matches!(lane.phase, Phase::Queued | Phase::Fetching | Phase::Waiting) {
                continue;
            }
            if lane.again {
                let channels = [lane.channel.clone()].into();
                let gap = self.gap(channels, (self.heard, self.heard), GapCause::Lagged);
                self.gone_through(&gap);
            } else {
                self.go_live(number);
            }
        }
    }

    /// When something is to be done though nothing arrives.
    pub(super) const fn deadline(&self) -> Option<Instant> {
        self.alarm
    }

    pub(super) fn on_time(&mut self, now: Instant) {
        if let Some(catching) = &mut self.catching
            && catching.deadline.take_if(|deadline| *deadline <= now).is_some()
        {
            self.fetch_unheard();
        }
        self.judge_all(now);
        self.ask_again(now);
        let start = self.catching.as_ref().and_then(|catching| catching.deadline);
        let again = self.lanes.iter().filter_map(|lane| lane.again_at).min();
        self.alarm = self.next_verdict().into_iter().chain(start).chain(again).min();
    }

    /// Has the past fetched of lanes of which nothing live was heard, those included of which nothing can be.
    fn fetch_unheard(&mut self) {
        for (number, lane) in self.lanes.iter_mut().enumerate() {
            if lane.has_past && lane.phase == Phase::Held {
                (lane.phase, lane.wait) = (Phase::Queued, self.config.page_lag);
                self.queued.push_back(number);
            }
        }
    }

    /// The next event to hand out, which is then taken for handed out.
    pub(super) fn pop(&mut self) -> Option<FeedEvent> {
        while let Some(item) = self.ready.pop_front() {
            match item {
                Item::Word(event) => return Some(event),
                Item::Data { lane: number, from, event } => {
                    let lane = &mut self.lanes[number];
                    if let Some(audit) = lane.audit {
                        lane.is_compared_since(self.audits[audit].since());
                    }
                    if !lane.admit(&event, from) {
                        continue;
                    }
                    self.has_handed_out(number, &event);
                    return Some(event);
                }
                Item::Mended { lane } => {
                    let lane = &mut self.lanes[lane];
                    // If it is being fetched once more, that will end it.
                    if lane.phase == Phase::Live {
                        lane.mended();
                    }
                }
            }
        }
        None
    }

    /// The live side has ended. What waits for something older is not handed out: a cursor stays before it.
    pub(super) fn end(&mut self) {
        self.queued.clear();
        self.catching = None;
        let told = self.wounds.give_up(&Loss::Ended);
        self.tell(told);
    }

    /// What has been handed out.
    pub(super) fn cursor(&self) -> Cursor {
        let mark = |lane: &Lane| {
            let trades = lane.closing.as_ref().map(|closing| &self.lanes[closing.trades]);
            let lacking = trades.filter(|trades| trades.phase != Phase::Live);
            let lacking = lacking.map(|trades| trades.whole.minus(self.config.settling));
            Some((lane.channel.clone(), lane.mark(self.heard, lacking)?))
        };
        let marks = self.lanes.iter().filter_map(mark);
        Cursor { venue: self.venue, marks: marks.collect() }
    }

    fn tell(&mut self, gaps: impl IntoIterator<Item = Gap>) {
        self.ready.extend(gaps.into_iter().map(|gap| Item::Word(FeedEvent::Gap(gap))));
    }
}

/// When we heard of it, by our clock.
fn received(event: &FeedEvent) -> Option<Timestamp> {
    Some(match event {
        FeedEvent::Trade(trade) | FeedEvent::Snapshot(trade) => trade.received,
        FeedEvent::Ticker(ticker) => ticker.received,
        FeedEvent::Book(book) => book.received,
        FeedEvent::Band(band) => band.received,
        FeedEvent::Candle { received, .. } => *received,
        _ => return None,
    })
}
