//! One channel of a feed: what of it has been handed out, and what waits until something older is there.

use std::collections::VecDeque;
use std::time::Duration;

use market_backbone_core::{Candle, Channel, FeedEvent, Grid, Timeframe, Timestamp};

use super::Start;
use super::cursor::{Cursor, Mark};
use super::seen::{From, Seen};

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
    /// Up to here all has been fetched.
    fetched: Timestamp,
    /// The last moment at which it was known to be whole, by our clock; while it is live, that is now.
    pub(super) whole: Timestamp,
    held: VecDeque<FeedEvent>,
    /// More came than may be held; it is dropped until it is fetched.
    overflowed: bool,
    /// The market's audit, where both its trades and its ticker are followed.
    pub(super) audit: Option<usize>,
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
            fetched: Timestamp::MIN,
            whole,
            held: VecDeque::new(),
            overflowed: false,
            audit: None,
        }
    }

    pub(super) fn state(channel: Channel) -> Self {
        Self::new(channel, Track::State, false, Timestamp::MIN)
    }

    pub(super) fn trades(channel: &Channel, start: &Start, settling: Duration, now: Timestamp) -> Self {
        let from = |seen, has_past, whole| Self::new(channel.clone(), Track::Trades(seen), has_past, whole);
        match start {
            Start::At(moment) => from(Seen::from_moment(*moment, settling), true, *moment),
            Start::Now => from(Seen::from_now(now, settling), false, now),
            Start::After(cursor) => match cursor.mark(channel) {
                Some(Mark::Trades(mark)) => from(Seen::from_mark(mark, settling), true, mark.whole),
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
        let bars = Bars { frame, grid, due, finals: Timestamp::MIN };
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
        (self.phase, self.again, self.overflowed) = (Phase::Fetching, false, false);
        self.joined = self.joined || self.heard;
    }

    /// How far back a fetch must go.
    pub(super) fn begin(&self) -> Timestamp {
        match &self.track {
            Track::Trades(seen) => seen.begin().max(self.fetched),
            Track::Candles(bars) => bars.due,
            Track::State => Timestamp::MAX,
        }
    }

    /// All up to `newest` has been fetched, but for what may still come late.
    pub(super) fn has_fetched(&mut self, newest: Timestamp, settling: Duration) {
        self.fetched = self.fetched.max(newest.minus(settling));
    }

    /// What a cursor is to hold of it.
    pub(super) fn mark(&self, heard: Timestamp) -> Option<Mark> {
        let whole = if self.phase == Phase::Live { self.whole.max(heard) } else { self.whole };
        match &self.track {
            Track::Trades(seen) => Some(Mark::Trades(seen.mark(whole))),
            Track::Candles(bars) => Some(Mark::Candles { due: bars.due }),
            Track::State => None,
        }
    }
}

/// Which candles of a series have been handed out.
#[derive(Debug)]
pub(super) struct Bars {
    frame: Timeframe,
    grid: Grid,
    /// The open time of the oldest that has not been handed out as it will stay.
    due: Timestamp,
    /// Those that open before this have been handed out as they will stay.
    finals: Timestamp,
}

impl Bars {
    fn admit(&mut self, candle: &Candle, from: From) -> bool {
        let open = candle.open_time;
        let is_known = open < if from == From::Page { self.due } else { self.finals };
        if is_known {
            return false;
        }
        if candle.is_final {
            self.finals = self.finals.max(self.grid.close(self.frame, open));
            self.due = self.due.max(self.finals);
        }
        self.due = self.due.max(open);
        true
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
        let mut bars = Bars { frame: Timeframe::M1, grid: Grid::Utc, due, finals: Timestamp::MIN };
        assert!(!bars.admit(&candle(0, true), From::Page));
        assert!(bars.admit(&candle(1, false), From::Live));
        assert!(bars.admit(&candle(1, true), From::Page));
        assert!(!bars.admit(&candle(1, true), From::Page));
        assert!(!bars.admit(&candle(1, false), From::Live));
        assert!(bars.admit(&candle(2, false), From::Live));
        assert!(bars.admit(&candle(2, false), From::Live));
        assert_eq!(bars.due, Timestamp::from_secs(120));
    }
}
