//! The router: one venue behind two ports, reached by the best route.
//!
//! It answers what the venue answers in one call and no more: splitting, merging and storing are tasks of the
//! layers above it.

mod config;
mod endpoint;
mod forming;
mod interests;
mod listing_cache;
mod metrics;
mod pages;
mod probe;
mod rejected_rows;
mod request_options;
mod scope;
mod snapshots;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use market_backbone_core::{
    BookRequest, CallSource, Candle, CandlePage, CandlePageRequest, CandlePart, Capabilities, Channel, Clock,
    Delivery, HttpCall, Instrument, LiveSource, LiveStream, OrderBook, OwnedReply, PageSource, PriceBand,
    PriceIncrement, Priority, RateLimitGroup, Series, SourceError, SourceErrorKind, Subscription, Symbol,
    Ticker, TickerRequest, Trade, TradePage, TradePageRequest, Venue, VenueClock, VenueId,
};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use config::RouterConfig;
pub use endpoint::Endpoint;
use listing_cache::ListingCache;
pub use metrics::RouterMetrics;
use probe::TickerProbe;
use rejected_rows::RejectedRowLog;
pub use request_options::RequestOptions;
use scope::{clock_sync_for, limiter_for};

use crate::limiter::{CompletionEstimate, Limiter};
use crate::live::{FollowGuard, LiveHub};
use crate::rest::{RestClient, wrong_source};
use crate::route_choice::{RouteChooser, RouteReasonCounts};
use crate::tls;
use crate::venue_clock_sync::VenueClockSync;

/// The interval between two checks for followed channels without recent requests.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// A handle to one venue, ready for requests; cheap to clone.
#[derive(Clone, Debug)]
pub struct Router {
    inner: Arc<RouterInner>,
}

#[derive(Debug)]
struct RouterInner {
    venue: Arc<dyn Venue>,
    time: Arc<VenueClockSync>,
    config: RouterConfig,
    limiter: Limiter,
    rest: RestClient,
    hub: LiveHub,
    chooser: Arc<RouteChooser<FollowGuard>>,
    reason_counts: RouteReasonCounts,
    markets_cache: Mutex<Option<(Instant, Vec<Instrument>)>>,
    listing_cache: ListingCache,
    rejected_rows: RejectedRowLog,
    tracker: TaskTracker,
    cancel: CancellationToken,
}

impl Router {
    /// Sets up the routes to a venue. Nothing is sent and nothing is connected before the first request.
    ///
    /// Must be called within a tokio runtime: the socket's task and the sweeper run on it until
    /// [`shutdown`](Self::shutdown).
    ///
    /// # Errors
    ///
    /// [`BadRequest`](SourceErrorKind::BadRequest) if an address is invalid;
    /// [`Unsupported`](SourceErrorKind::Unsupported) if TLS cannot be set up.
    pub fn start(
        venue: Arc<dyn Venue>,
        endpoint: &Endpoint,
        clock: Arc<dyn Clock>,
        config: RouterConfig,
    ) -> Result<Self, SourceError> {
        Self::start_by(venue, endpoint, Arc::new(VenueClock::new(clock)), config)
    }

    /// Sets up the routes to a venue with a clock that others read as well: each reply of the venue corrects
    /// it.
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
        LiveHub::check_url(endpoint.ws_url())?;
        let tls = tls::client_config()?;
        // The limiter counts by this machine's clock: that of the venue is adjusted now and then.
        let limiter = limiter_for(venue.as_ref(), endpoint, clock.machine(), &config)?;
        let time = Arc::new(clock_sync_for(venue.as_ref(), endpoint, clock, &config)?);
        let rest = RestClient::new(
            &venue,
            (endpoint.rest_url(), &tls, config.transport.as_ref(), config.observer.as_ref()),
            (Arc::clone(&time), config.session.max_future_skew),
            &limiter,
            (&config.http, config.retry, config.reply_ttl),
            cancel.clone(),
        )?;
        let hub = LiveHub::start_with_clock(
            (Arc::clone(time.clock()) as _, Some(Arc::clone(&time)), config.observer.clone()),
            Arc::clone(&venue),
            (endpoint.ws_url(), Arc::new(tls), config.transport.clone()),
            limiter.clone(),
            config.session.clone(),
            (&tracker, cancel.clone()),
        );
        let chooser = Arc::new(RouteChooser::new(config.choice));
        tracker.spawn(sweep(Arc::clone(&chooser), config.choice.idle, cancel.clone()));
        let (tally, listed) = (RouteReasonCounts::default(), Mutex::default());
        let shared = Arc::new(RouterInner {
            venue,
            time,
            config,
            limiter,
            rest,
            hub,
            chooser,
            reason_counts: tally,
            markets_cache: listed,
            listing_cache: ListingCache::default(),
            rejected_rows: RejectedRowLog::default(),
            tracker,
            cancel,
        });
        shared.hub.set_probe(Arc::new(TickerProbe(Arc::downgrade(&shared))));
        Ok(Self { inner: shared })
    }

    /// Replaces every connection by a fresh one before it breaks by itself, without a gap. Returns whether
    /// all were replaced.
    pub async fn rotate(&self) -> bool {
        self.inner.hub.rotate().await
    }

    /// Shuts down: pending calls get [`Closed`](SourceErrorKind::Closed), the socket is closed, and the tasks
    /// are waited for, within the configured time.
    pub async fn shutdown(&self) {
        self.inner.cancel.cancel();
        self.inner.tracker.close();
        if timeout(self.inner.config.shutdown_timeout, self.inner.tracker.wait()).await.is_err() {
            tracing::warn!("tasks of the router did not end in time");
        }
    }

    /// Fetches the latest tickers of some markets, or of all, with `terms`.
    ///
    /// # Errors
    ///
    /// [`DeadlineExceeded`](SourceErrorKind::DeadlineExceeded) if they cannot be had in time, and any error
    /// of the venue.
    pub async fn tickers_with(
        &self,
        request: &TickerRequest,
        terms: RequestOptions,
    ) -> Result<Vec<Ticker>, SourceError> {
        self.inner.tickers(request, terms).await
    }

    /// Fetches the latest books of some markets, with `terms`.
    ///
    /// # Errors
    ///
    /// As [`tickers_with`](Self::tickers_with).
    pub async fn books_with(
        &self,
        request: &BookRequest,
        terms: RequestOptions,
    ) -> Result<Vec<OrderBook>, SourceError> {
        self.inner.books(request, terms).await
    }

    /// Returns the code by which the venue lists what a person calls `name`, where that is certain; else
    /// `name`.
    #[must_use]
    pub fn spelling(&self, name: &str) -> String {
        self.inner.venue.normalize_code(name)
    }

    /// Returns those of `symbols` that the venue does not list now.
    ///
    /// # Errors
    ///
    /// Any error of the venue.
    pub async fn unlisted(&self, symbols: &[Symbol], priority: Priority) -> Result<Vec<Symbol>, SourceError> {
        self.inner.unlisted(symbols, priority).await
    }

    /// Fetches the price increments of some markets.
    ///
    /// # Errors
    ///
    /// Any error of the venue.
    pub async fn instruments(
        &self,
        symbols: &[Symbol],
        priority: Priority,
    ) -> Result<Vec<PriceIncrement>, SourceError> {
        self.inner.instruments(symbols, priority).await
    }

    /// Estimates how long `requests` for candles of `series` would take if they were all sent now, and names
    /// the group they count against.
    ///
    /// Nothing is sent.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](SourceErrorKind::Unsupported) if the venue has no such candles.
    pub fn candles_eta(
        &self,
        series: &Series,
        requests: u64,
        priority: Priority,
    ) -> Result<(RateLimitGroup, CompletionEstimate), SourceError> {
        let cost = self.inner.candle_cost(series)?;
        let estimate = self.inner.limiter.eta(cost, priority, requests);
        let unlimited = || {
            let message = format!("no limit is known for requests of group {}", cost.group);
            SourceError::new(SourceErrorKind::Unsupported, message)
        };
        Ok((cost.group, estimate.ok_or_else(unlimited)?))
    }

    /// Returns the counters so far.
    #[must_use]
    pub fn metrics(&self) -> RouterMetrics {
        self.inner.metrics()
    }
}

impl Drop for RouterInner {
    /// Stops the tasks of a router that was not shut down; nothing waits for their end.
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

async fn sweep(chooser: Arc<RouteChooser<FollowGuard>>, idle: Duration, cancel: CancellationToken) {
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
        self.inner.venue.capabilities()
    }

    async fn candle_page(
        &self,
        request: &CandlePageRequest,
        priority: Priority,
    ) -> Result<CandlePage, SourceError> {
        self.inner.candle_page(request, priority).await
    }

    async fn trade_page(
        &self,
        request: &TradePageRequest,
        priority: Priority,
    ) -> Result<TradePage, SourceError> {
        self.inner.trade_page(request, priority).await
    }

    async fn forming(&self, series: &Series, priority: Priority) -> Result<Option<CandlePart>, SourceError> {
        self.inner.forming(series, priority).await
    }

    async fn markets(&self, priority: Priority) -> Result<Vec<Instrument>, SourceError> {
        self.inner.markets(priority).await
    }
}

#[async_trait]
impl LiveSource for Router {
    async fn subscribe(&self, subscription: Subscription) -> Result<LiveStream, SourceError> {
        let capabilities = self.inner.venue.capabilities();
        let of_others = |channel: &&Channel| channel.symbol.venue() != capabilities.venue;
        if let Some(channel) = subscription.channels().iter().find(of_others) {
            return Err(wrong_source(&channel.symbol, capabilities.venue));
        }
        if let Some(channel) =
            subscription.channels().iter().find(|channel| !capabilities.streams(channel.kind))
        {
            let (venue, kind) = (capabilities.venue.without_address(), channel.kind);
            let has =
                capabilities.all_streamed_kinds().map(|kind| kind.to_string()).collect::<Vec<_>>().join(" ");
            let message = format!("{venue} has no live {kind} of {}; it has {has}", channel.symbol);
            return Err(SourceError::new(SourceErrorKind::Unsupported, message).at_venue(capabilities.venue));
        }
        let all = subscription.channels().iter().any(|channel| channel.symbol.is_any());
        if all && subscription.delivery == Delivery::Conflated {
            // The latest value of all markets would be that of whichever traded last.
            let message = "all markets at once can only be read event by event, not conflated";
            return Err(SourceError::new(SourceErrorKind::Unsupported, message).at_venue(capabilities.venue));
        }
        Ok(self.inner.hub.subscribe(&subscription))
    }

    async fn tickers(&self, request: &TickerRequest, priority: Priority) -> Result<Vec<Ticker>, SourceError> {
        self.inner.tickers(request, priority.into()).await
    }

    async fn books(&self, request: &BookRequest, priority: Priority) -> Result<Vec<OrderBook>, SourceError> {
        self.inner.books(request, priority.into()).await
    }

    fn refusal(&self) -> Option<SourceError> {
        self.inner.hub.refusal()
    }

    fn latest_ticker(&self, symbol: &Symbol) -> Option<Ticker> {
        self.inner.hub.latest_ticker(symbol)
    }

    fn latest_trade(&self, symbol: &Symbol) -> Option<Trade> {
        self.inner.hub.latest_trade(symbol)
    }

    fn latest_book(&self, symbol: &Symbol) -> Option<OrderBook> {
        self.inner.hub.latest_book(symbol)
    }

    fn latest_band(&self, symbol: &Symbol) -> Option<PriceBand> {
        self.inner.hub.latest_band(symbol)
    }

    fn latest_candle(&self, series: &Series) -> Option<Candle> {
        self.inner.hub.latest_candle(series)
    }
}

#[async_trait]
impl CallSource for Router {
    fn venue(&self) -> VenueId {
        self.inner.venue.capabilities().venue
    }

    async fn call(&self, call: HttpCall, priority: Priority) -> Result<Vec<OwnedReply>, SourceError> {
        self.inner.own_call(call, priority).await
    }
}
