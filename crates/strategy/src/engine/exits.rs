//! What a price does to open positions: the stop follows, and time runs out.

use market_backbone_core::{Side, Symbol};
use rust_decimal::Decimal;

use super::TradingEngine;
use super::engine_market::EnginePhase;
use crate::order::{OrderKind, OrderRequest};
use crate::strategy::Context;
use crate::trailing::TrailingChange;

impl TradingEngine {
    /// Takes a price of the market: of a trade, or the close of a bar.
    pub fn on_price(&mut self, symbol: &Symbol, price: f64, context: &mut dyn Context) {
        let slot = self.markets.slot(symbol);
        let now = context.now();
        let market = self.markets.get_mut(slot);
        market.note_price(price, now.as_secs().div_euclid(86_400));
        match market.phase {
            EnginePhase::Flat => self.tap(slot, price, context),
            EnginePhase::Entering => {
                let waited = now.since(market.sent);
                if let (Some(entry), true) =
                    (market.entry_order, self.rules.patience.is_some_and(|most| waited >= most))
                {
                    let _ = context.cancel(entry);
                }
            }
            EnginePhase::Held => self.guard(slot, price, context),
            EnginePhase::Exiting => {}
        }
    }

    /// Tells the engine the volume-weighted average price of a market's session, without which there is no second entry.
    pub fn on_vwap(&mut self, symbol: &Symbol, vwap: Option<f64>) {
        let slot = self.markets.slot(symbol);
        self.markets.get_mut(slot).vwap = vwap;
    }

    /// Closes a position at the market. Its stop and target end with it.
    pub fn close(&mut self, symbol: &Symbol, reason: &str, context: &mut dyn Context) {
        let Some(slot) = self.markets.find(symbol) else { return };
        let held = context.position(symbol).quantity;
        let market = self.markets.get_mut(slot);
        if market.phase != EnginePhase::Held || held <= Decimal::ZERO {
            return;
        }
        let request = OrderRequest::new(symbol.clone(), Side::Sell, held, OrderKind::Market);
        // A refusal (an open gap) leaves the position held; the next price tries again.
        if let Ok(order) = context.submit(request.reduce_only().tag(reason)) {
            (market.phase, market.exit_order) = (EnginePhase::Exiting, Some(order));
        }
    }

    fn guard(&mut self, slot: usize, price: f64, context: &mut dyn Context) {
        let now = context.now();
        let market = self.markets.get_mut(slot);
        if self.rules.time_stop.is_some_and(|most| now.since(market.held_since) >= most) {
            let symbol = self.markets.symbol(slot).clone();
            return self.close(&symbol, "time stop", context);
        }
        match market.trailing.as_mut().and_then(|trailing| trailing.on_price(price)) {
            Some(TrailingChange::Activated(stop) | TrailingChange::Raised(stop)) => {
                market.wanted_stop = market.wanted_stop.max(stop);
            }
            Some(TrailingChange::Triggered) | None => {}
        }
        if market.stop_order.is_none() {
            self.send_exits_again(slot, context);
        } else {
            self.amend_stop(slot, context);
        }
    }

    /// Amends the broker's stop if it is not where it has to be. What is refused now is tried again with the next price.
    pub(super) fn amend_stop(&mut self, slot: usize, context: &mut dyn Context) {
        let market = self.markets.get_mut(slot);
        let Some(order) = market.stop_order else { return };
        if market.broker_stop != market.wanted_stop
            && context.amend(order, OrderKind::Stop { trigger: market.wanted_stop }).is_ok()
        {
            market.broker_stop = market.wanted_stop;
        }
    }

    /// Protects what is left of a position whose stop has ended: a target that was filled in part ends its group.
    fn send_exits_again(&mut self, slot: usize, context: &mut dyn Context) {
        let held = context.position(self.markets.symbol(slot)).quantity;
        let market = self.markets.get_mut(slot);
        if held <= Decimal::ZERO {
            return;
        }
        if let Some(target) = market.target_order.take() {
            let _ = context.cancel(target);
        }
        market.quantity = held;
        market.exits.stop = market.wanted_stop;
        self.send_exits(slot, None, context);
    }

    /// Looks for a second entry.
    fn tap(&mut self, slot: usize, price: f64, context: &mut dyn Context) {
        let now = context.now();
        let symbol = self.markets.symbol(slot).clone();
        let market = self.markets.get_mut(slot);
        let (high, vwap) = (market.day_high, market.vwap);
        if let Some(tap) = &mut market.double_tap {
            tap.on_price(&symbol, price, high, vwap, now, context);
        }
    }
}
