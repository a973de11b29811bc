//! The way of a request to the venue and back, composed of layers.

mod beyond;
pub(crate) mod read;
pub(crate) mod request;
pub(crate) mod retry;
pub(crate) mod turn;

use std::sync::Arc;
use std::time::Duration;

use market_backbone_core::{SourceError, SourceErrorKind, Venue};
use tower::util::BoxCloneSyncService;
use tower::{BoxError, ServiceBuilder};

use crate::figures::Figures;
use crate::http::Http;
use crate::limiter::Limiter;
use crate::venue_time::VenueTime;
use beyond::Beyond;
use read::ReadLayer;
use request::{Reply, VenueRequest};
use retry::{Again, RetryConfig};
use turn::TurnLayer;

/// The whole way.
pub(crate) type Stack = BoxCloneSyncService<VenueRequest, Reply, SourceError>;

/// Composes the way of a request, outermost first.
///
/// - *retry*: outermost, so that every try goes through all the rest anew;
/// - *read*: inside retry, because an answer that cannot be read is worth another try;
/// - *turn*: inside retry, because the venue counts every try: nothing reaches it without a turn of its own;
/// - *timeout*: inside turn, so that waiting in line does not use up the time a try has;
/// - *http*: innermost.
pub(crate) fn compose(
    http: Http,
    venue: &Arc<dyn Venue>,
    limiter: &Limiter,
    figures: &Arc<Figures>,
    (time, bound): (Arc<VenueTime>, Duration),
    (retry, timeout): (RetryConfig, Duration),
) -> Stack {
    let host = http.host();
    let turn = TurnLayer { limiter: limiter.clone(), venue: Arc::clone(venue), figures: Arc::clone(figures) };
    let beyond = Beyond { time, bound, figures: Arc::clone(figures) };
    let stack = ServiceBuilder::new()
        .retry(Again::new(retry, Arc::clone(figures)))
        .layer(ReadLayer { venue: Arc::clone(venue), base: http.base().into(), beyond })
        .layer(turn)
        .map_err(move |error| plain(error, &host, timeout))
        .timeout(timeout)
        .service(http);
    BoxCloneSyncService::new(stack)
}

/// tower's timeout hides the error's type; this finds it again.
fn plain(error: BoxError, host: &str, timeout: Duration) -> SourceError {
    match error.downcast::<SourceError>() {
        Ok(error) => *error,
        Err(_elapsed) => {
            let message = format!("{host} did not answer within {} s", timeout.as_secs_f32());
            SourceError::new(SourceErrorKind::TimedOut, message)
        }
    }
}
