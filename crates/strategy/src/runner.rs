//! Runs a strategy: events in, decisions out, the same live, in replay and in backtest.
//!
//! What happens to one event, in this order:
//!
//! 1. Timers that are due before the event's data begin are called.
//! 2. The broker takes the event. Only orders that were sent at earlier events can be filled by it.
//! 3. The strategy gets the broker's news, then timers that are due by now, then the event itself.
//!
//! The clock is the time of the events: the close of a bar, the time of anything else. It never runs backwards.

mod bar_history;
mod context;
mod interrupted_markets;
mod timers;

use market_backbone_core::{Candle, FeedEvent, Grid, Series, Timestamp};

use self::bar_history::BarHistory;
use self::context::{RunnerContext, RunnerState};
use crate::broker::{Broker, BrokerEvent};
use crate::decision::{Cause, DecisionKind, DecisionLog, NoDecisionLog};
use crate::strategy::Strategy;

/// The number of bars of each series that a runner remembers unless it is earlier otherwise.
pub const DEFAULT_HISTORY: usize = 1_024;

/// The most times that a strategy may answer its broker's answers within one event; what is left waits for the next one.
const MOST_ROUNDS: usize = 64;

/// A strategy, its broker and what both know, driven by events.
///
/// Live it is `while let Some(event) = feed.next().await { runner.on_event(&event); }`, in a backtest a loop over stored
/// events.
#[derive(Debug)]
pub struct Runner<S, B, L = NoDecisionLog> {
    strategy: S,
    broker: B,
    log: L,
    state: RunnerState,
    news: Vec<BrokerEvent>,
}

impl<S: Strategy, B: Broker> Runner<S, B> {
    /// Returns a runner for markets whose candles are cut by `grid`. It keeps no decision log.
    pub fn new(strategy: S, broker: B, grid: Grid) -> Self {
        let state = RunnerState::new(BarHistory::new(grid, DEFAULT_HISTORY));
        Self { strategy, broker, log: NoDecisionLog, state, news: Vec::new() }
    }
}

impl<S: Strategy, B: Broker, L: DecisionLog> Runner<S, B, L> {
    /// Writes each decision into `log`.
    pub fn with_log<M: DecisionLog>(self, log: M) -> Runner<S, B, M> {
        let Self { strategy, broker, state, news, .. } = self;
        Runner { strategy, broker, log, state, news }
    }

    /// Remembers at most `bars` bars of each series for [`Context::history`](crate::strategy::Context::history).
    #[must_use]
    pub fn with_history(mut self, bars: usize) -> Self {
        self.state.history.set_depth(bars);
        self
    }

    /// Feeds bars of the past, oldest first, to the strategy and to the history. Nothing can be ordered meanwhile.
    pub fn warm_up(&mut self, series: &Series, candles: impl IntoIterator<Item = Candle>) {
        for candle in candles {
            let slot = self.state.history.slot(series);
            self.state.now = self.state.now.max(self.state.history.close(slot, candle.open_time));
            self.state.history.learn(slot, &candle);
            self.strategy.on_warm_up(series, &candle);
        }
    }

    /// Handles an event, and returns what it did to the orders.
    #[inline]
    pub fn on_event(&mut self, event: &FeedEvent) -> &[BrokerEvent] {
        let slot = match event {
            FeedEvent::Bar { series, .. } => Some(self.state.history.slot(series)),
            _ => None,
        };
        let begin = event.time();
        let time = match (event, slot) {
            (FeedEvent::Bar { candle, .. }, Some(slot)) => {
                Some(self.state.history.close(slot, candle.open_time))
            }
            _ => begin,
        };
        if self.state.timers.are_set() {
            self.fire_timers_before(begin, event);
        }
        self.state.now = self.state.now.max(time.unwrap_or(self.state.now));
        self.news.clear();
        self.broker.on_event(event, &mut self.news);
        self.learn(event, slot);
        if !self.news.is_empty() {
            self.dispatch_news(event);
        }
        if self.state.timers.are_set() {
            self.fire_due_timers(event);
        }
        self.dispatch(event);
        if std::mem::take(&mut self.state.has_acted) {
            self.settle(event);
        }
        &self.news
    }

    /// Returns what the latest event did to the orders.
    pub fn news(&self) -> &[BrokerEvent] {
        &self.news
    }

    /// Returns the strategy.
    pub const fn strategy(&self) -> &S {
        &self.strategy
    }

    /// Returns the broker.
    pub const fn broker(&self) -> &B {
        &self.broker
    }

    /// Returns the decision log.
    pub const fn log(&self) -> &L {
        &self.log
    }

    /// Returns the time of the latest event, or [`Timestamp::MIN`] before the first.
    pub const fn now(&self) -> Timestamp {
        self.state.now
    }

    /// Ends the run and returns the strategy, the broker and the log.
    pub fn into_parts(self) -> (S, B, L) {
        (self.strategy, self.broker, self.log)
    }

    /// Takes into the history and the list of gaps what the event says.
    fn learn(&mut self, event: &FeedEvent, slot: Option<usize>) {
        match event {
            FeedEvent::Bar { candle, is_quiet: false, .. } => {
                if let Some(slot) = slot {
                    self.state.history.learn(slot, candle);
                }
            }
            FeedEvent::Gap(gap) => {
                self.state.gaps.note(gap);
                self.state.history.forget_lost(gap);
                self.note(event, DecisionKind::Gap(gap));
            }
            // Nobody knows which events are missing: nothing may be computed across them.
            FeedEvent::Lagged { missed } => {
                self.state.history.forget_all();
                self.note(event, DecisionKind::Lagged { missed: *missed });
            }
            _ => {}
        }
    }

    fn note(&mut self, event: &FeedEvent, kind: DecisionKind<'_>) {
        if L::IS_KEPT {
            self.state.note(&mut self.log, Cause::Event(event), kind);
        }
    }

    fn dispatch_news(&mut self, event: &FeedEvent) {
        let Self { strategy, broker, log, state, news } = self;
        for one in news.iter() {
            if L::IS_KEPT {
                state.note(log, Cause::Event(event), DecisionKind::of_news(one));
            }
            let cause = Cause::News(one);
            let mut context = RunnerContext { broker, log, state, cause };
            match one {
                BrokerEvent::Fill(fill) => strategy.on_fill(fill, &mut context),
                BrokerEvent::Status { .. } => strategy.on_order(one, &mut context),
            }
        }
    }

    /// Tells what the strategy's own requests brought about at once, until it has nothing more to say.
    #[cold]
    fn settle(&mut self, event: &FeedEvent) {
        let mut fresh = Vec::new();
        for _ in 0..MOST_ROUNDS {
            self.broker.take_news(&mut fresh);
            if fresh.is_empty() {
                return;
            }
            let earlier = std::mem::replace(&mut self.news, std::mem::take(&mut fresh));
            self.dispatch_news(event);
            let mut all = earlier;
            all.append(&mut self.news);
            self.news = all;
        }
    }

    fn dispatch(&mut self, event: &FeedEvent) {
        let Self { strategy, broker, log, state, .. } = self;
        let context = &mut RunnerContext { broker, log, state, cause: Cause::Event(event) };
        match event {
            FeedEvent::Bar { series, candle, revision: 0, is_quiet: false, .. } => {
                strategy.on_bar(series, candle, context);
            }
            FeedEvent::Bar { series, candle, is_quiet: false, .. } => {
                strategy.on_revision(series, candle, context);
            }
            FeedEvent::Trade(trade) => strategy.on_trade(trade, context),
            FeedEvent::Book(book) => strategy.on_book(book, context),
            FeedEvent::Gap(gap) => strategy.on_gap(gap, context),
            _ => strategy.on_event(event, context),
        }
    }

    /// Calls the timers that are due before the data of the event begin, each at its own time.
    #[cold]
    fn fire_timers_before(&mut self, begin: Option<Timestamp>, event: &FeedEvent) {
        let Some(begin) = begin else { return };
        while let Some(due) = self.state.timers.take_due(begin) {
            self.state.now = self.state.now.max(due);
            self.fire_timer(event);
        }
    }

    /// Calls the timers that are due by now: they were set for a time that the data of this event span.
    #[cold]
    fn fire_due_timers(&mut self, event: &FeedEvent) {
        let now = self.state.now;
        while self.state.timers.take_due(now).is_some() {
            self.fire_timer(event);
        }
        if self.state.timers.take_next_event() {
            self.fire_timer(event);
        }
    }

    fn fire_timer(&mut self, event: &FeedEvent) {
        let Self { strategy, broker, log, state, .. } = self;
        let cause = Cause::Timer(event);
        strategy.on_timer(&mut RunnerContext { broker, log, state, cause });
    }
}
