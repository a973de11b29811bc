//! One channel of a feed: what of it has been handed out, and what waits until something older is there.

mod init;
mod join_target;

use std::collections::VecDeque;
use std::time::Duration;

use market_backbone_core::{Channel, FeedEvent, Timestamp};
use tokio::time::Instant;

use super::bar_tracker::BarTracker;
use super::candle_audit::CandleAudit;
use super::cursor::ChannelCheckpoint;
use super::delivered_candles::DeliveredCandles;
use super::delivered_trades::{DeliveredTrades, EventSource};
use super::gap_reconciler::GapReconciler;
use super::trade_rank::{KnownTrade, TradeRank};

const MINUTE: Duration = Duration::from_secs(60);
/// How long the first stretch of a past is; the others are longer or shorter, by how much was traded.
const FIRST_CHUNK_LENGTH: Duration = Duration::from_secs(600);

/// What must not be handed out twice.
#[derive(Debug)]
pub(super) enum DeliveryTracker {
    Trades(DeliveredTrades),
    Candles(DeliveredCandles),
    /// Each value replaces the one before: nothing is fetched, nothing is a repetition.
    State,
}

/// Where a channel stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChannelPhase {
    /// Events go through.
    Live,
    /// Events wait: the feed is interrupted, or has not begun.
    Held,
    /// Events wait for a fetch that waits for its turn.
    Queued,
    /// Events wait for a fetch.
    Fetching,
    /// What was fetched does not join what was heard yet; it is asked for again at [`ChannelState::retry_at`].
    AwaitingRetry,
    /// Its past is there; events wait until that of the others is, too.
    CaughtUp,
}

#[derive(Debug)]
pub(super) struct ChannelState {
    pub(super) channel: Channel,
    pub(super) tracker: DeliveryTracker,
    pub(super) phase: ChannelPhase,
    /// Its past is asked for.
    pub(super) has_past: bool,
    /// The live side has brought something of it.
    pub(super) has_live_event: bool,
    /// It had been heard when its past was last fetched, so that nothing can lie between the two.
    pub(super) is_joined: bool,
    /// Between the beginning of a gap and the moment at which events arrive again.
    pub(super) is_down: bool,
    /// What is being fetched will not be all that is missing.
    pub(super) needs_refetch: bool,
    /// What has been fetched of its trades and is not handed out yet.
    pub(super) reconciler: GapReconciler,
    /// The first trade heard after the gap: up to there the pages must reach.
    pub(super) join_target: Option<KnownTrade>,
    /// The first trade heard after what is missing since [`again`](Self::needs_refetch).
    next_join_target: Option<KnownTrade>,
    /// That one was heard live; else the venue said that it was the latest.
    is_target_live: bool,
    /// What happens from then on is heard; with the next trade, if that is not known.
    pub(super) heard_from: Option<Timestamp>,
    /// When events began to arrive again.
    pub(super) resumed_at: Instant,
    /// When it is asked for again.
    pub(super) retry_at: Option<Instant>,
    /// How long to wait before the next fetch.
    pub(super) wait: Duration,
    /// How long the stretches are by which its past is fetched.
    pub(super) chunk_length: Duration,
    /// The stamp that had moved the cursor it begins after, if one had that cannot be true.
    pub(super) invalid_stamp: Option<Timestamp>,
    /// When one began to listen.
    listening_since: Instant,
    /// Up to here all has been fetched.
    fetched_until: Timestamp,
    /// The last moment at which it was known to be whole, by our clock; while it is live, that is now.
    pub(super) complete_until: Timestamp,
    held: VecDeque<FeedEvent>,
    /// More came than may be held; it is dropped until it is fetched.
    pub(super) overflowed: bool,
    /// The market's audit, where both its trades and its ticker are followed.
    pub(super) volume_audit: Option<usize>,
    /// The lanes of a market's candles, if this is the lane of its trades and they are compared.
    pub(super) candle_channels: Vec<usize>,
    /// What compares the two, if this is the lane of such candles.
    pub(super) candle_audit: Option<CandleAudit>,
    /// The bars that are made of these candles, if any are.
    pub(super) bars: Option<BarTracker>,
    /// Candles that open before this are not handed out themselves.
    pub(super) shown_from: Timestamp,
}

impl ChannelState {
    fn new(channel: Channel, tracker: DeliveryTracker, has_past: bool, complete_until: Timestamp) -> Self {
        Self {
            channel,
            tracker,
            phase: ChannelPhase::Live,
            has_past,
            has_live_event: false,
            is_joined: !has_past,
            is_down: false,
            needs_refetch: false,
            reconciler: GapReconciler::default(),
            join_target: None,
            next_join_target: None,
            is_target_live: false,
            heard_from: None,
            resumed_at: Instant::now(),
            retry_at: None,
            wait: Duration::ZERO,
            chunk_length: FIRST_CHUNK_LENGTH,
            invalid_stamp: None,
            listening_since: Instant::now(),
            fetched_until: Timestamp::MIN,
            complete_until,
            held: VecDeque::new(),
            overflowed: false,
            volume_audit: None,
            candle_channels: Vec::new(),
            candle_audit: None,
            bars: None,
            shown_from: Timestamp::MIN,
        }
    }

    /// Whether what is missing of it can be fetched.
    pub(super) fn is_backfillable(&self) -> bool {
        !matches!(self.tracker, DeliveryTracker::State)
    }

    /// Whether `event` is due and was not handed out; if so, it is taken for handed out.
    pub(super) fn admit(&mut self, event: &FeedEvent, from: EventSource) -> bool {
        match (&mut self.tracker, event) {
            (DeliveryTracker::Trades(seen), FeedEvent::Trade(trade)) => seen.admit(trade, from),
            (DeliveryTracker::Candles(bars), FeedEvent::Candle { candle, .. }) => bars.admit(candle, from),
            _ => true,
        }
    }

    /// Whether `event` is a trade of a page that would be handed out.
    pub(super) fn is_missing(&self, event: &FeedEvent) -> bool {
        match (&self.tracker, event) {
            (DeliveryTracker::Trades(seen), FeedEvent::Trade(trade)) => seen.wants(trade, EventSource::Page),
            _ => false,
        }
    }

    /// Lets `event` wait; of a state only the latest. What is more than `depth` is left to be fetched.
    pub(super) fn hold(&mut self, event: FeedEvent, depth: usize) {
        if !self.is_backfillable() {
            self.held.clear();
        } else if self.overflowed {
            return;
        } else if self.held.len() >= depth {
            self.held.clear();
            self.overflowed = true;
            self.extend_gap();
            self.needs_refetch = true;
            return;
        }
        self.held.push_back(event);
    }

    /// What waited.
    pub(super) fn release(&mut self) -> VecDeque<FeedEvent> {
        std::mem::take(&mut self.held)
    }

    /// All trades that were heard lately, handed out or not.
    pub(super) fn ranks(&self) -> Vec<TradeRank> {
        let DeliveryTracker::Trades(seen) = &self.tracker else { return Vec::new() };
        let held = self.held.iter().filter_map(|event| match event {
            FeedEvent::Trade(trade) => Some(TradeRank::of(trade)),
            _ => None,
        });
        seen.ranks().into_iter().chain(held).collect()
    }

    /// Its trades are being compared from `moment` on: until that is over, any of them may turn out to be missing.
    pub(super) fn set_audited_since(&mut self, moment: Option<Timestamp>) {
        if let DeliveryTracker::Trades(seen) = &mut self.tracker {
            seen.set_open_since(moment);
        }
    }

    /// The trade of the highest rank that has been handed out.
    pub(super) fn top(&self) -> Option<&KnownTrade> {
        match &self.tracker {
            DeliveryTracker::Trades(seen) => seen.top(),
            _ => None,
        }
    }

    /// The newest trade that the pages must show whatever comes: the one that was handed out, or, where nothing says yet
    /// up to where they must reach, one that waits because it came late.
    pub(super) fn newest_known(&self) -> Option<KnownTrade> {
        let top = self.top().cloned();
        if self.join_target.is_some() || self.needs_refetch {
            return top;
        }
        let held = self.held.iter().filter_map(|event| match event {
            FeedEvent::Trade(trade) => Some(KnownTrade::of(trade)),
            _ => None,
        });
        held.chain(top).max_by(|one, other| one.rank.cmp(&other.rank))
    }

    /// Has what is to be audited, and when, if this is a lane of candles that are no shorter than a minute.
    pub(super) fn audit_against(&mut self, trades: usize, wait: Duration) -> bool {
        match &self.tracker {
            DeliveryTracker::Candles(DeliveredCandles { frame, grid, .. }) if frame.typical() >= MINUTE => {
                self.candle_audit = Some(CandleAudit::new(trades, *frame, *grid, wait));
                true
            }
            _ => false,
        }
    }

    /// What was handed out of the candles from the slot of `moment` on was not as it will stay: it is due once more.
    pub(super) fn reopen_from(&mut self, moment: Timestamp) {
        if let DeliveryTracker::Candles(bars) = &mut self.tracker {
            bars.reopen_from(moment);
        }
    }

    /// All that was due once more has been handed out.
    pub(super) fn clear_reopened(&mut self) {
        if let DeliveryTracker::Candles(bars) = &mut self.tracker {
            bars.clear_reopened();
        }
    }

    /// It is `now`: the clock may have been set since one began to listen.
    pub(super) fn adjust_for_clock(&mut self, now: Timestamp) {
        if let DeliveryTracker::Trades(seen) = &mut self.tracker {
            seen.adjust_listening_since(now.minus(self.listening_since.elapsed()));
        }
    }

    /// How far back a fetch must go.
    pub(super) fn due_from(&self) -> Timestamp {
        match &self.tracker {
            DeliveryTracker::Trades(seen) => seen.due_from().max(self.fetched_until),
            DeliveryTracker::Candles(bars) => bars.due_from(),
            DeliveryTracker::State => Timestamp::MAX,
        }
    }

    /// All up to `newest` has been fetched, but for what may still come late.
    pub(super) fn mark_fetched(&mut self, newest: Timestamp, settling: Duration) {
        self.fetched_until = self.fetched_until.max(newest.minus(settling));
    }

    /// What a cursor is to hold of it; of candles, where trades from `lacking` on may still be missing.
    pub(super) fn checkpoint(
        &self,
        heard: Timestamp,
        lacking: Option<Timestamp>,
    ) -> Option<ChannelCheckpoint> {
        let whole = if self.phase == ChannelPhase::Live {
            self.complete_until.max(heard)
        } else {
            self.complete_until
        };
        match &self.tracker {
            DeliveryTracker::Trades(seen) => Some(ChannelCheckpoint::Trades(seen.checkpoint(whole))),
            DeliveryTracker::Candles(bars) => {
                let unproven = self.candle_audit.as_ref().and_then(|closing| closing.unproven(lacking));
                Some(ChannelCheckpoint::Candles {
                    due: unproven.unwrap_or(Timestamp::MAX).min(bars.due_from()),
                })
            }
            DeliveryTracker::State => None,
        }
    }
}
