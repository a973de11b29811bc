//! Keeps the books of a run beside the broker: equity at every event, days, trades, exposure.

use market_backbone_core::{FeedEvent, Symbol, Timestamp};
use rust_decimal::Decimal;
use rustc_hash::FxHashMap;

use super::BacktestConfig;
use super::daily_equity::DailyEquity;
use super::equity_curve::EquityCurve;
use super::trade_book::{FillFigures, RoundTrip, TradeBook};
use crate::broker::{Broker, BrokerEvent};
use crate::decimals::nearest;
use crate::order::{FillCertainty, OrderFill};
use crate::report::{BacktestReport, FillCounts, MarketResult, Performance, TradeStats};

/// The books of one run. Amounts are numbers here: what must add up to the last digit is the broker's.
#[derive(Clone, Debug)]
pub(super) struct RunRecorder {
    config: BacktestConfig,
    initial: Decimal,
    cash: f64,
    /// The value of all positions at the latest prices.
    holdings: f64,
    markets: Vec<MarketBook>,
    places: FxHashMap<Symbol, usize>,
    latest: usize,
    daily: DailyEquity,
    curve: EquityCurve,
    round_trips: Vec<RoundTrip>,
    fills: FillCounts,
    fees: Decimal,
    traded: f64,
    bars: u64,
    events: u64,
    begin: Option<Timestamp>,
    end: Timestamp,
    invested_ns: i64,
}

#[derive(Clone, Debug)]
struct MarketBook {
    symbol: Symbol,
    quantity: f64,
    price: f64,
    trades: TradeBook,
    result: MarketResult,
}

impl RunRecorder {
    pub(super) fn new(broker: &impl Broker, config: BacktestConfig) -> Self {
        let initial = broker.equity();
        let value = nearest(initial);
        Self {
            config,
            initial,
            cash: nearest(broker.cash()),
            holdings: value - nearest(broker.cash()),
            markets: Vec::new(),
            places: FxHashMap::default(),
            latest: 0,
            daily: DailyEquity::new(config.grid, config.days_per_year >= 365, value),
            curve: EquityCurve::new(value),
            round_trips: Vec::new(),
            fills: FillCounts::default(),
            fees: Decimal::ZERO,
            traded: 0.0,
            bars: 0,
            events: 0,
            begin: None,
            end: Timestamp::MIN,
            invested_ns: 0,
        }
    }

    /// Takes the news of an event in.
    pub(super) fn take_news(&mut self, news: &[BrokerEvent], broker: &impl Broker) {
        let mut has_fills = false;
        for one in news {
            if let BrokerEvent::Fill(fill) = one {
                self.take_fill(fill, broker);
                has_fills = true;
            }
        }
        if has_fills {
            self.cash = nearest(broker.cash());
            self.holdings = self.markets.iter().map(|market| market.quantity * market.price).sum();
        }
    }

    fn take_fill(&mut self, fill: &OrderFill, broker: &impl Broker) {
        let place = self.place(&fill.symbol);
        let figures = FillFigures::of(fill);
        let market = &mut self.markets[place];
        market.quantity = nearest(broker.position(&fill.symbol).quantity);
        if market.price == 0.0 {
            market.price = figures.price;
        }
        market.result.fills += 1;
        market.result.fees += figures.fee;
        market.result.traded += figures.signed.abs() * figures.price;
        self.traded += figures.signed.abs() * figures.price;
        self.fees += if fill.fee_in_base { fill.fee * fill.price } else { fill.fee };
        self.fills.count(fill.certainty);
        let index = u32::try_from(place).unwrap_or(u32::MAX);
        if let Some(trip) = market.trades.take(fill, figures, index) {
            market.result.trades += 1;
            market.result.wins += u64::from(trip.profit > 0.0);
            market.result.profit += trip.profit;
            self.round_trips.push(trip);
        }
    }

    /// Values the account after an event.
    #[inline]
    pub(super) fn observe(&mut self, event: &FeedEvent, now: Timestamp) {
        self.events += 1;
        match event {
            FeedEvent::Bar { series, candle, is_quiet, .. } => {
                self.bars += u64::from(!is_quiet);
                self.begin.get_or_insert(candle.open_time);
                self.mark(&series.symbol, candle.close);
            }
            FeedEvent::Candle { series, candle, .. } => self.mark(&series.symbol, candle.close),
            FeedEvent::Trade(trade) => self.mark(&trade.symbol, trade.price),
            _ => {}
        }
        if now == Timestamp::MIN {
            return; // nothing has happened yet
        }
        if self.holdings != 0.0 && self.end != Timestamp::MIN {
            self.invested_ns += now.as_nanos() - self.end.as_nanos();
        }
        self.begin.get_or_insert(now);
        self.end = now;
        let equity = self.cash + self.holdings;
        self.daily.observe(now, equity);
        self.curve.observe(now, equity);
    }

    #[inline]
    fn mark(&mut self, symbol: &Symbol, price: f64) {
        let place = match self.markets.get(self.latest) {
            Some(market) if market.symbol.is_same(symbol) => self.latest,
            _ => self.place(symbol),
        };
        let market = &mut self.markets[place];
        if market.quantity != 0.0 {
            if self.places.len() == 1 {
                self.holdings = market.quantity * price;
            } else {
                self.holdings += market.quantity * (price - market.price);
            }
        }
        market.price = price;
    }

    fn place(&mut self, symbol: &Symbol) -> usize {
        self.latest = match self.places.get(symbol) {
            Some(place) => *place,
            None => {
                let place = self.markets.len();
                self.places.insert(symbol.clone(), place);
                self.markets.push(MarketBook {
                    symbol: symbol.clone(),
                    quantity: 0.0,
                    price: 0.0,
                    trades: TradeBook::default(),
                    result: MarketResult::new(symbol.clone()),
                });
                place
            }
        };
        self.latest
    }

    /// Returns what came of the run.
    pub(super) fn report(self, broker: &impl Broker) -> BacktestReport {
        let (initial, last) = (nearest(self.initial), nearest(broker.equity()));
        let (curve, max_drawdown, longest_ns) = self.curve.finish();
        let daily = self.daily.finish();
        let performance =
            Performance::of_days(initial, &daily, self.config.days_per_year, max_drawdown, longest_ns);
        let begin = self.begin.unwrap_or(self.end);
        let whole = self.end.as_nanos().saturating_sub(begin.as_nanos());
        let open_positions = self.markets.iter().filter(|market| market.trades.is_open()).count();
        let mean = daily.iter().sum::<f64>() / daily.len() as f64;
        BacktestReport {
            bars: self.bars,
            events: self.events,
            begin,
            end: self.end,
            initial_equity: self.initial,
            final_equity: broker.equity(),
            total_return: (initial > 0.0).then(|| last / initial - 1.0),
            fees: self.fees,
            traded: self.traded,
            turnover: (mean > 0.0).then(|| self.traded / mean),
            exposure: (whole > 0).then(|| self.invested_ns as f64 / whole as f64),
            performance,
            fills: self.fills,
            trades: TradeStats::of(&self.round_trips),
            round_trips: self.round_trips,
            open_positions,
            markets: self.markets.into_iter().map(|market| market.result).collect(),
            curve,
        }
    }
}

impl FillCounts {
    fn count(&mut self, certainty: FillCertainty) {
        match certainty {
            FillCertainty::Proven => self.proven += 1,
            FillCertainty::Assumed => self.assumed += 1,
            FillCertainty::Ambiguous => self.ambiguous += 1,
        }
    }
}
