//! Live tickers and books: from the realtime cache where it is current, else over REST.

use std::time::Duration;

use futures::future::try_join_all;
use market_backbone_core::{
    BookRequest, Channel, Clock, OrderBook, PriceIncrement, Priority, SourceError, StreamKind, Symbol,
    Ticker, TickerRequest, Timestamp,
};
use tokio::time::{Instant, timeout_at};

use super::RouterInner;
use super::request_options::RequestOptions;
use crate::rest::typed_request::{JoinableRequest, PriceIncrementsRequest};
use crate::route_choice::{FollowState, RouteReason};

/// The values found in the cache, the missing symbols, and the reason for which they need requests.
#[derive(Debug)]
struct CacheLookup<T> {
    found: Vec<T>,
    missing: Vec<Symbol>,
    reason: RouteReason,
}

impl RouterInner {
    pub(super) async fn tickers(
        &self,
        request: &TickerRequest,
        terms: RequestOptions,
    ) -> Result<Vec<Ticker>, SourceError> {
        let (mut tickers, calls) = match request {
            TickerRequest::Symbols(symbols) => {
                let latest = |symbol: &Symbol| {
                    let ticker = self.hub.latest_ticker(symbol)?;
                    Some((ticker.received, ticker))
                };
                let glance = self.lookup(symbols, StreamKind::Ticker, terms, latest).await;
                let part = |symbols: &[Symbol]| TickerRequest::Symbols(symbols.to_vec());
                (glance.found, self.parts(&glance.missing).map(part).collect())
            }
            TickerRequest::Quotes(quotes) => {
                self.reason_counts.record(RouteReason::WholeMarket, &quotes.join(" "));
                (Vec::new(), vec![request.clone()])
            }
        };
        tickers.extend(self.fetch_all(calls, terms).await?.into_iter().flatten());
        Ok(tickers)
    }

    pub(super) async fn books(
        &self,
        request: &BookRequest,
        terms: RequestOptions,
    ) -> Result<Vec<OrderBook>, SourceError> {
        let depth = usize::try_from(request.depth).unwrap_or(usize::MAX);
        let latest = |symbol: &Symbol| {
            let mut book = self.hub.latest_book(symbol)?;
            book.asks.truncate(depth);
            book.bids.truncate(depth);
            Some((book.received, book))
        };
        let CacheLookup { found: mut books, missing, .. } =
            self.lookup(&request.symbols, StreamKind::Book, terms, latest).await;
        let part = |symbols: &[Symbol]| BookRequest { symbols: symbols.to_vec(), depth: request.depth };
        let replies = self.fetch_all(self.parts(&missing).map(part).collect(), terms).await?;
        books.extend(replies.into_iter().flatten());
        Ok(books)
    }

    /// Fetches price increments, which no socket streams.
    pub(super) async fn instruments(
        &self,
        symbols: &[Symbol],
        priority: Priority,
    ) -> Result<Vec<PriceIncrement>, SourceError> {
        let part = |symbols: &[Symbol]| PriceIncrementsRequest(symbols.to_vec());
        let replies = self.fetch_all(self.parts(symbols).map(part).collect(), priority.into()).await?;
        Ok(replies.into_iter().flatten().collect())
    }

    /// Looks up the latest values of `symbols` where they are followed, delivered and young enough.
    ///
    /// Records the request, so that markets requested often, or many at once, are followed. Decides by which
    /// route the rest comes.
    ///
    /// A request for many markets that have only just been followed waits a moment for the socket, rather
    /// than requesting all of them once more.
    async fn lookup<T>(
        &self,
        symbols: &[Symbol],
        kind: StreamKind,
        terms: RequestOptions,
        latest: impl Fn(&Symbol) -> Option<(Timestamp, T)>,
    ) -> CacheLookup<T> {
        if !self.venue.capabilities().streams(kind) {
            let (missing, reason) = (symbols.to_vec(), RouteReason::NotStreamed);
            self.reason_counts.record(reason, &kind);
            return CacheLookup { found: Vec::new(), missing, reason };
        }
        let standing = self.record_requests(symbols, kind, terms);
        let glance = self.read_cached(symbols, kind, terms, standing.into(), &latest);
        let batch = self.chooser.is_batch(symbols.len(), terms.get_priority());
        let may_wait = batch && terms.get_priority() > Priority::Critical && standing == FollowState::Joining;
        let glance = if may_wait && glance.reason == RouteReason::NotDelivering {
            self.wait_for_all(&glance.missing, kind, terms).await;
            self.read_cached(symbols, kind, terms, RouteReason::TooSlow, &latest)
        } else {
            glance
        };
        if !glance.found.is_empty() {
            self.reason_counts.record(RouteReason::Live, &kind);
        }
        if !glance.missing.is_empty() {
            self.reason_counts.record(glance.reason, &kind);
        }
        glance
    }

    /// Records a request for all `symbols`; returns the least settled of their states.
    fn record_requests(&self, symbols: &[Symbol], kind: StreamKind, terms: RequestOptions) -> FollowState {
        let now = Instant::now();
        let batch = self.chooser.is_batch(symbols.len(), terms.get_priority());
        let notice = |symbol: &Symbol| {
            let channel = Channel { symbol: symbol.clone(), kind };
            let follow = || self.hub.follow(std::slice::from_ref(&channel));
            if batch {
                self.chooser.force_follow(&channel, now, follow)
            } else {
                self.chooser.record_request(&channel, now, follow)
            }
        };
        symbols.iter().map(notice).max().unwrap_or(FollowState::Rare)
    }

    /// Reads what the cache has. `otherwise` is the reason for what is missing, except for values that are
    /// only too old.
    fn read_cached<T>(
        &self,
        symbols: &[Symbol],
        kind: StreamKind,
        terms: RequestOptions,
        otherwise: RouteReason,
        latest: &impl Fn(&Symbol) -> Option<(Timestamp, T)>,
    ) -> CacheLookup<T> {
        let now = self.time.clock().now();
        let mut glance = CacheLookup { found: Vec::new(), missing: Vec::new(), reason: RouteReason::TooOld };
        for symbol in symbols {
            let channel = Channel { symbol: symbol.clone(), kind };
            // A time in the future was taken before the clock was corrected: the age is unknown.
            let is_known = |received| received <= now.plus(Duration::from_secs(1));
            let young = |received| {
                terms.get_max_age().is_none_or(|most| is_known(received) && now.since(received) <= most)
            };
            match latest(symbol).filter(|_| self.hub.is_live(&channel)) {
                Some((received, value)) if young(received) => glance.found.push(value),
                Some(_) => glance.missing.push(symbol.clone()),
                None => {
                    glance.missing.push(symbol.clone());
                    glance.reason = otherwise;
                }
            }
        }
        glance
    }

    /// Waits until the socket delivers all of `symbols`, within its time limit.
    async fn wait_for_all(&self, symbols: &[Symbol], kind: StreamKind, terms: RequestOptions) {
        let within =
            self.config.forming_timeout.min(terms.get_timeout().unwrap_or(self.config.forming_timeout));
        let until = Instant::now() + within;
        let all = async {
            for symbol in symbols {
                let channel = Channel { symbol: symbol.clone(), kind };
                if !self.hub.wait_for(&channel, within).await {
                    return;
                }
            }
        };
        // In time or not, the caller looks again.
        let _ = timeout_at(until, all).await;
    }

    fn parts<'a>(&self, symbols: &'a [Symbol]) -> std::slice::Chunks<'a, Symbol> {
        symbols.chunks(self.config.symbols_per_call.max(1))
    }

    /// Requests all of them at once.
    async fn fetch_all<R: JoinableRequest>(
        &self,
        questions: Vec<R>,
        terms: RequestOptions,
    ) -> Result<Vec<R::Reply>, SourceError> {
        let Some(first) = questions.first() else { return Ok(Vec::new()) };
        let needs = (self.rest.cost_of(first)?, questions.len() as u64);
        let ask = async |question| {
            let reply = self.rest.call_shared(question, terms.get_priority(), terms.get_max_age()).await?;
            Ok(reply.payload)
        };
        self.with_timeout(terms, needs, try_join_all(questions.into_iter().map(ask))).await
    }
}
