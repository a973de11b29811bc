//! The subscriptions of a socket: pairs of a channel and a ticker, or a channel and the whole market.

use std::collections::BTreeSet;

use rustc_hash::FxHashSet;

use crate::massive::channel::StockChannel;
use crate::massive::exchange::StockExchange;

/// Splits a pair of a subscribe message into the channel it names, if that exists, and its ticker.
pub(crate) fn split(pair: &str) -> Option<(StockChannel, &str)> {
    // At the first dot only: tickers have dots too.
    let (channel, ticker) = pair.split_once('.')?;
    Some((StockChannel::parse(channel)?, ticker)).filter(|(_, ticker)| !ticker.is_empty())
}

/// All pairs of a socket. A pair and the wildcard above it make one subscription, not two.
#[derive(Clone, Debug, Default)]
pub(crate) struct ChannelSubscriptions {
    pairs: BTreeSet<String>,
    all: [bool; 5],
    some: [FxHashSet<u32>; 5],
}

impl ChannelSubscriptions {
    /// Adds a valid pair. Returns whether it is new. An unknown ticker is accepted, and never has data.
    pub(crate) fn add(&mut self, exchange: &StockExchange, pair: &str) -> bool {
        let Some((channel, ticker)) = split(pair) else { return false };
        if !self.pairs.insert(pair.to_owned()) {
            return false;
        }
        if ticker == "*" {
            self.all[channel as usize] = true;
        } else if let Some(index) = exchange.universe.find(ticker) {
            self.some[channel as usize].insert(index);
        }
        true
    }

    /// Removes a pair. Returns whether it was subscribed.
    pub(crate) fn remove(&mut self, exchange: &StockExchange, pair: &str) -> bool {
        if !self.pairs.remove(pair) {
            return false;
        }
        if let Some((channel, ticker)) = split(pair) {
            if ticker == "*" {
                self.all[channel as usize] = false;
            } else if let Some(index) = exchange.universe.find(ticker) {
                self.some[channel as usize].remove(&index);
            }
        }
        true
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    #[inline]
    pub(crate) fn has(&self, channel: StockChannel, index: u32) -> bool {
        self.all[channel as usize] || self.some[channel as usize].contains(&index)
    }

    /// Returns every stock with a subscription.
    pub(crate) fn stocks(&self, exchange: &StockExchange) -> Vec<u32> {
        if self.all.contains(&true) {
            return exchange.universe.iter().map(|(index, _)| index).collect();
        }
        let named: BTreeSet<u32> = self.some.iter().flatten().copied().collect();
        named.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::massive::scenario::{StockActivity, StocksScenario, TickerSet, TickerSpec};

    #[test]
    fn pairs_are_held_once_and_split_at_the_first_dot() {
        let specs = ["BRK.B", "SPY"].map(|ticker| TickerSpec::new(ticker, StockActivity::Thick));
        let stage = StocksScenario { tickers: TickerSet::Own(specs.into()), ..StocksScenario::default() };
        let exchange = StockExchange::new(1, stage, 1_786_022_055_678);
        let mut wants = ChannelSubscriptions::default();
        assert!(wants.add(&exchange, "T.BRK.B") && !wants.add(&exchange, "T.BRK.B"));
        assert!(wants.add(&exchange, "T.NOPE"), "acknowledged, never heard of");
        assert!(!wants.add(&exchange, "ZZ.SPY"));
        assert_eq!(wants.stocks(&exchange), [0]);
        assert!(wants.add(&exchange, "T.*") && wants.has(StockChannel::Trade, 1));
        assert!(wants.remove(&exchange, "T.*") && !wants.remove(&exchange, "T.*"));
        assert!(!wants.has(StockChannel::Trade, 1) && wants.has(StockChannel::Trade, 0));
    }
}
