//! The path of a request to the venue and back, composed of layers.

pub(crate) mod decode;
mod future_stamp_filter;
pub(crate) mod rate_limit;
pub(crate) mod request;
pub(crate) mod retry;

use std::sync::Arc;
use std::time::Duration;

use market_backbone_core::{SourceError, SourceErrorKind, Venue};
use tower::util::BoxCloneSyncService;
use tower::{BoxError, ServiceBuilder};

use crate::http::HttpClient;
use crate::http_stats::HttpStats;
use crate::limiter::Limiter;
use crate::venue_clock_sync::VenueClockSync;
use decode::DecodeLayer;
use future_stamp_filter::FutureStampFilter;
use rate_limit::RateLimitLayer;
use request::{VenueReply, VenueRequest};
use retry::{RetryConfig, RetryPolicy};

/// The whole path.
pub(crate) type RequestStack = BoxCloneSyncService<VenueRequest, VenueReply, SourceError>;

/// Composes the path of a request, outermost first.
///
/// - *retry*: outermost, so that every attempt goes through all other layers anew;
/// - *decode*: inside retry, because a reply that cannot be decoded is worth another attempt;
/// - *rate limit*: inside retry, because the venue counts every attempt: each takes a permit of its own;
/// - *timeout*: inside rate limit, so that waiting for the permit does not use up the attempt's time;
/// - *http*: innermost.
pub(crate) fn compose(
    http: HttpClient,
    venue: &Arc<dyn Venue>,
    limiter: &Limiter,
    figures: &Arc<HttpStats>,
    (time, bound): (Arc<VenueClockSync>, Duration),
    (retry, timeout): (RetryConfig, Duration),
) -> RequestStack {
    let host = http.host();
    let turn =
        RateLimitLayer { limiter: limiter.clone(), venue: Arc::clone(venue), stats: Arc::clone(figures) };
    let beyond = FutureStampFilter { time, max_ahead: bound, stats: Arc::clone(figures) };
    let stack = ServiceBuilder::new()
        .retry(RetryPolicy::new(retry, Arc::clone(figures)))
        .layer(DecodeLayer { venue: Arc::clone(venue), base: http.base().into(), future_stamps: beyond })
        .layer(turn)
        .map_err(move |error| source_error(error, &host, timeout))
        .timeout(timeout)
        .service(http);
    BoxCloneSyncService::new(stack)
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
