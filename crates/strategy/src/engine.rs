//! Signals in, orders out: entries with a bracket of stop and target, and what becomes of them.
//!
//! A strategy owns a [`TradingEngine`], hands it signals and passes on what it hears: prices, fills, news of orders. The
//! engine sends everything through the strategy's context, so that it runs the same live, in replay and in backtest.

mod double_tap;
mod engine_market;
mod entry_signal;
mod exits;
mod rules;

use market_backbone_core::{Side, Symbol, Timestamp};
use rust_decimal::Decimal;

pub use self::double_tap::{DoubleTap, DoubleTapRules, DoubleTapState};
use self::engine_market::EngineMarket;
pub use self::engine_market::EnginePhase;
pub use self::entry_signal::EntrySignal;
pub use self::rules::{EngineRules, EntrySize, ExitDistance};
use crate::broker::{BrokerEvent, OrderError};
use crate::decimals::decimal;
use crate::order::{OcaGroup, OrderFill, OrderId, OrderKind, OrderRequest, OrderStatus};
use crate::strategy::Context;
use crate::symbol_slots::SymbolSlots;
use crate::trailing::TrailingStop;

/// The answer of an engine to a signal.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum SignalOutcome {
    /// An entry was sent.
    Entered(OrderId),
    /// The signal is weaker than the rules ask for.
    TooWeak,
    /// The market is held already, or an order of it is open.
    Busy(EnginePhase),
    /// The broker or the risk rules refused the entry.
    Refused(OrderError),
}

/// Trades long positions on signals, one for each market at a time.
#[derive(Debug)]
pub struct TradingEngine {
    rules: EngineRules,
    markets: SymbolSlots<EngineMarket>,
    next_group: u64,
}

impl TradingEngine {
    /// Returns an engine that holds nothing.
    #[must_use]
    pub fn new(rules: EngineRules) -> Self {
        Self { rules, markets: SymbolSlots::default(), next_group: 1 }
    }

    /// Returns what the engine is doing in a market.
    #[must_use]
    pub fn phase(&self, symbol: &Symbol) -> EnginePhase {
        self.markets.find(symbol).map_or(EnginePhase::Flat, |slot| self.markets.get(slot).phase)
    }

    /// Returns the state of the re-entry of a market, if there is one.
    #[must_use]
    pub fn double_tap(&self, symbol: &Symbol) -> Option<DoubleTapState> {
        let slot = self.markets.find(symbol)?;
        self.markets.get(slot).double_tap.as_ref().map(DoubleTap::state)
    }

    /// Enters on a signal, with its exits, if the rules allow it.
    pub fn on_signal(&mut self, signal: &EntrySignal, context: &mut dyn Context) -> SignalOutcome {
        if signal.confidence < self.rules.min_confidence {
            return SignalOutcome::TooWeak;
        }
        let slot = self.markets.slot(&signal.symbol);
        let phase = self.markets.get(slot).phase;
        if phase != EnginePhase::Flat || !context.position(&signal.symbol).is_flat() {
            return SignalOutcome::Busy(if phase == EnginePhase::Flat { EnginePhase::Held } else { phase });
        }
        let refused = |text: &str| SignalOutcome::Refused(OrderError::Refused(text.into()));
        let Some(price) = decimal(signal.price).filter(|price| *price > Decimal::ZERO) else {
            return refused("the signal names no price; wait for the first one");
        };
        let Some(quantity) = self.rules.size.quantity(price, || context.equity()) else {
            return refused(
                "the signal's price is so high that nothing can be bought; raise the size of entries",
            );
        };
        self.cancel_double_tap(slot, context);
        let Some(exits) = self.rules.exits(price, signal.atr) else {
            return refused(
                "the stop is given in average true ranges, and none is known; load daily bars first",
            );
        };
        let entry = OrderRequest::new(signal.symbol.clone(), Side::Buy, quantity, OrderKind::Market);
        let entry = match context.submit(entry.tag("entry")) {
            Ok(entry) => entry,
            Err(error) => return SignalOutcome::Refused(error),
        };
        let market = self.markets.get_mut(slot);
        market.begin(entry, quantity, exits, signal.atr, context.now());
        self.send_exits(slot, Some(entry), context);
        SignalOutcome::Entered(entry)
    }

    /// Sends the stop and the target of a position, as a group.
    fn send_exits(&mut self, slot: usize, entry: Option<OrderId>, context: &mut dyn Context) {
        let group = OcaGroup(self.next_group);
        self.next_group += 1;
        let symbol = self.markets.symbol(slot).clone();
        let market = self.markets.get_mut(slot);
        let mut exit = |kind: OrderKind, tag: &str| {
            let mut request = OrderRequest::new(symbol.clone(), Side::Sell, market.quantity, kind);
            request.after = entry;
            context.submit(request.oca(group).reduce_only().tag(tag)).ok()
        };
        let stop = exit(OrderKind::Stop { trigger: market.exits.stop }, "stop");
        let target = market.exits.target.and_then(|price| exit(OrderKind::Limit { price }, "target"));
        (market.stop_order, market.target_order) = (stop, target);
        market.broker_stop = market.exits.stop;
    }

    /// Takes a fill of one of the strategy's orders.
    pub fn on_fill(&mut self, fill: &OrderFill, context: &mut dyn Context) {
        let Some(slot) = self.markets.find(&fill.symbol) else { return };
        let position = context.position(&fill.symbol);
        let market = self.markets.get_mut(slot);
        if market.entry_order == Some(fill.order) {
            let is_first = market.phase == EnginePhase::Entering;
            if is_first {
                market.hold(fill.time);
            }
            if !position.is_flat() {
                self.place_exits(slot, position.entry_price, is_first, context);
            }
        } else if let Some(tap) = &mut market.double_tap {
            tap.on_fill(fill.order, position.is_flat());
        }
        if position.is_flat() {
            self.leave(slot, fill.time, context);
        }
    }

    /// Moves the exits to where they belong for the price that was paid.
    fn place_exits(&mut self, slot: usize, paid: Decimal, is_first: bool, context: &mut dyn Context) {
        let market = self.markets.get_mut(slot);
        if let Some(exits) = self.rules.exits(paid, market.atr) {
            market.exits = exits;
        }
        if is_first {
            let trailing = self.rules.trailing.zip(market.atr);
            market.trailing = trailing.and_then(|(rules, atr)| TrailingStop::new(paid, atr, rules).ok());
            market.wanted_stop = market.exits.stop;
        } else {
            // A further part of the entry may have been cheaper; a stop is never lowered for it.
            market.wanted_stop = market.wanted_stop.max(market.exits.stop);
        }
        if let (Some(order), Some(price)) = (market.target_order, market.exits.target) {
            // An order that has ended in the same event says so by itself.
            let _ = context.amend(order, OrderKind::Limit { price });
        }
        self.amend_stop(slot, context);
    }

    /// Takes any other news of an order.
    pub fn on_order(&mut self, news: &BrokerEvent, context: &mut dyn Context) {
        let BrokerEvent::Status { order, symbol, status, time, .. } = news else { return };
        let Some(slot) = self.markets.find(symbol) else { return };
        if !matches!(status, OrderStatus::Cancelled | OrderStatus::Rejected) {
            return;
        }
        let is_flat = context.position(symbol).is_flat();
        let market = self.markets.get_mut(slot);
        if let Some(tap) = &mut market.double_tap {
            tap.on_end(*order);
        }
        if market.entry_order == Some(*order) {
            market.entry_order = None;
            if is_flat {
                self.leave(slot, *time, context);
            }
        } else if market.exit_order == Some(*order) && !is_flat {
            // The exit did not happen: the next price tries again.
            market.exit_order = None;
            market.phase = EnginePhase::Held;
        } else if market.stop_order == Some(*order) {
            market.stop_order = None;
        } else if market.target_order == Some(*order) {
            market.target_order = None;
        }
    }

    /// Ends what belongs to a position that is gone.
    fn leave(&mut self, slot: usize, time: Timestamp, context: &mut dyn Context) {
        let market = self.markets.get_mut(slot);
        let was_held = market.is_held();
        for order in market.orders() {
            let _ = context.cancel(order);
        }
        market.clear();
        if let (true, Some(rules)) = (was_held, self.rules.double_tap)
            && market.double_tap.is_none()
        {
            market.double_tap = Some(DoubleTap::new(rules, time, market.quantity));
        }
    }

    fn cancel_double_tap(&mut self, slot: usize, context: &mut dyn Context) {
        if let Some(tap) = self.markets.get_mut(slot).double_tap.take() {
            for order in tap.orders() {
                let _ = context.cancel(order);
            }
        }
    }
}
