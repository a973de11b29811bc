//! The REST half of a venue: it sends a call and returns the decoded reply.

mod pagination;

use std::sync::Arc;
use std::time::Duration;

use market_backbone_core::{
    Call, HttpCall, Priority, QueryParams, SourceError, SourceErrorKind, Symbol, Venue, VenueId,
};
use tokio_util::sync::CancellationToken;

use crate::http::{HttpClient, HttpConfig};
use crate::http_stats::HttpStats;
use crate::limiter::Limiter;
use crate::shared_replies::SharedReplies;
use crate::stack::request::{VenueReply, VenueRequest};
use crate::stack::retry::RetryConfig;
use crate::stack::{RequestStack, compose};
use crate::tls;
use crate::transport::Transport;
use crate::venue_clock_sync::VenueClockSync;

/// The identity of a request: two requests are the same if they would be sent as the same bytes.
type RequestKey = (String, QueryParams);

/// The REST half of a venue.
#[derive(Debug)]
pub(crate) struct RestClient {
    venue: Arc<dyn Venue>,
    stack: RequestStack,
    replies: SharedReplies<RequestKey, VenueReply>,
    stats: Arc<HttpStats>,
    cancel: CancellationToken,
}

impl RestClient {
    pub(crate) fn new(
        venue: &Arc<dyn Venue>,
        (url, tls, transport): (&str, &rustls::ClientConfig, Option<&Arc<dyn Transport>>),
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
        let stack = compose(client, venue, limiter, &figures, (time, ahead), (retry, http.timeout));
        Ok(Self {
            venue: Arc::clone(venue),
            stack,
            replies: SharedReplies::new(answers_for),
            stats: figures,
            cancel,
        })
    }

    pub(crate) fn stats(&self) -> &HttpStats {
        &self.stats
    }

    /// Sends a call. Dropping the future abandons the request.
    pub(crate) async fn call(&self, call: Call, priority: Priority) -> Result<VenueReply, SourceError> {
        let http = self.encode(&call)?;
        self.send(call, http, priority).await
    }

    /// Sends a call, or joins the same call if it is in flight, or returns a recent reply to it that is not
    /// too old.
    pub(crate) async fn call_shared(
        &self,
        call: Call,
        priority: Priority,
        max_age: Option<Duration>,
    ) -> Result<VenueReply, SourceError> {
        let http = self.encode(&call)?;
        let key = (http.path.clone(), http.query.clone());
        self.replies.join(&key, priority, max_age, || self.send(call, http, priority)).await
    }

    /// Encodes a request for this source's markets. A reply under the name of another source would be stored
    /// as that source's.
    fn encode(&self, call: &Call) -> Result<HttpCall, SourceError> {
        let source = self.venue.capabilities().venue;
        if let Some(stranger) = call.symbols().iter().find(|symbol| symbol.venue() != source) {
            return Err(wrong_source(stranger, source));
        }
        self.venue.encode(call)
    }

    fn send(
        &self,
        call: Call,
        http: HttpCall,
        priority: Priority,
    ) -> impl Future<Output = Result<VenueReply, SourceError>> + Send + 'static {
        let request = VenueRequest { call: Arc::new(call), http: Arc::new(http), priority, attempt: 1 };
        let (stack, cancel) = (self.stack.clone(), self.cancel.clone());
        let venue = self.venue.capabilities().venue;
        async move {
            tokio::select! {
                biased;
                () = cancel.cancelled() => Err(closed()),
                reply = pagination::fetch_all_pages(stack, request) => reply,
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
