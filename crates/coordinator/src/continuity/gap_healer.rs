//! Decides what to do with each event: deliver it, hold it back, fetch missing ones, or report a gap.
//!
//! There is no I/O here and no clock: the [feed](super::Feed) polls the sources and passes on their events.

mod audits;
mod bars;
mod healing;
mod interruptions;

use std::collections::VecDeque;
use std::sync::Arc;

use market_backbone_core::{
    Clock, FeedEvent, FutureEventFilter, Gap, GapCause, GapState, LossReason, SourceError, StreamKind,
    Timestamp, Trade, VenueId,
};
use tokio::time::Instant;

use super::ContinuityConfig;
use super::bar_channels::BarChannels;
use super::catch_up::CatchUp;
use super::channel_state::{ChannelPhase, ChannelState, DeliveryTracker};
use super::channel_table::ChannelTable;
use super::cursor::{ChannelCheckpoint, Cursor};
use super::delivered_trades::EventSource;
use super::metrics::FeedCounters;
use super::open_gaps::OpenGaps;
use super::trade_latency::TradeLatency;
use super::trade_rank::TradeRank;
use super::volume_audit::VolumeAudit;

/// An item that waits to be delivered.
#[derive(Debug)]
enum QueuedEvent {
    /// An event of a channel. Whether it is a duplicate is decided when its turn comes.
    Data { channel_index: usize, from: EventSource, event: FeedEvent },
    /// The missing events of a channel have been delivered.
    Healed { channel_index: usize },
    /// An event about the feed itself.
    Notice(FeedEvent),
}

#[derive(Debug)]
pub(super) struct GapHealer {
    venue: VenueId,
    config: ContinuityConfig,
    /// The most live events of a channel that may wait.
    depth: usize,
    channels: ChannelTable,
    volume_audits: Vec<VolumeAudit>,
    open_gaps: OpenGaps,
    catch_up: Option<CatchUp>,
    queued: VecDeque<usize>,
    /// The kind that was fetched last.
    last_fetched_kind: StreamKind,
    ready: VecDeque<QueuedEvent>,
    /// The time of the last live event, by the local clock.
    last_heard_at: Timestamp,
    horizon: FutureEventFilter,
    trade_latency: TradeLatency,
    /// The time at which something is due although nothing arrives.
    wake_at: Option<Instant>,
    bar_channels: BarChannels,
    /// The channels whose bars may have something to deliver.
    bar_channels_due: VecDeque<usize>,
    /// The candle to deliver after the bars it has closed.
    after_bars: Option<FeedEvent>,
    /// The time at which the clock may close a bar, or `None` where no bars are built.
    bars_at: Option<Instant>,
    /// The number of live trades that came too late to be delivered.
    late_trades: u64,
    /// The counters of all feeds.
    counters: Arc<FeedCounters>,
}

impl GapHealer {
    pub(super) fn new(
        venue: VenueId,
        states: Vec<ChannelState>,
        depth: usize,
        is_from_past: bool,
        config: &ContinuityConfig,
        now: Timestamp,
    ) -> Self {
        let deadline = Instant::now() + config.first_event_timeout;
        let mut healer = Self {
            venue,
            config: *config,
            depth,
            catch_up: is_from_past.then(|| CatchUp::new(states.len(), deadline)),
            channels: ChannelTable::new(states),
            volume_audits: Vec::new(),
            open_gaps: OpenGaps::default(),
            queued: VecDeque::new(),
            last_fetched_kind: StreamKind::Book,
            ready: VecDeque::new(),
            last_heard_at: now,
            horizon: FutureEventFilter::new(config.max_future_skew),
            trade_latency: TradeLatency::default(),
            wake_at: is_from_past.then_some(deadline),
            bar_channels: BarChannels::default(),
            bar_channels_due: VecDeque::new(),
            after_bars: None,
            bars_at: None,
            late_trades: 0,
            counters: Arc::default(),
        };
        healer.pair_audits();
        healer.notify_moved_cursors(now);
        if is_from_past {
            healer.channels.iter_mut().for_each(|state| state.phase = ChannelPhase::Held);
            healer.finish_catch_up();
        }
        healer
    }

    /// Counts what it leaves out in `counters` as well.
    pub(super) fn counting_in(mut self, counters: Arc<FeedCounters>) -> Self {
        self.counters = counters;
        self
    }

    /// Makes bars of the candles that `bar_channels` names.
    pub(super) fn with_bars(mut self, bar_channels: BarChannels) -> Self {
        if !bar_channels.is_empty() {
            self.look_at_bars(Instant::now());
        }
        self.bar_channels = bar_channels;
        self
    }

    /// Processes an event of the live side.
    pub(super) fn handle_live_event(&mut self, event: FeedEvent, clock: &dyn Clock) {
        match event {
            FeedEvent::Gap(gap) if gap.state == GapState::Opened => self.gap_opened(gap),
            FeedEvent::Gap(gap) => self.gap_resumed(&gap),
            FeedEvent::Lagged { .. } => self.reader_lagged(clock.now()),
            event => self.filter_future(event, clock.now()),
        }
    }

    /// Passes on an event, unless it is stamped in the future relative to its arrival.
    fn filter_future(&mut self, event: FeedEvent, now: Timestamp) {
        let now = event.received().map_or(now, |received| received.min(now));
        if self.horizon.is_plausible(&event, now) {
            return self.process_event(event);
        }
        if let Some((symbol, kind)) = event.channel() {
            tracing::warn!(%symbol, %kind, stamp = ?event.time(), %now, "an event is stamped in the future and left out");
        }
        for event in self.horizon.hold_uncertain(event, now) {
            self.process_event(event);
        }
    }

    fn process_event(&mut self, event: FeedEvent) {
        if let Some(received) = event.received() {
            self.last_heard_at = self.last_heard_at.max(received);
        }
        let Some(number) = event.channel().and_then(|(symbol, kind)| self.channels.find(symbol, kind)) else {
            self.ready.push_back(QueuedEvent::Notice(event));
            return;
        };
        if let FeedEvent::Ticker(ticker) = &event {
            self.audit_ticker(ticker, number);
        }
        let earliest = match &event {
            FeedEvent::Trade(trade) => self.trade_latency.observe(trade),
            _ => None,
        };
        let state = &mut self.channels[number];
        let had_goal = state.join_target.is_some();
        if !std::mem::replace(&mut state.has_live_event, true) && !state.is_down {
            state.unheard_until = state.unheard_until.min(self.last_heard_at);
        }
        let is_live = state.phase == ChannelPhase::Live && state.is_joined;
        let event = match event {
            FeedEvent::Snapshot(trade) => self.handle_snapshot(number, trade, is_live),
            event => Some(event),
        };
        let state = &mut self.channels[number];
        if is_live {
            let data = |event| QueuedEvent::Data { channel_index: number, from: EventSource::Live, event };
            self.ready.extend(event.map(data));
            return;
        }
        if let Some(FeedEvent::Trade(trade)) = &event {
            state.observe_trade(trade, earliest, &self.trade_latency);
        }
        let is_idle = matches!(state.phase, ChannelPhase::Live | ChannelPhase::Held | ChannelPhase::CaughtUp);
        let is_first = !state.is_joined && is_idle && !state.is_down;
        let is_end = state.phase == ChannelPhase::AwaitingRetry && state.join_target.is_some() && !had_goal;
        if let Some(event) = event {
            state.hold(event, self.depth);
        }
        if is_first || is_end {
            // The channel's past can be fetched up to here. If it was fetched before, something may lie
            // between.
            self.enqueue_fetch(number);
        }
    }

    /// Processes the last trade from before the venue began to send. It may have been missed, may mark the end
    /// of a gap without trades, or may just show the current state.
    fn handle_snapshot(&mut self, number: usize, trade: Trade, is_live: bool) -> Option<FeedEvent> {
        let state = &mut self.channels[number];
        let DeliveryTracker::Trades(seen) = &state.tracker else { return Some(FeedEvent::Snapshot(trade)) };
        let (is_missed, is_fresh) = (seen.is_missed(&trade), seen.is_fresh());
        if !is_live {
            state.observe_snapshot(&trade);
        }
        if is_missed {
            return Some(FeedEvent::Trade(trade));
        }
        let rank = TradeRank::of(&trade);
        if is_live && is_fresh && state.delivered_snapshot.as_ref().is_none_or(|delivered| *delivered < rank)
        {
            state.delivered_snapshot = Some(rank);
            self.ready.push_back(QueuedEvent::Notice(FeedEvent::Snapshot(trade)));
        }
        None
    }

    fn go_live(&mut self, number: usize) {
        let state = &mut self.channels[number];
        state.phase = ChannelPhase::Live;
        let held = state.release();
        self.ready.push_back(QueuedEvent::Healed { channel_index: number });
        let data = |event| QueuedEvent::Data { channel_index: number, from: EventSource::Held, event };
        self.ready.extend(held.into_iter().map(data));
    }

    /// Reports that the feed has caught up once the past of every channel is there, and releases the live
    /// events.
    fn finish_catch_up(&mut self) {
        let Some(catching) = self.catch_up.take_if(|catching| catching.is_done(&self.channels)) else {
            return;
        };
        self.ready.push_back(QueuedEvent::Notice(FeedEvent::CaughtUp(catching.histories())));
        for number in 0..self.channels.len() {
            let state = &self.channels[number];
            if state.is_down
                || matches!(
                    state.phase,
                    ChannelPhase::Queued | ChannelPhase::Fetching | ChannelPhase::AwaitingRetry
                )
            {
                continue;
            }
            if state.needs_refetch {
                let channels = [state.channel.clone()].into();
                let gap = self.gap(channels, (self.last_heard_at, self.last_heard_at), GapCause::Lagged);
                self.record_past_gap(&gap);
            } else {
                self.go_live(number);
            }
        }
    }

    /// Returns the time at which something is due although nothing arrives.
    pub(super) const fn deadline(&self) -> Option<Instant> {
        self.wake_at
    }

    pub(super) fn on_time(&mut self, now: Instant) {
        if let Some(catching) = &mut self.catch_up
            && catching.deadline.take_if(|deadline| *deadline <= now).is_some()
        {
            self.fetch_silent_channels();
        }
        self.check_all(now);
        self.enqueue_retries(now);
        let start = self.catch_up.as_ref().and_then(|catching| catching.deadline);
        let again = self.channels.iter().filter_map(|state| state.retry_at).min();
        let bars = self.bars_at.filter(|at| now < *at);
        self.wake_at = self.next_check().into_iter().chain(start).chain(again).chain(bars).min();
    }

    /// Fetches the past of channels without live events, including those of which nothing can be fetched.
    fn fetch_silent_channels(&mut self) {
        for (number, state) in self.channels.iter_mut().enumerate() {
            if state.has_past && state.phase == ChannelPhase::Held {
                (state.phase, state.wait) = (ChannelPhase::Queued, self.config.page_lag);
                self.queued.push_back(number);
            }
        }
    }

    /// Returns the next event to deliver, and records it as delivered.
    pub(super) fn pop(&mut self) -> Option<FeedEvent> {
        loop {
            if self.bars_at.is_some()
                && let Some(event) = self.pop_bar()
            {
                return Some(event);
            }
            match self.ready.pop_front()? {
                QueuedEvent::Notice(event) => return Some(self.bar_channels.rename(event)),
                QueuedEvent::Data { channel_index: number, from, event } => {
                    let state = &mut self.channels[number];
                    if let Some(audit) = state.volume_audit {
                        state.set_audited_since(self.volume_audits[audit].since());
                    }
                    if !state.admit(&event, from) {
                        if state.is_too_late(&event, from) {
                            self.note_late_trade(&event);
                        }
                        continue;
                    }
                    self.audit_delivered(number, &event);
                    if let Some(event) = self.build_bars(number, event) {
                        return Some(event);
                    }
                }
                QueuedEvent::Healed { channel_index: number } => {
                    let state = &mut self.channels[number];
                    // If the channel is being fetched once more, that fetch ends the gap.
                    if state.phase == ChannelPhase::Live {
                        state.clear_reopened();
                        self.continue_bars(number);
                    }
                }
            }
        }
    }

    /// Counts a trade that came too late to be delivered.
    fn note_late_trade(&mut self, event: &FeedEvent) {
        self.late_trades += 1;
        self.counters.add_late_trade();
        let symbol = event.symbol();
        let (stamp, allowed) = (event.time(), self.config.allowed_lateness);
        if self.late_trades == 1 {
            tracing::warn!(
                ?symbol,
                ?stamp,
                "a trade came more than {allowed:?} late and is left out; further ones of this feed are only counted"
            );
        } else {
            tracing::debug!(?symbol, ?stamp, "a trade came too late and is left out");
        }
    }

    /// Returns the number of live trades that came too late to be delivered.
    pub(super) const fn late_trades(&self) -> u64 {
        self.late_trades
    }

    /// Handles the end of the live side, or its refusal for this `reason`. Events that wait for something older are not
    /// delivered: a cursor stays before them.
    pub(super) fn end(&mut self, reason: Option<SourceError>) {
        self.queued.clear();
        self.catch_up = None;
        let reports = self.open_gaps.fail_all(&LossReason::Ended);
        self.notify(reports);
        self.ready.extend(reason.map(|reason| QueuedEvent::Notice(FeedEvent::Ended { reason })));
    }

    /// Returns the position after the delivered events.
    pub(super) fn cursor(&self) -> Cursor {
        let marks = |state: &ChannelState| {
            let trades = state.candle_audit.as_ref().map(|closing| &self.channels[closing.trade_channel]);
            let lacking = trades.filter(|trades| trades.phase != ChannelPhase::Live);
            let lacking = lacking.map(|trades| trades.complete_until.minus(self.config.allowed_lateness));
            let checkpoint = state.checkpoint(self.last_heard_at, lacking);
            let bars = state.bars.as_ref();
            let bars = bars.map(|bars| (bars.channel(), ChannelCheckpoint::Bars(bars.checkpoint())));
            let shown = checkpoint.filter(|_| state.shown_from < Timestamp::MAX);
            shown.map(|checkpoint| (state.channel.clone(), checkpoint)).into_iter().chain(bars)
        };
        Cursor { venue: self.venue, checkpoints: self.channels.iter().flat_map(marks).collect() }
    }

    fn notify(&mut self, gaps: impl IntoIterator<Item = Gap>) {
        self.ready.extend(gaps.into_iter().map(|gap| QueuedEvent::Notice(FeedEvent::Gap(gap))));
    }
}
