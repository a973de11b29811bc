//! Tables by which a paper broker finds markets, orders and groups.

use std::cell::Cell;

use market_backbone_core::Symbol;
use rust_decimal::Decimal;
use rustc_hash::FxHashMap;

use super::paper_market::PaperMarket;
use super::working_order::{OrderStage, WorkingOrder};
use crate::order::{OcaGroup, OrderId};

/// The markets, by number and by symbol.
#[derive(Debug, Default)]
pub(crate) struct MarketTable {
    markets: Vec<PaperMarket>,
    numbers: FxHashMap<Symbol, usize>,
    /// The markets of which something is held.
    held: Vec<usize>,
    /// The market of the last question, which is most often that of the next one.
    last: Cell<usize>,
}

impl MarketTable {
    pub(crate) fn find(&self, symbol: &Symbol) -> Option<usize> {
        let last = self.last.get();
        if self.markets.get(last).is_some_and(|market| market.symbol.is_same(symbol)) {
            return Some(last);
        }
        let number = *self.numbers.get(symbol)?;
        self.last.set(number);
        Some(number)
    }

    pub(crate) fn find_or_insert(&mut self, symbol: &Symbol) -> usize {
        self.find(symbol).unwrap_or_else(|| {
            let number = self.markets.len();
            self.markets.push(PaperMarket::new(symbol.clone()));
            self.numbers.insert(symbol.clone(), number);
            self.last.set(number);
            number
        })
    }

    pub(crate) fn get(&self, market: usize) -> &PaperMarket {
        &self.markets[market]
    }

    pub(crate) fn get_mut(&mut self, market: usize) -> &mut PaperMarket {
        &mut self.markets[market]
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut PaperMarket> {
        self.markets.iter_mut()
    }

    /// Returns the markets of which something is held.
    pub(crate) fn held(&self) -> impl Iterator<Item = &PaperMarket> {
        self.held.iter().map(|market| &self.markets[*market])
    }

    /// Takes note of a changed holding.
    pub(crate) fn update_position(&mut self, market: usize) {
        let state = &mut self.markets[market];
        state.position = state.holding.position();
        let is_held = !state.holding.quantity.is_zero();
        match self.held.iter().position(|held| *held == market) {
            Some(at) if !is_held => {
                self.held.remove(at);
            }
            None if is_held => self.held.push(market),
            Some(_) | None => {}
        }
    }

    /// Returns the size and the value of all positions but this market's, at their latest prices.
    pub(crate) fn elsewhere(&self, market: usize) -> (Decimal, Decimal) {
        let others = self.held.iter().filter(|held| **held != market).map(|held| self.markets[*held].value());
        others.fold(Default::default(), |(size, value), one| (size + one.abs(), value + one))
    }
}

/// The orders that have not ended, by number and by group.
#[derive(Debug, Default)]
pub(crate) struct OrderIndex {
    markets: FxHashMap<OrderId, usize>,
    groups: FxHashMap<OcaGroup, Vec<OrderId>>,
}

impl OrderIndex {
    pub(crate) fn market_of(&self, order: OrderId) -> Option<usize> {
        self.markets.get(&order).copied()
    }

    pub(crate) fn insert(&mut self, order: OrderId, group: Option<OcaGroup>, market: usize) {
        self.markets.insert(order, market);
        if let Some(group) = group {
            self.groups.entry(group).or_default().push(order);
        }
    }

    /// Removes the orders that have ended, here and from `orders`.
    pub(crate) fn forget_ended(&mut self, orders: &mut Vec<WorkingOrder>) {
        let Self { markets, groups } = self;
        orders.retain(|order| {
            let has_ended = order.stage == OrderStage::Ended;
            if has_ended {
                markets.remove(&order.id);
                if let Some(group) = order.oca
                    && let Some(members) = groups.get_mut(&group)
                {
                    members.retain(|member| *member != order.id);
                    if members.is_empty() {
                        groups.remove(&group);
                    }
                }
            }
            !has_ended
        });
    }

    /// Returns the markets in which members of `group` are open.
    pub(crate) fn markets_of(&self, group: OcaGroup) -> Vec<usize> {
        let members = self.groups.get(&group).map_or(&[][..], Vec::as_slice);
        members.iter().filter_map(|member| self.market_of(*member)).collect()
    }
}
