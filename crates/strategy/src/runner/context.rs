//! The context of a runner: what is known at the event that is being handled, and nothing later.

use market_backbone_core::{Candle, Series, Symbol, Timestamp};
use rust_decimal::Decimal;

use super::bar_history::BarHistory;
use super::interrupted_markets::InterruptedMarkets;
use super::timers::TimerQueue;
use crate::broker::{Broker, OrderError};
use crate::decision::{Cause, DecisionEntry, DecisionKind, DecisionLog};
use crate::order::{OrderId, OrderKind, OrderRequest, Position};
use crate::strategy::Context;

/// What a runner knows beside its strategy, its broker and its log.
#[derive(Debug)]
pub(super) struct RunnerState {
    pub(super) now: Timestamp,
    pub(super) history: BarHistory,
    pub(super) gaps: InterruptedMarkets,
    pub(super) timers: TimerQueue,
    /// `true` if the strategy has sent something to the broker since that was last asked.
    pub(super) has_acted: bool,
    /// The number of the next entry of the decision log.
    sequence: u64,
}

impl RunnerState {
    pub(super) fn new(history: BarHistory) -> Self {
        Self {
            now: Timestamp::MIN,
            history,
            gaps: InterruptedMarkets::default(),
            timers: TimerQueue::default(),
            has_acted: false,
            sequence: 0,
        }
    }

    pub(super) fn note<L: DecisionLog>(&mut self, log: &mut L, cause: Cause<'_>, kind: DecisionKind<'_>) {
        log.note(&DecisionEntry { sequence: self.sequence, time: self.now, cause, kind });
        self.sequence += 1;
    }
}

/// The context of one call of a strategy.
pub(super) struct RunnerContext<'a, B, L> {
    pub(super) broker: &'a mut B,
    pub(super) log: &'a mut L,
    pub(super) state: &'a mut RunnerState,
    pub(super) cause: Cause<'a>,
}

impl<B: Broker, L: DecisionLog> Context for RunnerContext<'_, B, L> {
    fn now(&self) -> Timestamp {
        self.state.now
    }

    fn history(&self, series: &Series, count: usize) -> Vec<Candle> {
        self.state.history.last(series, count)
    }

    fn submit(&mut self, request: OrderRequest) -> Result<OrderId, OrderError> {
        let noted = L::IS_KEPT.then(|| request.clone());
        let outcome = match self.state.gaps.reason(&request.symbol) {
            Some(reason) => Err(OrderError::Refused(reason)),
            None => self.broker.submit(request, self.state.now),
        };
        self.state.has_acted = true;
        if let Some(request) = &noted {
            self.state.note(
                self.log,
                self.cause,
                DecisionKind::Submit { request, outcome: outcome.as_ref().copied() },
            );
        }
        outcome
    }

    fn cancel(&mut self, order: OrderId) -> Result<(), OrderError> {
        let outcome = self.broker.cancel(order, self.state.now);
        self.state.has_acted = true;
        if L::IS_KEPT {
            let kind = DecisionKind::Cancel { order, outcome: outcome.as_ref().copied() };
            self.state.note(self.log, self.cause, kind);
        }
        outcome
    }

    fn amend(&mut self, order: OrderId, terms: OrderKind) -> Result<(), OrderError> {
        let outcome = self.broker.amend(order, terms, self.state.now);
        self.state.has_acted = true;
        if L::IS_KEPT {
            let kind = DecisionKind::Amend { order, terms, outcome: outcome.as_ref().copied() };
            self.state.note(self.log, self.cause, kind);
        }
        outcome
    }

    fn position(&self, symbol: &Symbol) -> Position {
        self.broker.position(symbol)
    }

    fn cash(&self) -> Decimal {
        self.broker.cash()
    }

    fn equity(&self) -> Decimal {
        self.broker.equity()
    }

    fn wake_at(&mut self, time: Timestamp) {
        self.state.timers.set(time, self.state.now);
    }
}
