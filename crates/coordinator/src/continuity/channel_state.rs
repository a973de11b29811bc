//! The state of one channel of a feed: what has been delivered, and what waits for something older.

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
/// The length of the first part of a past; later parts are longer or shorter, depending on the number of
/// trades.
const FIRST_CHUNK_LENGTH: Duration = Duration::from_secs(600);

/// The record of what must not be delivered twice.
#[derive(Debug)]
pub(super) enum DeliveryTracker {
    Trades(DeliveredTrades),
    Candles(DeliveredCandles),
    /// Each value replaces the one before: nothing is fetched, and nothing is a duplicate.
    State,
}

/// The phase of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChannelPhase {
    /// Events are delivered as they arrive.
    Live,
    /// Events wait: the feed is interrupted, or has not begun.
    Held,
    /// Events wait for a fetch that is queued.
    Queued,
    /// Events wait for a fetch in flight.
    Fetching,
    /// The fetched events do not join the live ones yet; they are fetched again at [`ChannelState::retry_at`].
    AwaitingRetry,
    /// The channel's past is there; its events wait until that of the others is there too.
    CaughtUp,
}

#[derive(Debug)]
pub(super) struct ChannelState {
    pub(super) channel: Channel,
    pub(super) tracker: DeliveryTracker,
    pub(super) phase: ChannelPhase,
    /// `true` if its past is requested.
    pub(super) has_past: bool,
    /// `true` once the live side has delivered any event of it.
    pub(super) has_live_event: bool,
    /// The newest snapshot that was delivered. The venue repeats it whenever a subscription changes.
    pub(super) delivered_snapshot: Option<TradeRank>,
    /// `true` if it was live when its past was last fetched, so that nothing can lie between the two.
    pub(super) is_joined: bool,
    /// `true` between the beginning of a gap and the moment at which events arrive again.
    pub(super) is_down: bool,
    /// `true` if the fetch in flight will not cover everything that is missing.
    pub(super) needs_refetch: bool,
    /// The fetched trades that are not delivered yet.
    pub(super) reconciler: GapReconciler,
    /// The first trade after the gap: the pages must reach up to it.
    pub(super) join_target: Option<KnownTrade>,
    /// The first trade after what is missing beyond the fetch in flight
    /// ([`needs_refetch`](Self::needs_refetch)).
    next_join_target: Option<KnownTrade>,
    /// `true` if that trade arrived live; otherwise the venue reported it as its latest.
    is_target_live: bool,
    /// The venue time from which live events arrive; if unknown, it is set with the next trade.
    pub(super) heard_from: Option<Timestamp>,
    /// The time at which events began to arrive again.
    pub(super) resumed_at: Instant,
    /// The moment from which every event has arrived, by the local clock; [`MAX`](Timestamp::MAX) while none does.
    pub(super) unheard_until: Timestamp,
    /// The time at which it is fetched again.
    pub(super) retry_at: Option<Instant>,
    /// The wait before the next fetch.
    pub(super) wait: Duration,
    /// The length of the parts in which its past is fetched.
    pub(super) chunk_length: Duration,
    /// The impossible timestamp that had moved the cursor it begins after, if there was one.
    pub(super) invalid_stamp: Option<Timestamp>,
    /// The time at which listening began.
    listening_since: Instant,
    /// The moment up to which everything has been fetched.
    fetched_until: Timestamp,
    /// The last moment at which the channel was known to be complete, by the local clock; while it is live,
    /// that is now.
    pub(super) complete_until: Timestamp,
    held: VecDeque<FeedEvent>,
    /// `true` if more arrived than may be held; the rest is dropped and fetched later.
    pub(super) overflowed: bool,
    /// The index of the market's audit, where both its trades and its ticker are followed.
    pub(super) volume_audit: Option<usize>,
    /// The indices of the channels with the market's candles, if this is its channel of trades and they are
    /// compared.
    pub(super) candle_channels: Vec<usize>,
    /// The audit of these candles against the trades, if this is a channel of candles that are compared.
    pub(super) candle_audit: Option<CandleAudit>,
    /// The bars built from these candles, if any are.
    pub(super) bars: Option<BarTracker>,
    /// The open time before which candles are not delivered themselves.
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
            delivered_snapshot: None,
            is_joined: !has_past,
            is_down: false,
            needs_refetch: false,
            reconciler: GapReconciler::default(),
            join_target: None,
            next_join_target: None,
            is_target_live: false,
            heard_from: None,
            resumed_at: Instant::now(),
            unheard_until: Timestamp::MAX,
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

    /// Returns whether missing events of the channel can be fetched.
    pub(super) fn is_backfillable(&self) -> bool {
        !matches!(self.tracker, DeliveryTracker::State)
    }

    /// Returns whether `event` is due and was not delivered yet, and records it as delivered.
    pub(super) fn admit(&mut self, event: &FeedEvent, from: EventSource) -> bool {
        match (&mut self.tracker, event) {
            (DeliveryTracker::Trades(seen), FeedEvent::Trade(trade)) => seen.admit(trade, from),
            (DeliveryTracker::Candles(bars), FeedEvent::Candle { candle, .. }) => bars.admit(candle, from),
            _ => true,
        }
    }

    /// Returns whether `event` is a live trade from before what is remembered.
    pub(super) fn is_too_late(&self, event: &FeedEvent, from: EventSource) -> bool {
        match (&self.tracker, event) {
            (DeliveryTracker::Trades(seen), FeedEvent::Trade(trade)) => seen.is_too_late(trade, from),
            _ => false,
        }
    }

    /// Returns whether `event` is a trade of a page that would be delivered.
    pub(super) fn is_missing(&self, event: &FeedEvent) -> bool {
        match (&self.tracker, event) {
            (DeliveryTracker::Trades(seen), FeedEvent::Trade(trade)) => seen.wants(trade, EventSource::Page),
            _ => false,
        }
    }

    /// Holds `event` back; of a state only the latest. Events beyond `depth` are left to be fetched.
    pub(super) fn hold(&mut self, event: FeedEvent, depth: usize) {
        if !self.is_backfillable() {
            self.held.clear();
        } else if self.overflowed {
            return;
        } else if self.held.len() >= depth {
            self.held.clear();
            self.overflowed = true;
            self.unheard_until = Timestamp::MAX;
            self.extend_gap();
            self.needs_refetch = true;
            return;
        }
        self.held.push_back(event);
    }

    /// Returns the events that were held back.
    pub(super) fn release(&mut self) -> VecDeque<FeedEvent> {
        std::mem::take(&mut self.held)
    }

    /// Returns the ranks of all recent trades, delivered or not.
    pub(super) fn ranks(&self) -> Vec<TradeRank> {
        let DeliveryTracker::Trades(seen) = &self.tracker else { return Vec::new() };
        let held = self.held.iter().filter_map(|event| match event {
            FeedEvent::Trade(trade) => Some(TradeRank::of(trade)),
            _ => None,
        });
        seen.ranks().into_iter().chain(held).collect()
    }

    /// Sets the moment from which its trades are being compared: until that is finished, any of them may turn
    /// out to be missing.
    pub(super) fn set_audited_since(&mut self, moment: Option<Timestamp>) {
        if let DeliveryTracker::Trades(seen) = &mut self.tracker {
            seen.set_open_since(moment);
        }
    }

    /// Returns the delivered trade with the highest rank.
    pub(super) fn top(&self) -> Option<&KnownTrade> {
        match &self.tracker {
            DeliveryTracker::Trades(seen) => seen.top(),
            _ => None,
        }
    }

    /// Returns the newest trade that the pages must show in any case: the delivered one or, where there is no
    /// join target yet, one that waits because it came late.
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

    /// Starts the audit of this channel's candles against the channel `trades`, if they are of a minute or longer.
    /// Returns whether it did.
    pub(super) fn audit_against(&mut self, trades: usize, wait: Duration) -> bool {
        match &self.tracker {
            DeliveryTracker::Candles(DeliveredCandles { frame, grid, .. }) if frame.typical() >= MINUTE => {
                self.candle_audit = Some(CandleAudit::new(trades, *frame, *grid, wait));
                true
            }
            _ => false,
        }
    }

    /// Makes the candles from the slot of `moment` on due once more, because they were not delivered in their
    /// final state.
    pub(super) fn reopen_from(&mut self, moment: Timestamp) {
        if let DeliveryTracker::Candles(bars) = &mut self.tracker {
            bars.reopen_from(moment);
        }
    }

    /// Records that everything that was due once more has been delivered.
    pub(super) fn clear_reopened(&mut self) {
        if let DeliveryTracker::Candles(bars) = &mut self.tracker {
            bars.clear_reopened();
        }
    }

    /// Adjusts the start of listening to `now`: the clock may have been set since then.
    pub(super) fn adjust_for_clock(&mut self, now: Timestamp) {
        if let DeliveryTracker::Trades(seen) = &mut self.tracker {
            seen.adjust_listening_since(now.minus(self.listening_since.elapsed()));
        }
    }

    /// Returns how far back a fetch must go.
    pub(super) fn due_from(&self) -> Timestamp {
        match &self.tracker {
            DeliveryTracker::Trades(seen) => seen.due_from().max(self.fetched_until),
            DeliveryTracker::Candles(bars) => bars.due_from(),
            DeliveryTracker::State => Timestamp::MAX,
        }
    }

    /// Records that everything up to `newest` has been fetched, except for trades that may still come late.
    pub(super) fn mark_fetched(&mut self, newest: Timestamp, allowed_lateness: Duration) {
        self.fetched_until = self.fetched_until.max(newest.minus(allowed_lateness));
    }

    /// Returns the channel's part of a cursor. Of candles it is limited where trades from `lacking` on may
    /// still be missing.
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
