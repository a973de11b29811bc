//! A broker on paper: it fills orders from the events of the market and keeps the account.
//!
//! Which event fills which order, at which price and with which certainty is written down in `docs/fills.md`, and tested
//! rule by rule.

mod account;
mod bars;
mod config;
mod costs;
mod depth;
mod finer;
mod index;
mod latency;
mod matching;
mod paper_market;
mod price_path;
mod requests;
mod tape;
mod venue_rules;
mod working_order;

use std::fmt;

use market_backbone_core::{
    Candle, Channel, FeedEvent, GapState, OrderBook, Series, Symbol, Timestamp, Trade,
};
use rust_decimal::Decimal;

use self::account::Account;
pub use self::config::{
    FillSource, IntrabarPath, LimitAtOpen, LimitReach, PaperConfig, PaperConfigError, ShortOfCash,
};
pub use self::costs::{FeeCurrency, FeeRates, Slippage};
pub use self::finer::FinerData;
use self::index::{MarketTable, OrderIndex};
pub use self::latency::{Latency, LatencyModel};
use self::matching::{MatchingTerms, OrderMatching};
use self::paper_market::PaperMarket;
pub use self::requests::OpenOrder;
pub use self::venue_rules::{PriceStep, VenueRules};
use crate::broker::{Broker, BrokerEvent, OrderError};
use crate::decimals::nearest;
use crate::order::{OrderId, OrderKind, OrderRequest, Position};

/// A broker that fills orders from the events of the market.
///
/// ```
/// use market_backbone_strategy::Decimal;
/// use market_backbone_strategy::paper::{FeeRates, PaperBroker, PaperConfig};
///
/// let fees = FeeRates::quote("0.0005".parse()?);
/// let broker = PaperBroker::new(PaperConfig::new(Decimal::from(1_000_000), fees))?;
/// # use market_backbone_strategy::broker::Broker;
/// assert_eq!(broker.equity(), Decimal::from(1_000_000));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct PaperBroker {
    config: PaperConfig,
    finer: Option<Box<dyn FinerData>>,
    account: Account,
    /// The cash, rounded, for values that need not be exact.
    cash_f64: f64,
    markets: MarketTable,
    orders: OrderIndex,
    next_order: u64,
    /// News of requests that took effect between two events; the next event delivers them first.
    pending: Vec<BrokerEvent>,
    ambiguous_bars: u64,
    looks: u64,
}

impl PaperBroker {
    /// Returns a broker with the cash of `config` and nothing else.
    ///
    /// # Errors
    ///
    /// [`PaperConfigError`] if a run with this configuration could not mean anything.
    pub fn new(config: PaperConfig) -> Result<Self, PaperConfigError> {
        config.check()?;
        Ok(Self {
            account: Account::new(config.cash),
            cash_f64: nearest(config.cash),
            config,
            finer: None,
            markets: MarketTable::default(),
            orders: OrderIndex::default(),
            next_order: 1,
            pending: Vec::new(),
            ambiguous_bars: 0,
            looks: 0,
        })
    }

    /// Asks `finer` for the inside of bars in which the order of the prices decides.
    #[must_use]
    pub fn with_finer_data(mut self, finer: Box<dyn FinerData>) -> Self {
        self.finer = Some(finer);
        self
    }

    /// Returns the configuration.
    #[must_use]
    pub const fn config(&self) -> &PaperConfig {
        &self.config
    }

    /// Returns all fees, in the quote currency; a fee in base counts at the price of its fill.
    #[must_use]
    pub const fn fees(&self) -> Decimal {
        self.account.fees
    }

    /// Returns the number of bars in which the order of the prices decided something that no finer data told.
    #[must_use]
    pub const fn ambiguous_bars(&self) -> u64 {
        self.ambiguous_bars
    }

    /// Returns by how much the cash differs from what all fills and fees explain: zero, or there is a defect.
    #[must_use]
    pub fn imbalance(&self) -> Decimal {
        self.account.imbalance()
    }

    /// Returns how often an order was looked at, which shows what the run has cost.
    #[must_use]
    pub const fn looks(&self) -> u64 {
        self.looks
    }

    /// Matches a market's orders with an event and keeps what is left of them.
    fn match_orders(
        &mut self,
        market: usize,
        news: &mut Vec<BrokerEvent>,
        work: impl FnOnce(&mut OrderMatching<'_>, &mut PaperMarketParts<'_>),
    ) {
        let (exposure_elsewhere, value_elsewhere) =
            if self.config.allow_short { self.markets.elsewhere(market) } else { Default::default() };
        let (symbol, PaperMarket { orders, holding, taken, .. }) = self.markets.with_symbol(market);
        let rules = self.config.rules_of(symbol);
        let terms =
            MatchingTerms { config: &self.config, rules, symbol, exposure_elsewhere, value_elsewhere };
        let mut matching =
            OrderMatching::new(terms, std::mem::take(orders), self.account, *holding, std::mem::take(news));
        let mut parts = PaperMarketParts {
            taken,
            finer: self.finer.as_deref_mut(),
            ambiguous_bars: &mut self.ambiguous_bars,
        };
        work(&mut matching, &mut parts);
        let OrderMatching { orders: left, account, holding: held, news: all_news, fired, looks, .. } =
            matching;
        (*orders, self.account, *news) = (left, account, all_news);
        self.looks += looks;
        self.orders.forget_ended(orders);
        let changed = *holding != held;
        *holding = held;
        if changed {
            self.markets.update_position(market);
            self.cash_f64 = nearest(self.account.cash);
        }
        for (group, first) in fired {
            self.cancel_elsewhere(market, group, first, news);
        }
    }

    fn on_bar(&mut self, series: &Series, candle: &Candle, news: &mut Vec<BrokerEvent>) {
        let market = self.markets.find_or_insert(&series.symbol);
        let state = self.markets.get_mut(market);
        if !state.takes_bars_of(series.timeframe) {
            return;
        }
        if !state.saw_trades {
            state.mark = candle.close;
        }
        let is_newer = candle.open_time > state.newest_bar;
        state.newest_bar = state.newest_bar.max(candle.open_time);
        if state.orders.is_empty()
            || !is_newer
            || !state.fills_from_bars(self.config.source)
            || !candle.is_valid()
        {
            return;
        }
        self.match_orders(market, news, |matching, parts| {
            let is_ambiguous = bars::fill_from_bar(matching, series, candle, parts.finer.as_deref_mut());
            *parts.ambiguous_bars += u64::from(is_ambiguous);
        });
    }

    fn on_trade(&mut self, trade: &Trade, news: &mut Vec<BrokerEvent>) {
        let market = self.markets.find_or_insert(&trade.symbol);
        let state = self.markets.get_mut(market);
        state.saw_trades = true;
        state.mark = trade.price;
        let takes = match self.config.source {
            FillSource::Finest => !state.saw_books,
            FillSource::Trades => true,
            FillSource::Bars | FillSource::Books => return,
        };
        if !state.orders.is_empty() {
            self.match_orders(market, news, |matching, _| tape::fill_from_trade(matching, trade, takes));
        }
    }

    fn on_book(&mut self, book: &OrderBook, news: &mut Vec<BrokerEvent>) {
        let market = self.markets.find_or_insert(&book.symbol);
        let state = self.markets.get_mut(market);
        state.saw_books = true;
        if let (false, Some(bid), Some(ask)) = (state.saw_trades, book.best_bid(), book.best_ask()) {
            state.mark = f64::midpoint(bid.price, ask.price);
        }
        let triggers = match self.config.source {
            FillSource::Finest => !state.saw_trades,
            FillSource::Books => true,
            FillSource::Bars | FillSource::Trades => return,
        };
        if !state.orders.is_empty() && book.is_valid() {
            self.match_orders(market, news, |matching, parts| {
                depth::fill_from_book(matching, book, triggers, parts.taken);
            });
        }
    }

    /// Marks the open orders of these markets: whether they would have been filled in the lost span nobody knows.
    fn doubt(&mut self, channels: &[Channel]) {
        for channel in channels {
            if channel.symbol.is_any() {
                self.markets.iter_mut().for_each(PaperMarket::doubt);
            } else if let Some(market) = self.markets.find(&channel.symbol) {
                self.markets.get_mut(market).doubt();
            }
        }
    }
}

/// The parts of a market and of the broker that a match does not copy.
struct PaperMarketParts<'a> {
    taken: &'a mut depth::TakenLevels,
    finer: Option<&'a mut (dyn FinerData + 'static)>,
    ambiguous_bars: &'a mut u64,
}

impl fmt::Debug for PaperBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PaperBroker").field("account", &self.account).finish_non_exhaustive()
    }
}

impl Broker for PaperBroker {
    fn submit(&mut self, request: OrderRequest, now: Timestamp) -> Result<OrderId, OrderError> {
        self.accept(request, now)
    }

    fn cancel(&mut self, order: OrderId, now: Timestamp) -> Result<(), OrderError> {
        self.withdraw(order, now)
    }

    fn amend(&mut self, order: OrderId, kind: OrderKind, now: Timestamp) -> Result<(), OrderError> {
        self.change(order, kind, now)
    }

    fn on_event(&mut self, event: &FeedEvent, news: &mut Vec<BrokerEvent>) {
        if !self.pending.is_empty() {
            news.append(&mut self.pending);
        }
        match event {
            FeedEvent::Bar { series, candle, revision: 0, is_quiet: false, .. } => {
                self.on_bar(series, candle, news);
            }
            FeedEvent::Trade(trade) => self.on_trade(trade, news),
            FeedEvent::Book(book) => self.on_book(book, news),
            FeedEvent::Gap(gap) if gap.state == GapState::Lost => self.doubt(&gap.channels),
            FeedEvent::Lagged { .. } => self.markets.iter_mut().for_each(PaperMarket::doubt),
            _ => {}
        }
    }

    fn cash(&self) -> Decimal {
        self.account.cash
    }

    fn position(&self, symbol: &Symbol) -> Position {
        self.markets.find(symbol).map_or_else(Position::default, |market| self.markets.get(market).position)
    }

    fn equity(&self) -> Decimal {
        self.account.cash + self.markets.held().map(PaperMarket::value).sum::<Decimal>()
    }

    fn equity_f64(&self) -> f64 {
        let held = self.markets.held().map(|market| market.quantity_f64 * market.mark);
        self.cash_f64 + held.sum::<f64>()
    }

    fn remaining(&self, order: OrderId) -> Option<Decimal> {
        self.markets.get(self.orders.market_of(order)?).order(order).map(|open| open.remaining)
    }

    fn take_news(&mut self, news: &mut Vec<BrokerEvent>) {
        news.append(&mut self.pending);
    }
}
