//! Rules that stand between a strategy and its broker.
//!
//! A [`RiskGate`] is a broker around a broker: every order passes it, and every event and fill tells it what the account
//! has been through. It refuses with the rule that was broken, and it acts by itself in two cases only: the time stop, and
//! the kill switch.

mod gate;
mod interrupted_channels;
mod market_risk;
mod rules;

pub use self::gate::RiskGate;
pub use self::rules::{RiskRule, RiskRules, RiskRulesError};
