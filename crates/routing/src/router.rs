//! The router: one venue behind two ports, asked by whichever channel is best now.
//!
//! It answers what the venue answers at once and no more: splitting, merging and storing are for the layers
//! above it.

mod bad_rows;
mod config;
mod endpoint;
mod forming;
mod metrics;
mod names;
mod pages;
mod probe;
mod scope;
mod snapshots;
mod terms;
mod wishes;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use market_backbone_core::{
    BookRequest, CallGroup, CallSource, Candle, CandlePage, CandlePageRequest, CandlePart, Capabilities,
    Channel, Clock, Delivery, HttpCall, Instrument, LiveSource, LiveStream, Market, OrderBook, OwnedReply,
    PageSource, PriceBand, Priority, Series, SourceError, SourceErrorKind, Subscription, Symbol, Ticker,
    TickerRequest, Timestamp, Trade, TradeId, TradePage, TradePageRequest, Venue, VenueClock, VenueId,
};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use bad_rows::BadRows;
pub use config::RouterConfig;
pub use endpoint::Endpoint;
pub use metrics::RouterMetrics;
use names::Names;
use probe::TickerProbe;
use scope::{limiter, venue_time};
pub use terms::Terms;

use crate::choice::{Chooser, Tally};
use crate::limiter::{Estimate, Limiter};
use crate::live::{Follow, LiveHub};
use crate::rest::{Rest, foreign};
use crate::tls;
use crate::venue_time::VenueTime;

/// How often it is looked whether somebody still asks for what is followed.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// One venue, ready to be asked; cheap to clone.
#[derive(Clone, Debug)]
pub struct Router {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    venue: Arc<dyn Venue>,
    time: Arc<VenueTime>,
    config: RouterConfig,
    limiter: Limiter,
    rest: Rest,
    hub: LiveHub,
    chooser: Arc<Chooser<Follow>>,
    tally: Tally,
    listed: Mutex<Option<(Instant, Vec<Market>)>>,
    names: Names,
    bad_rows: BadRows,
    tracker: TaskTracker,
    cancel: CancellationToken,
}

impl Router {
    /// Sets up the ways to a venue. Nothing is sent and nothing is connected before somebody asks.
    ///
    /// Must be called within a tokio runtime: the socket's task and the sweeper run on it until
    /// [`shutdown`](Self::shutdown).
    ///
    /// # Errors
    ///
    /// [`BadRequest`](SourceErrorKind::BadRequest) if an address is none;
    /// [`Unsupported`](SourceErrorKind::Unsupported) if TLS cannot be set up.
    pub fn start(
        venue: Arc<dyn Venue>,
        endpoint: &Endpoint,
        clock: Arc<dyn Clock>,
        config: RouterConfig,
    ) -> Result<Self, SourceError> {
        Self::start_by(venue, endpoint, Arc::new(VenueClock::new(clock)), config)
    }

    /// The same, by a clock that others read as well: each answer of the venue corrects it.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn start_by(
        venue: Arc<dyn Venue>,
        endpoint: &Endpoint,
        clock: Arc<VenueClock>,
        config: RouterConfig,
    ) -> Result<Self, SourceError> {
        let (tracker, cancel) = (TaskTracker::new(), CancellationToken::new());
        config.session.check(venue.capabilities())?;
        LiveHub::check_address(&endpoint.ws_url)?;
        let tls = tls::client_config()?;
        // What was sent counts by this machine's clock: that of the venue is put right now and then.
        let limiter = limiter(venue.as_ref(), endpoint, clock.machine(), &config)?;
        let time = Arc::new(venue_time(venue.as_ref(), endpoint, clock, &config)?);
        let rest = Rest::new(
            &venue,
            (&endpoint.rest_url, &tls, config.transport.as_ref()),
            (Arc::clone(&time), config.session.ahead),
            &limiter,
            (&config.http, config.retry, config.answers_for),
            cancel.clone(),
        )?;
        let hub = LiveHub::start_by(
            (Arc::clone(time.clock()) as _, Some(Arc::clone(&time))),
            Arc::clone(&venue),
            (&endpoint.ws_url, Arc::new(tls), config.transport.clone()),
            limiter.clone(),
            config.session.clone(),
            (&tracker, cancel.clone()),
        );
        let chooser = Arc::new(Chooser::new(config.choice));
        tracker.spawn(sweep(Arc::clone(&chooser), config.choice.idle, cancel.clone()));
        let (tally, listed) = (Tally::default(), Mutex::default());
        let shared = Arc::new(Shared {
            venue,
            time,
            config,
            limiter,
            rest,
            hub,
            chooser,
            tally,
            listed,
            names: Names::default(),
            bad_rows: BadRows::default(),
            tracker,
            cancel,
        });
        shared.hub.set_probe(Arc::new(TickerProbe(Arc::downgrade(&shared))));
        Ok(Self { shared })
    }

    /// Replaces every connection by a fresh one before it breaks by itself, without a gap; whether all were replaced.
    pub async fn rotate(&self) -> bool {
        self.shared.hub.rotate().await
    }

    /// Ends everything: whoever still waits gets [`Closed`](SourceErrorKind::Closed), the socket is closed,
    /// and the tasks are waited for, within the configured time.
    pub async fn shutdown(&self) {
        self.shared.cancel.cancel();
        self.shared.tracker.close();
        if timeout(self.shared.config.shutdown_within, self.shared.tracker.wait()).await.is_err() {
            tracing::warn!("tasks of the router did not end in time");
        }
    }

    /// Some markets, or all, at a glance, on these terms.
    ///
    /// # Errors
    ///
    /// [`TooLate`](SourceErrorKind::TooLate) if it cannot be had in time, and whatever the venue answers.
    pub async fn tickers_on(
        &self,
        request: &TickerRequest,
        terms: Terms,
    ) -> Result<Vec<Ticker>, SourceError> {
        self.shared.tickers(request, terms).await
    }

    /// Some books, on these terms.
    ///
    /// # Errors
    ///
    /// As [`tickers_on`](Self::tickers_on).
    pub async fn books_on(&self, request: &BookRequest, terms: Terms) -> Result<Vec<OrderBook>, SourceError> {
        self.shared.books(request, terms).await
    }

    /// The code by which the venue lists what a person calls `name`, where that is certain; else `name`.
    #[must_use]
    pub fn spelling(&self, name: &str) -> String {
        self.shared.venue.spelling(name)
    }

    /// Those of `symbols` that the venue does not list now.
    ///
    /// # Errors
    ///
    /// Whatever the venue answers.
    pub async fn unlisted(&self, symbols: &[Symbol], priority: Priority) -> Result<Vec<Symbol>, SourceError> {
        self.shared.unlisted(symbols, priority).await
    }

    /// How the prices of some markets are stepped.
    ///
    /// # Errors
    ///
    /// Whatever the venue answers.
    pub async fn instruments(
        &self,
        symbols: &[Symbol],
        priority: Priority,
    ) -> Result<Vec<Instrument>, SourceError> {
        self.shared.instruments(symbols, priority).await
    }

    /// How long `requests` for candles of `series` would take, were they asked all at once now, and against what they
    /// count. Nothing is sent.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](SourceErrorKind::Unsupported) if the venue has no such candles.
    pub fn candles_eta(
        &self,
        series: &Series,
        requests: u64,
        priority: Priority,
    ) -> Result<(CallGroup, Estimate), SourceError> {
        let group = self.shared.candle_group(series)?;
        let estimate = self.shared.limiter.eta(group, priority, requests);
        let unlimited = || {
            let message = format!("no limit is known for requests of group {group}");
            SourceError::new(SourceErrorKind::Unsupported, message)
        };
        Ok((group, estimate.ok_or_else(unlimited)?))
    }

    /// What has happened so far.
    #[must_use]
    pub fn metrics(&self) -> RouterMetrics {
        self.shared.metrics()
    }
}

impl Drop for Shared {
    /// Whoever forgets to shut down leaves no task behind; only nobody waits for their end.
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

async fn sweep(chooser: Arc<Chooser<Follow>>, idle: Duration, cancel: CancellationToken) {
    let mut ticks = interval(SWEEP_EVERY.min(idle / 2).max(Duration::from_millis(10)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while cancel.run_until_cancelled(ticks.tick()).await.is_some() {
        chooser.sweep(Instant::now());
    }
    chooser.clear();
}

#[async_trait]
impl PageSource for Router {
    fn capabilities(&self) -> &Capabilities {
        self.shared.venue.capabilities()
    }

    async fn candle_page(
        &self,
        request: &CandlePageRequest,
        priority: Priority,
    ) -> Result<CandlePage, SourceError> {
        self.shared.candle_page(request, priority).await
    }

    fn trade_cursor(&self, moment: Timestamp) -> Option<TradeId> {
        self.shared.venue.trade_cursor(moment)
    }

    async fn trade_page(
        &self,
        request: &TradePageRequest,
        priority: Priority,
    ) -> Result<TradePage, SourceError> {
        self.shared.trade_page(request, priority).await
    }

    async fn forming(&self, series: &Series, priority: Priority) -> Result<Option<CandlePart>, SourceError> {
        self.shared.forming(series, priority).await
    }

    async fn markets(&self, priority: Priority) -> Result<Vec<Market>, SourceError> {
        self.shared.markets(priority).await
    }
}

#[async_trait]
impl LiveSource for Router {
    async fn subscribe(&self, subscription: Subscription) -> Result<LiveStream, SourceError> {
        let capabilities = self.shared.venue.capabilities();
        let of_others = |channel: &&Channel| channel.symbol.venue() != capabilities.venue;
        if let Some(channel) = subscription.channels().iter().find(of_others) {
            return Err(foreign(&channel.symbol, capabilities.venue));
        }
        if let Some(channel) =
            subscription.channels().iter().find(|channel| !capabilities.streams(channel.kind))
        {
            let message =
                format!("{} has no live {} of {}", capabilities.venue.house(), channel.kind, channel.symbol);
            return Err(SourceError::new(SourceErrorKind::Unsupported, message).at(capabilities.venue));
        }
        let all = subscription.channels().iter().any(|channel| channel.symbol.is_any());
        if all && subscription.delivery == Delivery::Conflated {
            // The latest of all markets would be the latest of whichever traded last.
            let message = "all markets at once can only be read event by event, not conflated";
            return Err(SourceError::new(SourceErrorKind::Unsupported, message).at(capabilities.venue));
        }
        Ok(self.shared.hub.subscribe(&subscription))
    }

    async fn tickers(&self, request: &TickerRequest, priority: Priority) -> Result<Vec<Ticker>, SourceError> {
        self.shared.tickers(request, priority.into()).await
    }

    async fn books(&self, request: &BookRequest, priority: Priority) -> Result<Vec<OrderBook>, SourceError> {
        self.shared.books(request, priority.into()).await
    }

    fn latest_ticker(&self, symbol: &Symbol) -> Option<Ticker> {
        self.shared.hub.latest_ticker(symbol)
    }

    fn latest_trade(&self, symbol: &Symbol) -> Option<Trade> {
        self.shared.hub.latest_trade(symbol)
    }

    fn latest_book(&self, symbol: &Symbol) -> Option<OrderBook> {
        self.shared.hub.latest_book(symbol)
    }

    fn latest_band(&self, symbol: &Symbol) -> Option<PriceBand> {
        self.shared.hub.latest_band(symbol)
    }

    fn latest_candle(&self, series: &Series) -> Option<Candle> {
        self.shared.hub.latest_candle(series)
    }
}

#[async_trait]
impl CallSource for Router {
    fn venue(&self) -> VenueId {
        self.shared.venue.capabilities().venue
    }

    async fn call(&self, call: HttpCall, priority: Priority) -> Result<Vec<OwnedReply>, SourceError> {
        self.shared.own_call(call, priority).await
    }
}
