//! The checks that an order has to pass.

use std::sync::Arc;

use market_backbone_core::{Symbol, Timestamp};
use rust_decimal::Decimal;

use super::RiskGate;
use crate::broker::{Broker, OrderError};
use crate::decimals::decimal;
use crate::order::{OrderKind, OrderRequest};
use crate::risk::market_risk::MarketRisk;
use crate::risk::rules::RiskRule;

/// A broken rule, and what there is to say about it.
type Broken = (RiskRule, String);

impl<B: Broker> RiskGate<B> {
    /// Turns a broken rule into a refusal that names it, and counts it.
    pub(super) fn refused(&mut self, (rule, text): Broken) -> OrderError {
        self.refusals[rule as usize] += 1;
        OrderError::Refused(Arc::from(format!("{rule}: {text}")))
    }

    pub(super) fn check(&self, request: &OrderRequest, now: Timestamp) -> Result<(), Broken> {
        let symbol = &request.symbol;
        self.check_gap(symbol)?;
        let held = self.broker.position(symbol).quantity;
        if !MarketRisk::is_entry(request.side, request.quantity, request.reduce_only, held) {
            return Ok(());
        }
        if let Some(reason) = &self.killed {
            return Err((
                RiskRule::KillSwitch,
                format!("{reason}; positions can be closed only, until the operator resets the switch"),
            ));
        }
        self.check_silence(symbol, now)?;
        self.check_counts(symbol)?;
        self.check_size(request, held)
    }

    pub(super) fn check_gap(&self, symbol: &Symbol) -> Result<(), Broken> {
        if self.gaps.is_open(symbol) {
            let text = format!("events of {symbol} are missing; decide again when the gap has been healed");
            return Err((RiskRule::OpenGap, text));
        }
        Ok(())
    }

    fn check_silence(&self, symbol: &Symbol, now: Timestamp) -> Result<(), Broken> {
        let Some(most) = self.rules.max_silence else { return Ok(()) };
        let heard = self.markets.find(symbol).map(|slot| self.markets.get(slot).heard);
        match heard {
            Some(heard) if now.since(heard) <= most => Ok(()),
            Some(heard) => Err((
                RiskRule::SilentFeed,
                format!(
                    "the latest data of {symbol} are of {heard}, {} s before this order; {} s are allowed",
                    now.since(heard).as_secs(),
                    most.as_secs()
                ),
            )),
            None => {
                Err((RiskRule::SilentFeed, format!("nothing has arrived of {symbol}; subscribe to it first")))
            }
        }
    }

    fn check_counts(&self, symbol: &Symbol) -> Result<(), Broken> {
        if let Some(most) = self.rules.max_losses_in_a_row
            && self.losses_in_a_row >= most
        {
            let text = format!(
                "{} trades in a row were lost; entries are allowed again tomorrow",
                self.losses_in_a_row
            );
            return Err((RiskRule::LossesInARow, text));
        }
        if let Some(most) = self.rules.max_entries_per_day
            && self.entries_today >= most
        {
            return Err((
                RiskRule::EntriesPerDay,
                format!("{most} entries were made today, which is the most"),
            ));
        }
        if let Some(most) = self.rules.max_open_positions {
            let is_busy = |market: &MarketRisk| market.entered.is_some() || !market.entering().is_zero();
            let others =
                self.markets.iter().filter(|(other, market)| other != symbol && is_busy(market)).count();
            if others >= most {
                let text = format!(
                    "{others} other markets are held or being entered, and {most} are allowed at once"
                );
                return Err((RiskRule::OpenPositions, text));
            }
        }
        Ok(())
    }

    fn check_size(&self, request: &OrderRequest, held: Decimal) -> Result<(), Broken> {
        let Some(share) = self.rules.max_position else { return Ok(()) };
        let symbol = &request.symbol;
        let known = self.markets.find(symbol).map(|slot| self.markets.get(slot));
        let asked = match request.kind {
            OrderKind::Limit { price } | OrderKind::StopLimit { price, .. } => Some(price),
            OrderKind::Stop { trigger } => Some(trigger),
            OrderKind::Market | OrderKind::Trailing { .. } => None,
        };
        let price = known.and_then(|market| decimal(market.price)).into_iter().chain(asked).max();
        let Some(price) = price else {
            return Err((
                RiskRule::PositionSize,
                format!("no price of {symbol} has arrived; subscribe to it first"),
            ));
        };
        let entering = known.map_or(Decimal::ZERO, MarketRisk::entering);
        let value = (held.abs() + entering + request.quantity) * price;
        let most = share * self.broker.equity();
        if value > most {
            return Err((
                RiskRule::PositionSize,
                format!(
                    "a position of {symbol} would be worth {} with this order, and {} is allowed ({share} of the account); trade less",
                    value.normalize(),
                    most.round_dp(8).normalize()
                ),
            ));
        }
        Ok(())
    }
}
