//! One channel of a feed: what of it has been handed out, and what waits until something older is there.

use std::collections::VecDeque;
use std::time::Duration;

use market_backbone_core::{Candle, Channel, FeedEvent, Grid, Timeframe, Timestamp, Trade};
use tokio::time::Instant;

use super::Start;
use super::closing::Closing;
use super::cursor::{Cursor, Mark};
use super::mending::Mending;
use super::rank::{Known, Rank};
use super::seen::{From, Seen};

const MINUTE: Duration = Duration::from_secs(60);
/// How long the first stretch of a past is; the others are longer or shorter, by how much was traded.
const STRETCH: Duration = Duration::from_secs(600);
/// So many closed candles are known one by one; what is older stays as it was handed out.
const MAX_DONE: usize = 64;

/// What must not be handed out twice.
#[derive(Debug)]
pub(super) enum Track {
    Trades(Seen),
    Candles(Bars),
    /// Each value replaces the one before: nothing is fetched, nothing is a repetition.
    State,
}

/// Where a channel stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Events go through.
    Live,
    /// Events wait: the feed is interrupted, or has not begun.
    Held,
    /// Events wait for a fetch that waits for its turn.
    Queued,
    /// Events wait for a fetch.
    Fetching,
    /// What was fetched does not join what was heard yet; it is asked for again at [`Lane::again_at`].
    Waiting,
    /// Its past is there; events wait until that of the others is, too.
    Caught,
}

#[derive(Debug)]
pub(super) struct Lane {
    pub(super) channel: Channel,
    pub(super) track: Track,
    pub(super) phase: Phase,
    /// Its past is asked for.
    pub(super) has_past: bool,
    /// The live side has brought something of it.
    pub(super) heard: bool,
    /// It had been heard when its past was last fetched, so that nothing can lie between the two.
    pub(super) joined: bool,
    /// Between the beginning of a gap and the moment at which events arrive again.
    pub(super) is_down: bool,
    /// What is being fetched will not be all that is missing.
    pub(super) again: bool,
    /// What has been fetched of its trades and is not handed out yet.
    pub(super) mending: Mending,
    /// The first trade heard after the gap: up to there the pages must reach.
    pub(super) goal: Option<Known>,
    /// The first trade heard after what is missing since [`again`](Self::again).
    later: Option<Known>,
    /// What happens from then on is heard; with the next trade, if that is not known.
    pub(super) back: Option<Timestamp>,
    /// When events began to arrive again.
    pub(super) resumed_at: Instant,
    /// When it is asked for again.
    pub(super) again_at: Option<Instant>,
    /// How long to wait before the next fetch.
    pub(super) wait: Duration,
    /// How long the stretches are by which its past is fetched.
    pub(super) stretch: Duration,
    /// The stamp that had moved the cursor it begins after, if one had that cannot be true.
    pub(super) moved_by: Option<Timestamp>,
    /// When one began to listen.
    since: Instant,
    /// Up to here all has been fetched.
    fetched: Timestamp,
    /// The last moment at which it was known to be whole, by our clock; while it is live, that is now.
    pub(super) whole: Timestamp,
    held: VecDeque<FeedEvent>,
    /// More came than may be held; it is dropped until it is fetched.
    pub(super) overflowed: bool,
    /// The market's audit, where both its trades and its ticker are followed.
    pub(super) audit: Option<usize>,
    /// The lanes of a market's candles, if this is the lane of its trades and they are compared.
    pub(super) candles: Vec<usize>,
    /// What compares the two, if this is the lane of such candles.
    pub(super) closing: Option<Closing>,
}

impl Lane {
    fn new(channel: Channel, track: Track, has_past: bool, whole: Timestamp) -> Self {
        Self {
            channel,
            track,
            phase: Phase::Live,
            has_past,
            heard: false,
            joined: !has_past,
            is_down: false,
            again: false,
            mending: Mending::default(),
            goal: None,
            later: None,
            back: None,
            resumed_at: Instant::now(),
            again_at: None,
            wait: Duration::ZERO,
            stretch: STRETCH,
            moved_by: None,
            since: Instant::now(),
            fetched: Timestamp::MIN,
            whole,
            held: VecDeque::new(),
            overflowed: false,
            audit: None,
            candles: Vec::new(),
            closing: None,
        }
    }

    pub(super) fn state(channel: Channel) -> Self {
        Self::new(channel, Track::State, false, Timestamp::MIN)
    }

    pub(super) fn trades(
        channel: &Channel,
        start: &Start,
        (settling, ahead): (Duration, Duration),
        now: Timestamp,
    ) -> Self {
        let from = |seen, has_past, whole| Self::new(channel.clone(), Track::Trades(seen), has_past, whole);
        match start {
            Start::At(moment) => from(Seen::from_moment(*moment, settling), true, *moment),
            Start::Now => from(Seen::from_now(now, settling), false, now),
            Start::After(cursor) => match cursor.mark(channel) {
                Some(Mark::Trades(mark)) => match mark.set_right(now, ahead) {
                    None => from(Seen::from_mark(mark, settling), true, mark.whole),
                    Some(right) => Self {
                        moved_by: Some(mark.newest),
                        ..from(Seen::from_mark(&right, settling).without_top(), true, right.whole)
                    },
                },
                _ => from(Seen::from_now(now, settling), false, now),
            },
        }
    }

    pub(super) fn candles(
        channel: Channel,
        frame: Timeframe,
        start: &Start,
        grid: Grid,
        now: Timestamp,
    ) -> Self {
        let known = |cursor: &Cursor| match cursor.mark(&channel) {
            Some(Mark::Candles { due }) => Some(*due),
            _ => None,
        };
        let past = match start {
            Start::Now => None,
            Start::At(moment) => Some(grid.ceil(frame, *moment)),
            Start::After(cursor) => known(cursor),
        };
        let due = past.unwrap_or_else(|| grid.floor(frame, now));
        let bars = Bars::new(frame, grid, due);
        Self::new(channel, Track::Candles(bars), past.is_some(), due)
    }

    /// Whether what is missing of it can be fetched.
    pub(super) fn is_fetched(&self) -> bool {
        !matches!(self.track, Track::State)
    }

    /// Whether `event` is due and was not handed out; if so, it is taken for handed out.
    pub(super) fn admit(&mut self, event: &FeedEvent, from: From) -> bool {
        match (&mut self.track, event) {
            (Track::Trades(seen), FeedEvent::Trade(trade)) => seen.admit(trade, from),
            (Track::Candles(bars), FeedEvent::Candle { candle, .. }) => bars.admit(candle, from),
            _ => true,
        }
    }

    /// Whether `event` is a trade of a page that would be handed out.
    pub(super) fn lacks(&self, event: &FeedEvent) -> bool {
        match (&self.track, event) {
            (Track::Trades(seen), FeedEvent::Trade(trade)) => seen.wants(trade, From::Page),
            _ => false,
        }
    }

    /// Lets `event` wait; of a state only the latest. What is more than `depth` is left to be fetched.
    pub(super) fn hold(&mut self, event: FeedEvent, depth: usize) {
        if !self.is_fetched() {
            self.held.clear();
        } else if self.overflowed {
            return;
        } else if self.held.len() >= depth {
            self.held.clear();
            self.overflowed = true;
            self.grows();
            self.again = true;
            return;
        }
        self.held.push_back(event);
    }

    /// What waited.
    pub(super) fn release(&mut self) -> VecDeque<FeedEvent> {
        std::mem::take(&mut self.held)
    }

    /// A fetch begins now: what comes from now on waits again.
    pub(super) fn fetch_begins(&mut self) {
        (self.phase, self.again_at) = (Phase::Fetching, None);
        if std::mem::take(&mut self.overflowed) {
            (self.later, self.back) = (None, None);
        }
        match self.track {
            // What was begun is proven up to where it was to go, and then the rest.
            Track::Trades(_) if self.again && self.goal.is_some() && self.mending.walks() > 0 => {}
            Track::Trades(_) => {
                if std::mem::take(&mut self.again) {
                    self.goal = self.later.take();
                }
            }
            _ => (self.again, self.joined) = (false, self.joined || self.heard),
        }
    }

    /// Something is missing from now on: what was heard so far says nothing of its end.
    pub(super) fn lose_goal(&mut self) {
        (self.goal, self.later, self.back) = (None, None, None);
        self.mending.doubt();
    }

    /// More is missing than was, up to what is heard next. What is being fetched is still good up to where it was to go.
    pub(super) fn grows(&mut self) {
        (self.later, self.back) = (None, None);
        if self.phase == Phase::Fetching || self.mending.walks() > 0 {
            self.again = true;
        } else {
            self.goal = None;
        }
    }

    /// What was to be fetched is there, and more is missing.
    pub(super) fn goes_on(&mut self) {
        (self.again, self.goal) = (false, self.later.take());
    }

    /// A trade has come that can have been heard no sooner than at `earliest`. If what happened after it is heard, up to it
    /// the pages must reach.
    pub(super) fn sees_end(&mut self, trade: &Trade, earliest: Option<Timestamp>) {
        let Track::Trades(seen) = &self.track else { return };
        // Two clocks may tell of it: what is heard is heard after it.
        let back = self.back.map_or(trade.received, |back| back.min(trade.received));
        self.back = Some(back);
        // What is heard once more, or is older than what was handed out, says nothing of the present.
        let known = Known::of(trade);
        let is_new = seen.top().is_none_or(|top| top.rank < known.rank);
        let end = if self.again { &mut self.later } else { &mut self.goal };
        if !self.overflowed && is_new && end.is_none() && earliest.is_some_and(|earliest| earliest >= back) {
            *end = Some(known);
        }
    }

    /// The venue says that this was its latest trade when it began to speak again.
    pub(super) fn sees_latest(&mut self, trade: &Trade) {
        let known = Known::of(trade);
        let end = if self.again { &mut self.later } else { &mut self.goal };
        if !self.overflowed && end.as_ref().is_none_or(|end| end.rank < known.rank) {
            *end = Some(known);
        }
    }

    /// All trades that were heard lately, handed out or not.
    pub(super) fn ranks(&self) -> Vec<Rank> {
        let Track::Trades(seen) = &self.track else { return Vec::new() };
        let held = self.held.iter().filter_map(|event| match event {
            FeedEvent::Trade(trade) => Some(Rank::of(trade)),
            _ => None,
        });
        seen.ranks().into_iter().chain(held).collect()
    }

    /// Its trades are being compared from `moment` on: until that is over, any of them may turn out to be missing.
    pub(super) fn is_compared_since(&mut self, moment: Option<Timestamp>) {
        if let Track::Trades(seen) = &mut self.track {
            seen.is_open_since(moment);
        }
    }

    /// The trade of the highest rank that has been handed out.
    pub(super) fn top(&self) -> Option<&Known> {
        match &self.track {
            Track::Trades(seen) => seen.top(),
            _ => None,
        }
    }

    /// The newest trade that the pages must show whatever comes: the one that was handed out, or, where nothing says yet
    /// up to where they must reach, one that waits because it came late.
    pub(super) fn newest_known(&self) -> Option<Known> {
        let top = self.top().cloned();
        if self.goal.is_some() || self.again {
            return top;
        }
        let held = self.held.iter().filter_map(|event| match event {
            FeedEvent::Trade(trade) => Some(Known::of(trade)),
            _ => None,
        });
        held.chain(top).max_by(|one, other| one.rank.cmp(&other.rank))
    }

    /// Has what is to be audited, and when, if this is a lane of candles that are no shorter than a minute.
    pub(super) fn audit_against(&mut self, trades: usize, wait: Duration) -> bool {
        match &self.track {
            Track::Candles(Bars { frame, grid, .. }) if frame.typical() >= MINUTE => {
                self.closing = Some(Closing::new(trades, *frame, *grid, wait));
                true
            }
            _ => false,
        }
    }

    /// What was handed out of the candles from the slot of `moment` on was not as it will stay: it is due once more.
    pub(super) fn step_back(&mut self, moment: Timestamp) {
        if let Track::Candles(bars) = &mut self.track {
            bars.step_back(moment);
        }
    }

    /// All that was due once more has been handed out.
    pub(super) fn mended(&mut self) {
        if let Track::Candles(bars) = &mut self.track {
            bars.owed = None;
        }
    }

    /// It is `now`: the clock may have been set since one began to listen.
    pub(super) fn set_right(&mut self, now: Timestamp) {
        if let Track::Trades(seen) = &mut self.track {
            seen.began(now.minus(self.since.elapsed()));
        }
    }

    /// How far back a fetch must go.
    pub(super) fn begin(&self) -> Timestamp {
        match &self.track {
            Track::Trades(seen) => seen.begin().max(self.fetched),
            Track::Candles(bars) => bars.begin(),
            Track::State => Timestamp::MAX,
        }
    }

    /// All up to `newest` has been fetched, but for what may still come late.
    pub(super) fn has_fetched(&mut self, newest: Timestamp, settling: Duration) {
        self.fetched = self.fetched.max(newest.minus(settling));
    }

    /// What a cursor is to hold of it; of candles, where trades from `lacking` on may still be missing.
    pub(super) fn mark(&self, heard: Timestamp, lacking: Option<Timestamp>) -> Option<Mark> {
        let whole = if self.phase == Phase::Live { self.whole.max(heard) } else { self.whole };
        match &self.track {
            Track::Trades(seen) => Some(Mark::Trades(seen.mark(whole))),
            Track::Candles(bars) => {
                let unproven = self.closing.as_ref().and_then(|closing| closing.unproven(lacking));
                Some(Mark::Candles { due: unproven.unwrap_or(Timestamp::MAX).min(bars.begin()) })
            }
            Track::State => None,
        }
    }
}

/// Which candles of a series have been handed out.
#[derive(Debug)]
pub(super) struct Bars {
    frame: Timeframe,
    grid: Grid,
    /// Nothing from before this is due.
    floor: Timestamp,
    /// The open time of the oldest that has not been handed out as it will stay,
    due: Timestamp,
    /// but for those from here on, which seemed to have been and were not.
    owed: Option<Timestamp>,
    /// Those that open before this have been handed out as they will stay.
    finals: Timestamp,
    /// The last ones of which that is known of each, by open time.
    done: VecDeque<Timestamp>,
}

impl Bars {
    const fn new(frame: Timeframe, grid: Grid, due: Timestamp) -> Self {
        let finals = Timestamp::MIN;
        let done = VecDeque::new();
        Self { frame, grid, floor: due, due, owed: None, finals, done }
    }

    fn admit(&mut self, candle: &Candle, from: From) -> bool {
        let open = candle.open_time;
        let begin = if from == From::Page { self.begin() } else { self.finals };
        if open < begin || self.done.contains(&open) {
            return false;
        }
        if candle.is_final {
            self.done(open);
        }
        self.due = self.due.max(open);
        true
    }

    fn done(&mut self, open: Timestamp) {
        let close = self.grid.close(self.frame, open);
        self.finals = self.finals.max(close);
        self.due = self.due.max(close);
        self.owed = self.owed.map(|owed| if owed <= open { close } else { owed });
        self.done.push_back(open);
        if self.done.len() > MAX_DONE
            && let Some(oldest) = self.done.pop_front()
        {
            self.floor = self.floor.max(self.grid.close(self.frame, oldest));
        }
    }

    /// How far back a fetch must go.
    fn begin(&self) -> Timestamp {
        self.owed.unwrap_or(Timestamp::MAX).min(self.due)
    }

    fn step_back(&mut self, moment: Timestamp) {
        let open = self.grid.floor(self.frame, moment).max(self.floor);
        self.owed = Some(self.begin().min(open));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candle(minute: i64, is_final: bool) -> Candle {
        let open_time = Timestamp::from_secs(60 * minute);
        Candle { open_time, open: 1.0, high: 1.0, low: 1.0, close: 1.0, volume: 1.0, turnover: 1.0, is_final }
    }

    #[test]
    fn a_closed_candle_comes_once_and_never_goes_back_to_being_in_progress() {
        let due = Timestamp::from_secs(60);
        let mut bars = Bars::new(Timeframe::M1, Grid::Utc, due);
        assert!(!bars.admit(&candle(0, true), From::Page));
        assert!(bars.admit(&candle(1, false), From::Live));
        assert!(bars.admit(&candle(1, true), From::Page));
        assert!(!bars.admit(&candle(1, true), From::Page));
        assert!(!bars.admit(&candle(1, false), From::Live));
        assert!(bars.admit(&candle(2, false), From::Live));
        assert!(bars.admit(&candle(2, false), From::Live));
        assert_eq!(bars.due, Timestamp::from_secs(120));
    }

    #[test]
    fn a_candle_that_turned_out_wrong_comes_once_more_and_those_that_stay_do_not() {
        let mut bars = Bars::new(Timeframe::M1, Grid::Utc, Timestamp::EPOCH);
        assert!(bars.admit(&candle(0, false), From::Live));
        assert!(bars.admit(&candle(1, true), From::Page));
        assert!(bars.admit(&candle(2, false), From::Live));
        bars.step_back(Timestamp::from_secs(59));
        assert!(bars.admit(&candle(3, false), From::Live), "what waited before the gap was noticed");
        assert_eq!(bars.begin(), Timestamp::EPOCH);
        let page = [0, 1, 2].map(|minute| bars.admit(&candle(minute, true), From::Page));
        assert_eq!(page, [true, false, true]);
        assert_eq!(bars.begin(), Timestamp::from_secs(180));
        assert!(!bars.admit(&candle(2, false), From::Live));
        bars.step_back(Timestamp::from_secs(-1));
        assert_eq!(bars.begin(), Timestamp::EPOCH, "nothing from before the beginning");
    }
}
