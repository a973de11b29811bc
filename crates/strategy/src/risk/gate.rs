//! The gate between a strategy and its broker.

mod checks;
mod requests;

use std::sync::Arc;

use market_backbone_core::{FeedEvent, Grid, Side, Symbol, Timestamp};
use rust_decimal::Decimal;

use super::interrupted_channels::InterruptedChannels;
use super::market_risk::{MarketRisk, PassedOrder};
use super::rules::{RiskRule, RiskRules, RiskRulesError};
use crate::broker::{Broker, BrokerEvent};
use crate::order::{OrderKind, OrderRequest};
use crate::symbol_slots::SymbolSlots;

/// The nanoseconds of a day.
const DAY: i64 = 86_400_000_000_000;

/// A broker that lets orders pass to another one if the rules allow them.
///
/// ```
/// use market_backbone_core::Grid;
/// use market_backbone_strategy::Decimal;
/// use market_backbone_strategy::paper::{FeeRates, PaperBroker, PaperConfig};
/// use market_backbone_strategy::risk::{RiskGate, RiskRules};
///
/// let fees = FeeRates::quote("0.0005".parse()?);
/// let broker = PaperBroker::new(PaperConfig::new(Decimal::from(1_000_000), fees))?;
/// let broker = RiskGate::new(broker, RiskRules::default(), Grid::Utc)?;
/// assert_eq!(broker.killed(), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct RiskGate<B> {
    broker: B,
    rules: RiskRules,
    grid: Grid,
    markets: SymbolSlots<MarketRisk>,
    gaps: InterruptedChannels,
    now: Timestamp,
    /// The number of the day, and the account's value when it began.
    day: i64,
    day_equity: Decimal,
    day_equity_f64: f64,
    entries_today: u32,
    losses_in_a_row: u32,
    killed: Option<Arc<str>>,
    refusals: [u64; RiskRule::ALL.len()],
    /// The markets of which something is held.
    held: Vec<usize>,
}

impl<B: Broker> RiskGate<B> {
    /// Returns a gate in front of `broker`, for markets whose candles are cut by `grid`.
    ///
    /// # Errors
    ///
    /// [`RiskRulesError`] if a share is none.
    pub fn new(broker: B, rules: RiskRules, grid: Grid) -> Result<Self, RiskRulesError> {
        rules.check()?;
        let day_equity = broker.equity();
        Ok(Self {
            day_equity,
            day_equity_f64: broker.equity_f64(),
            broker,
            rules,
            grid,
            markets: SymbolSlots::default(),
            gaps: InterruptedChannels::default(),
            now: Timestamp::MIN,
            day: i64::MIN,
            entries_today: 0,
            losses_in_a_row: 0,
            killed: None,
            refusals: [0; RiskRule::ALL.len()],
            held: Vec::new(),
        })
    }

    /// Returns the broker behind the gate.
    pub const fn broker(&self) -> &B {
        &self.broker
    }

    /// Returns why the kill switch was thrown, if it was.
    pub fn killed(&self) -> Option<&str> {
        self.killed.as_deref()
    }

    /// Returns how many requests a rule has refused.
    pub fn refusals(&self, rule: RiskRule) -> u64 {
        self.refusals[rule as usize]
    }

    /// Throws the kill switch: every order is cancelled, every position is closed at the market, and nothing else is
    /// allowed until [`reset`](Self::reset).
    pub fn kill(&mut self, reason: &str, now: Timestamp) {
        if self.killed.is_some() {
            return;
        }
        self.killed = Some(reason.into());
        for slot in 0..self.markets.len() {
            for passed in std::mem::take(&mut self.markets.get_mut(slot).orders) {
                // One that ended in the same moment is no longer there, which is what was wanted.
                let is_left = self.broker.cancel(passed.order, now).is_ok()
                    && self.broker.remaining(passed.order).is_some();
                if is_left {
                    self.markets.get_mut(slot).orders.push(passed);
                }
            }
        }
        self.close_all(now);
    }

    /// Resets the kill switch. This is the operator's to do, never the strategy's: the day's loss is counted anew.
    pub fn reset(&mut self, now: Timestamp) {
        self.killed = None;
        self.losses_in_a_row = 0;
        self.begin_day(now);
    }

    /// Sends the orders that close what is held, once for each market.
    fn close_all(&mut self, now: Timestamp) {
        for at in 0..self.held.len() {
            let slot = self.held[at];
            self.close(slot, "kill switch", now);
        }
    }

    fn close(&mut self, slot: usize, tag: &str, now: Timestamp) {
        let symbol = self.markets.symbol(slot);
        let held = self.broker.position(symbol).quantity;
        if held.is_zero() || self.markets.get(slot).is_closing() {
            return;
        }
        let side = if held.is_sign_negative() { Side::Buy } else { Side::Sell };
        let request = OrderRequest::new(symbol.clone(), side, held.abs(), OrderKind::Market);
        // What is left below one lot stays.
        if let Ok(order) = self.broker.submit(request.reduce_only().tag(tag), now) {
            let passed = PassedOrder { order, quantity: held.abs(), is_entry: false, closes: true };
            self.markets.get_mut(slot).orders.push(passed);
        }
    }

    fn begin_day(&mut self, now: Timestamp) {
        let begins = i64::try_from(self.rules.day_begins.as_nanos()).unwrap_or(0);
        self.day = now.as_nanos().saturating_sub(begins).div_euclid(DAY);
        self.day_equity = self.broker.equity();
        self.day_equity_f64 = self.broker.equity_f64();
        self.entries_today = 0;
        self.losses_in_a_row = 0;
    }

    /// Takes note of time, price and gaps before the broker handles the event.
    fn note(&mut self, event: &FeedEvent) {
        let (symbol, time, price): (&Symbol, _, _) = match event {
            FeedEvent::Bar { series, candle, is_quiet, .. } => {
                let end = self.grid.close(series.timeframe, candle.open_time);
                (&series.symbol, end, (!is_quiet).then_some(candle.close))
            }
            FeedEvent::Trade(trade) => (&trade.symbol, trade.time, Some(trade.price)),
            FeedEvent::Ticker(ticker) => (&ticker.symbol, ticker.time, Some(ticker.price)),
            FeedEvent::Book(book) => {
                let middle = book.best_bid().zip(book.best_ask());
                (&book.symbol, book.time, middle.map(|(bid, ask)| f64::midpoint(bid.price, ask.price)))
            }
            FeedEvent::Gap(gap) => return self.gaps.note(gap),
            _ => return,
        };
        self.now = self.now.max(time);
        let begins = i64::try_from(self.rules.day_begins.as_nanos()).unwrap_or(0);
        if self.now.as_nanos().saturating_sub(begins).div_euclid(DAY) != self.day {
            self.begin_day(self.now);
        }
        let slot = self.markets.slot(symbol);
        let market = self.markets.get_mut(slot);
        market.heard = market.heard.max(time);
        market.price = price.unwrap_or(market.price);
    }

    /// Learns from the broker's news what became of the orders.
    fn learn(&mut self, news: &[BrokerEvent]) {
        for one in news {
            let slot = self.markets.slot(match one {
                BrokerEvent::Fill(fill) => &fill.symbol,
                BrokerEvent::Status { symbol, .. } => symbol,
            });
            if let BrokerEvent::Fill(fill) = one {
                let position = self.broker.position(&fill.symbol);
                self.held.retain(|held| *held != slot);
                if !position.is_flat() {
                    self.held.push(slot);
                }
                if let Some(result) = self.markets.get_mut(slot).on_fill(fill, position) {
                    self.losses_in_a_row = if result < Decimal::ZERO { self.losses_in_a_row + 1 } else { 0 };
                }
            }
            let broker = &self.broker;
            self.markets.get_mut(slot).orders.retain_mut(|passed| {
                let remaining = broker.remaining(passed.order);
                passed.quantity = remaining.unwrap_or_default();
                remaining.is_some()
            });
        }
    }

    /// Throws the kill switch after too large a loss, and closes what has been held for too long.
    fn watch(&mut self) {
        if self.held.is_empty() {
            return;
        }
        if let (Some(most), None) = (self.rules.max_daily_loss, &self.killed) {
            // Rounded figures first: the exact ones cost a conversion.
            let floor = self.day_equity_f64 * (1.0 - crate::decimals::nearest(most));
            if self.broker.equity_f64() <= floor * (1.0 + 1e-9) {
                let (equity, least) = (self.broker.equity(), self.day_equity * (Decimal::ONE - most));
                if equity <= least {
                    let reason =
                        format!("the account fell from {} to {equity} within the day", self.day_equity);
                    self.kill(&reason, self.now);
                }
            }
        }
        if self.killed.is_some() {
            // An order may have been filled before its cancellation arrived.
            self.close_all(self.now);
        }
        if let Some(limit) = self.rules.time_stop {
            for at in 0..self.held.len() {
                let slot = self.held[at];
                if self.markets.get(slot).entered.is_some_and(|entered| self.now.since(entered) >= limit) {
                    self.close(slot, "time stop", self.now);
                }
            }
        }
    }
}
