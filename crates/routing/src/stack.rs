//! The path of a request to the venue and back, composed of layers.

pub(crate) mod decode;
pub(crate) mod future_stamp_filter;
pub(crate) mod rate_limit;
pub(crate) mod request;
pub(crate) mod retry;

use std::sync::Arc;
use std::time::Duration;

use market_backbone_core::{SourceError, SourceErrorKind, Venue};
use tower::util::BoxCloneSyncService;
use tower::{BoxError, ServiceBuilder, ServiceExt};

use crate::http::HttpClient;
use crate::http_stats::HttpStats;
use crate::limiter::Limiter;
use crate::rest::typed_request::Request;
use crate::venue_clock_sync::VenueClockSync;
use decode::{DecodeService, ReplyDecoder};
use future_stamp_filter::FutureStampFilter;
use rate_limit::RateLimitLayer;
use request::{RawReply, VenueReply, VenueRequest};
use retry::{RetryConfig, RetryPolicy};

/// The path of a request, outermost first.
///
/// - *retry*: outermost, so that every attempt goes through all other layers anew;
/// - *decode*: inside retry, because a reply that cannot be decoded is worth another attempt;
/// - *rate limit*: inside retry, because the venue counts every attempt: each takes a permit of its own;
/// - *timeout*: inside rate limit, so that waiting for the permit does not use up the attempt's time;
/// - *http*: innermost.
///
/// The two outermost know the type of the answer, so they are put before the others for each question.
#[derive(Clone, Debug)]
pub(crate) struct RequestStack {
    retry: RetryPolicy,
    decoder: ReplyDecoder,
    wire: BoxCloneSyncService<VenueRequest, RawReply, SourceError>,
}

impl RequestStack {
    /// Sends `request`, which asks `question`, and reads the answer.
    pub(crate) async fn ask<R: Request>(
        &self,
        question: &Arc<R>,
        request: VenueRequest,
    ) -> Result<VenueReply<R::Reply>, SourceError> {
        let decode = DecodeService {
            inner: self.wire.clone(),
            decoder: self.decoder.clone(),
            question: Arc::clone(question),
        };
        ServiceBuilder::new().retry(self.retry.clone()).service(decode).oneshot(request).await
    }
}

/// Composes the way of all requests to a venue.
pub(crate) fn compose(
    http: HttpClient,
    venue: &Arc<dyn Venue>,
    limiter: &Limiter,
    stats: &Arc<HttpStats>,
    (time, max_ahead): (Arc<VenueClockSync>, Duration),
    (retry, timeout): (RetryConfig, Duration),
) -> RequestStack {
    let host = http.host();
    let (limiter, clock) = (limiter.clone(), Arc::clone(time.clock()));
    let rate_limit = RateLimitLayer { limiter, venue: Arc::clone(venue), stats: Arc::clone(stats), clock };
    let future_stamps = FutureStampFilter { time, max_ahead, stats: Arc::clone(stats) };
    let decoder = ReplyDecoder { venue: Arc::clone(venue), base: http.base().into(), future_stamps };
    let wire = ServiceBuilder::new()
        .layer(rate_limit)
        .map_err(move |error| source_error(error, &host, timeout))
        .timeout(timeout)
        .service(http);
    RequestStack {
        retry: RetryPolicy::new(retry, Arc::clone(stats)),
        decoder,
        wire: BoxCloneSyncService::new(wire),
    }
}

/// Recovers the error's type, which tower's timeout layer hides.
fn source_error(error: BoxError, host: &str, timeout: Duration) -> SourceError {
    match error.downcast::<SourceError>() {
        Ok(error) => *error,
        Err(_elapsed) => {
            let message = format!("{host} did not answer within {} s", timeout.as_secs_f32());
            SourceError::new(SourceErrorKind::TimedOut, message)
        }
    }
}
