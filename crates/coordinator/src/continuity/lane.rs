//! One channel of a feed: what of it has been handed out, and what waits until something older is there.

mod begin;
mod goal;

use std::collections::VecDeque;
use std::time::Duration;

use market_backbone_core::{Channel, FeedEvent, Timestamp};
use tokio::time::Instant;

use super::bars::Bars;
use super::closing::Closing;
use super::cursor::Mark;
use super::mending::Mending;
use super::rank::{Known, Rank};
use super::seen::{From, Seen};

const MINUTE: Duration = Duration::from_secs(60);
/// How long the first stretch of a past is; the others are longer or shorter, by how much was traded.
const STRETCH: Duration = Duration::from_secs(600);

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
    /// That one was heard live; else the venue said that it was the latest.
    is_end_heard: bool,
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
            is_end_heard: false,
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
            bars.mended();
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
