//! The true data, against which a test checks a client's view.

use std::sync::Arc;

use super::exchange::StockExchange;
use super::exchange::print::StockPrint;
use super::exchange::unadjusted_bar::UnadjustedBar;
use super::new_york::{NS_PER_MS, day_of};
use super::service::trades;
use super::trading_minute::TradingMinute;
use crate::calendar::MINUTE;
use crate::world::EmulatorWorld;

/// One print of the tape.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StockTrade {
    /// The tape's timestamp, ns since the epoch, which assigns it to bars.
    pub sip_ns: i64,
    /// The time at which the venue published it, ns since the epoch.
    pub known_ns: i64,
    /// True if sockets deliver it, false if only REST does.
    pub is_streamed: bool,
    /// The sequence number, which grows through the day with gaps.
    pub sequence: i64,
    /// The id as on the wire.
    pub id: String,
    /// The price in units of 1e-8 dollars.
    pub price_e8: i64,
    /// The size in units of 1e-8 shares.
    pub size_e8: i64,
    /// The venue's number of the exchange.
    pub exchange: u8,
    /// The reporting facility, for off-exchange prints.
    pub facility: Option<u8>,
    /// The venue's numbers of its conditions.
    pub conditions: Vec<u8>,
}

/// One bar of the tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StockBar {
    /// The time at which it begins, ms since the epoch.
    pub start_ms: i64,
    /// The first price, in units of 1e-8 dollars.
    pub open_e8: i64,
    /// The highest price, in units of 1e-8 dollars.
    pub high_e8: i64,
    /// The lowest price, in units of 1e-8 dollars.
    pub low_e8: i64,
    /// The last price, in units of 1e-8 dollars.
    pub close_e8: i64,
    /// The volume in units of 1e-8 shares.
    pub volume_e8: i128,
    /// The turnover in units of 1e-16 dollars.
    pub turnover_e16: i128,
    /// The number of prints in it.
    pub count: u64,
}

/// The tape of the Massive emulator, past and future, in the shares of each day (unadjusted).
#[derive(Clone, Debug)]
pub struct StocksTape(Arc<EmulatorWorld>);

impl StocksTape {
    pub(crate) const fn new(world: Arc<EmulatorWorld>) -> Self {
        Self(world)
    }

    fn exchange(&self) -> &StockExchange {
        self.0.exchange()
    }

    /// Returns all tickers, in the order of the listing.
    #[must_use]
    pub fn tickers(&self) -> Vec<String> {
        self.exchange().universe.iter().map(|(_, stock)| stock.ticker.clone()).collect()
    }

    /// Returns the prints of a ticker with `from_ns <= stamp < to_ns`, by timestamp; none for an unknown
    /// ticker.
    ///
    /// Prints of the future, and those that are not known yet, are included.
    #[must_use]
    pub fn trades(&self, ticker: &str, from_ns: i64, to_ns: i64) -> Vec<StockTrade> {
        let Some(index) = self.exchange().universe.find(ticker) else { return Vec::new() };
        // Late prints included: a year after the last of them all are known.
        let at_ms = (to_ns / NS_PER_MS).saturating_add(400 * 24 * 60 * MINUTE);
        let found = trades::search(self.exchange(), index, at_ms, (from_ns, to_ns), false, usize::MAX);
        found.iter().map(StockTrade::from).collect()
    }

    /// Returns the minute bars of a ticker that begin in `from_ms..to_ms`, as the venue knew them at
    /// `known_ms`.
    ///
    /// With `i64::MAX` they are final, those of the future too.
    #[must_use]
    pub fn minutes(&self, ticker: &str, from_ms: i64, to_ms: i64, known_ms: i64) -> Vec<StockBar> {
        let exchange = self.exchange();
        let Some(index) = exchange.universe.find(ticker) else { return Vec::new() };
        let days = day_of(from_ms)..=day_of(to_ms - 1);
        let cells = days.flat_map(|day| exchange.minutes(index, day, known_ms));
        cells
            .map(|cell| cell.bar)
            .filter(|bar| bar.is_priced() && from_ms <= bar.start_ms && bar.start_ms < to_ms)
            .map(StockBar::from)
            .collect()
    }

    /// Returns the second bars of a ticker that begin in `from_ms..to_ms`, as the venue knew them at
    /// `known_ms`.
    #[must_use]
    pub fn seconds(&self, ticker: &str, from_ms: i64, to_ms: i64, known_ms: i64) -> Vec<StockBar> {
        let exchange = self.exchange();
        let Some(index) = exchange.universe.find(ticker) else { return Vec::new() };
        let minutes = from_ms.div_euclid(MINUTE)..=(to_ms - 1).div_euclid(MINUTE);
        minutes
            .flat_map(|minute| {
                let at = TradingMinute::at(minute * MINUTE, exchange.scenario.hours);
                exchange.seconds(exchange.universe.get(index), at, known_ms)
            })
            .filter(|bar| from_ms <= bar.start_ms && bar.start_ms < to_ms)
            .map(StockBar::from)
            .collect()
    }

    /// Returns the day bar of a ticker for the New York day that contains `ms`, as the venue knew it at
    /// `known_ms`.
    #[must_use]
    pub fn day(&self, ticker: &str, ms: i64, known_ms: i64) -> Option<StockBar> {
        let index = self.exchange().universe.find(ticker)?;
        self.exchange().day_bar(index, day_of(ms), known_ms).map(StockBar::from)
    }
}

impl From<&StockPrint> for StockTrade {
    fn from(print: &StockPrint) -> Self {
        Self {
            sip_ns: print.sip_ns,
            known_ns: print.known_ns,
            is_streamed: print.is_streamed,
            sequence: print.sequence,
            id: print.id.to_string(),
            price_e8: print.price_e8,
            size_e8: print.size_e8,
            exchange: print.exchange,
            facility: print.facility,
            conditions: print.conditions.codes().collect(),
        }
    }
}

impl From<UnadjustedBar> for StockBar {
    fn from(bar: UnadjustedBar) -> Self {
        Self {
            start_ms: bar.start_ms,
            open_e8: bar.open,
            high_e8: bar.high,
            low_e8: bar.low,
            close_e8: bar.close,
            volume_e8: bar.volume,
            turnover_e16: bar.turnover,
            count: bar.count,
        }
    }
}
