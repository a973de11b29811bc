//! The REST half of a venue: it sends a call and returns the decoded reply.

mod pagination;
pub(crate) mod typed_request;

use std::sync::Arc;
use std::time::Duration;

use market_backbone_core::{
    Clock, Priority, QueryParams, RequestCost, SourceError, SourceErrorKind, Symbol, Venue, VenueId,
};
use tokio_util::sync::CancellationToken;

use crate::http::{HttpClient, HttpConfig};
use crate::http_stats::HttpStats;
use crate::limiter::Limiter;
use crate::stack::request::{VenueReply, VenueRequest};
use crate::stack::retry::RetryConfig;
use crate::stack::{RequestStack, compose};
use crate::tls;
use crate::transport::{SharedObserver, Transport};
use crate::venue_clock_sync::VenueClockSync;
use typed_request::{JoinableRequest, Request, RequestsInFlight};

/// The identity of a request: two requests are the same if they would be sent as the same bytes.
pub(crate) type RequestKey = (String, QueryParams);

/// The REST half of a venue.
#[derive(Debug)]
pub(crate) struct RestClient {
    venue: Arc<dyn Venue>,
    time: Arc<VenueClockSync>,
    stack: RequestStack,
    in_flight: RequestsInFlight,
    stats: Arc<HttpStats>,
    cancel: CancellationToken,
}

impl RestClient {
    pub(crate) fn new(
        venue: &Arc<dyn Venue>,
        (url, tls, transport, observer): (
            &str,
            &rustls::ClientConfig,
            Option<&Arc<dyn Transport>>,
            Option<&SharedObserver>,
        ),
        (time, ahead): (Arc<VenueClockSync>, Duration),
        limiter: &Limiter,
        (http, retry, answers_for): (&HttpConfig, RetryConfig, Duration),
        cancel: CancellationToken,
    ) -> Result<Self, SourceError> {
        let figures = Arc::new(HttpStats::default());
        let client = match transport {
            None => HttpClient::new(url, tls::for_http(tls), Arc::clone(&time), http, &venue.headers())?,
            Some(carrier) => HttpClient::with_transport(
                url,
                Arc::clone(carrier),
                Arc::clone(&time),
                http,
                &venue.headers(),
            )?,
        };
        let client = client.observed_by(observer.map(Arc::clone));
        let clock = (Arc::clone(&time), ahead);
        let stack = compose(client, venue, limiter, &figures, clock, (retry, http.timeout));
        Ok(Self {
            venue: Arc::clone(venue),
            time,
            stack,
            in_flight: RequestsInFlight::new(answers_for),
            stats: figures,
            cancel,
        })
    }

    pub(crate) fn stats(&self) -> &HttpStats {
        &self.stats
    }

    /// Sends a request. Dropping the future abandons it.
    pub(crate) async fn call<R: Request>(
        &self,
        question: R,
        priority: Priority,
    ) -> Result<VenueReply<R::Reply>, SourceError> {
        let request = self.encode(&question, priority)?;
        self.send(question, request).await
    }

    /// Sends a request, or joins the same request if it is in flight, or returns a recent reply to it that is not
    /// too old.
    pub(crate) async fn call_shared<R: JoinableRequest>(
        &self,
        question: R,
        priority: Priority,
        max_age: Option<Duration>,
    ) -> Result<VenueReply<R::Reply>, SourceError> {
        let request = self.encode(&question, priority)?;
        let key = (request.http.path.clone(), request.http.query.clone());
        let start = || self.send(question, request);
        R::in_flight(&self.in_flight).join(&key, priority, max_age, start).await
    }

    /// Returns what a request costs.
    pub(crate) fn cost_of(&self, question: &impl Request) -> Result<RequestCost, SourceError> {
        Ok((&self.venue.encode(&question.to_call(), self.time.clock().now())?).into())
    }

    /// Encodes a request for this source's markets. A reply under the name of another source would be stored
    /// as that source's.
    fn encode(&self, question: &impl Request, priority: Priority) -> Result<VenueRequest, SourceError> {
        let (call, source) = (question.to_call(), self.venue.capabilities().venue);
        if let Some(stranger) = call.symbols().iter().find(|symbol| symbol.venue() != source) {
            return Err(wrong_source(stranger, source));
        }
        let http = self.venue.encode(&call, self.time.clock().now())?;
        Ok(VenueRequest { call: Arc::new(call), http: Arc::new(http), priority, attempt: 1 })
    }

    fn send<R: Request>(
        &self,
        question: R,
        request: VenueRequest,
    ) -> impl Future<Output = Result<VenueReply<R::Reply>, SourceError>> + Send + use<R> {
        let (stack, cancel) = (self.stack.clone(), self.cancel.clone());
        let venue = self.venue.capabilities().venue;
        async move {
            tokio::select! {
                biased;
                () = cancel.cancelled() => Err(closed()),
                reply = pagination::fetch_all_pages(stack, Arc::new(question), request) => reply,
            }
            .map_err(|error| error.at_venue(venue))
        }
    }
}

/// Builds the error for a market of one source that was requested from another.
pub(crate) fn wrong_source(symbol: &Symbol, source: VenueId) -> SourceError {
    let message = format!("{symbol} of {} cannot be requested from {source}", symbol.venue());
    SourceError::new(SourceErrorKind::BadRequest, message).at_venue(source)
}

fn closed() -> SourceError {
    SourceError::new(SourceErrorKind::Closed, "shutting down; no more requests are sent")
}
