//! The configuration of a paper broker.

use std::sync::Arc;

use market_backbone_core::{Grid, Symbol};
use rust_decimal::Decimal;
use rustc_hash::FxHashMap;

use super::costs::{FeeRates, Slippage};
use super::latency::LatencyModel;
use super::venue_rules::VenueRules;

/// The path of the price through a bar, of which only four prices are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IntrabarPath {
    /// Open, the nearer of high and low, the other one, close. Of a stop and a target that were both reached the worse
    /// one counts, and a position that was entered inside the bar is closed in it only if it must have been.
    #[default]
    NearestExtremeFirst,
    /// The one of both orders of the extremes after which the account is worth less.
    Pessimistic,
    /// The one of both orders of the extremes after which the account is worth more.
    Optimistic,
}

/// The price at which a resting limit order counts as reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LimitReach {
    /// The market must trade beyond the limit: at the limit itself others may have been first.
    #[default]
    Through,
    /// A trade at the limit is enough.
    Touch,
    /// A trade at the limit counts once as much was traded there as stood ahead of the order when it arrived. Without a
    /// book this is the same as [`Through`](Self::Through).
    Queue,
}

/// The price of a limit order when a bar opens beyond its limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LimitAtOpen {
    /// The limit itself.
    #[default]
    Limit,
    /// The open, which is better than the limit.
    Open,
}

/// The fate of a buy order that costs more than the cash there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ShortOfCash {
    /// The order is rejected.
    #[default]
    Reject,
    /// The order buys as much as the cash pays for, and the rest is cancelled.
    Shrink,
}

/// The kind of data that fills the orders of a market.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FillSource {
    /// The finest kind that has arrived of that market: books before trades before bars.
    #[default]
    Finest,
    /// Bars only, whatever else arrives.
    Bars,
    /// Trades only, whatever else arrives.
    Trades,
    /// Books only, whatever else arrives.
    Books,
}

/// The configuration of a paper broker. Cash and fees have no default.
#[derive(Clone, Debug)]
pub struct PaperConfig {
    /// The cash at the beginning, in the quote currency of all markets.
    pub cash: Decimal,
    /// The fees of the venue.
    pub fees: FeeRates,
    /// The slippage of orders that take from the market.
    pub slippage: Slippage,
    /// The time that requests take.
    pub latency: LatencyModel,
    /// The rules of every market that has none of its own.
    pub rules: VenueRules,
    /// The rules of single markets.
    pub market_rules: FxHashMap<Symbol, VenueRules>,
    /// The path of the price through a bar.
    pub path: IntrabarPath,
    /// The price at which a limit order counts as reached.
    pub limit_reach: LimitReach,
    /// The price of a limit order when a bar opens beyond it.
    pub limit_at_open: LimitAtOpen,
    /// `true` if more may be sold than is held. The account then owes at most what it is worth.
    pub allow_short: bool,
    /// The fate of a buy order that costs more than the cash there is.
    pub short_of_cash: ShortOfCash,
    /// The share of a bar's or a trade's volume that all orders together may take; `None` for no limit on bars, and all
    /// of a trade.
    pub volume_share: Option<Decimal>,
    /// The kind of data that fills orders.
    pub source: FillSource,
    /// The calendar that says when a bar of the venue ends.
    pub grid: Grid,
}

/// The reason why a paper broker cannot be run with a configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PaperConfigError(Arc<str>);

impl PaperConfig {
    /// Returns a configuration without slippage, latency, venue rules and short selling.
    #[must_use]
    pub fn new(cash: Decimal, fees: FeeRates) -> Self {
        Self {
            cash,
            fees,
            slippage: Slippage::None,
            latency: LatencyModel::default(),
            rules: VenueRules::none(),
            market_rules: FxHashMap::default(),
            path: IntrabarPath::default(),
            limit_reach: LimitReach::default(),
            limit_at_open: LimitAtOpen::default(),
            allow_short: false,
            short_of_cash: ShortOfCash::default(),
            volume_share: None,
            source: FillSource::default(),
            grid: Grid::default(),
        }
    }

    /// Returns the rules of `symbol`.
    #[must_use]
    pub fn rules_of(&self, symbol: &Symbol) -> &VenueRules {
        // Most configurations have no rules of single markets, and need no hash.
        if self.market_rules.is_empty() {
            return &self.rules;
        }
        self.market_rules.get(symbol).unwrap_or(&self.rules)
    }

    /// Returns an error if a run with this configuration could not mean anything.
    pub(crate) fn check(&self) -> Result<(), PaperConfigError> {
        let refuse = |text: String| Err(PaperConfigError(text.into()));
        let is_share = |rate: Decimal| (Decimal::ZERO..Decimal::ONE).contains(&rate);
        if self.cash <= Decimal::ZERO {
            return refuse(format!("the account begins with a cash of {}; give it more than 0", self.cash));
        }
        for (name, rate) in [("maker", self.fees.maker), ("taker", self.fees.taker)] {
            if !is_share(rate) {
                return refuse(format!(
                    "the {name} fee of {rate} is no fraction from 0 up to 1; 0.05 % is written 0.0005"
                ));
            }
        }
        match self.slippage {
            Slippage::Fraction(fraction) if !is_share(fraction) => refuse(format!(
                "the slippage of {fraction} is no fraction from 0 up to 1; 0.1 % is written 0.001"
            )),
            Slippage::Ticks(1..) if self.rules.step_at(Decimal::ONE).is_none() => refuse(
                "the slippage is given in price steps, and the venue's rules name none; add the steps of its price bands"
                    .to_owned(),
            ),
            Slippage::None | Slippage::Fraction(_) | Slippage::Ticks(_) => match self.volume_share {
                Some(share) if share <= Decimal::ZERO => refuse(format!(
                    "the share of the volume is {share}; give a share above 0, or none for no limit"
                )),
                _ => Ok(()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(change: impl FnOnce(&mut PaperConfig), want: &str) {
        let mut config = PaperConfig::new(Decimal::ONE_THOUSAND, FeeRates::quote(Decimal::ZERO));
        assert_eq!(config.check(), Ok(()));
        change(&mut config);
        let text = config.check().unwrap_err().to_string();
        assert!(text.contains(want), "{text}");
    }

    #[test]
    fn a_configuration_that_means_nothing_is_refused_before_the_run() {
        refused(|config| config.cash = Decimal::ZERO, "give it more than 0");
        refused(|config| config.fees.taker = Decimal::new(5, 0), "the taker fee of 5");
        refused(|config| config.fees.maker = Decimal::new(-1, 3), "the maker fee of -0.001");
        refused(|config| config.slippage = Slippage::Ticks(1), "add the steps");
        refused(|config| config.slippage = Slippage::Fraction(Decimal::TEN), "0.1 % is written 0.001");
        refused(|config| config.volume_share = Some(Decimal::ZERO), "share above 0");
    }
}
