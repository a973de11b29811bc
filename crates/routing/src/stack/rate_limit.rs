//! Each request takes a permit, and its reply corrects the count: nothing reaches the venue without this
//! layer.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use market_backbone_core::{
    Clock as _, RateLimitGroup, SourceError, SourceErrorKind, Timestamp, Venue, VenueClock,
};
use tower::{Layer, Service};

use super::request::{RawReply, VenueRequest};
use crate::http_stats::HttpStats;
use crate::limiter::{Limiter, Permit};

/// A layer that puts a [`RateLimited`] before a service.
#[derive(Clone, Debug)]
pub(crate) struct RateLimitLayer {
    pub(crate) limiter: Limiter,
    pub(crate) venue: Arc<dyn Venue>,
    pub(crate) stats: Arc<HttpStats>,
    /// The venue's clock, for rules that go by it.
    pub(crate) clock: Arc<VenueClock>,
}

impl<S> Layer<S> for RateLimitLayer {
    type Service = RateLimited<S>;

    fn layer(&self, inner: S) -> RateLimited<S> {
        RateLimited { inner, layer: self.clone() }
    }
}

/// Waits for a permit, sends, and reports to the limiter what the venue says about its limits.
#[derive(Clone, Debug)]
pub(crate) struct RateLimited<S> {
    inner: S,
    layer: RateLimitLayer,
}

impl<S> Service<VenueRequest> for RateLimited<S>
where
    S: Service<VenueRequest, Response = RawReply, Error = SourceError> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = RawReply;
    type Error = SourceError;
    type Future = BoxFuture<'static, Result<RawReply, SourceError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SourceError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: VenueRequest) -> Self::Future {
        let clone = self.inner.clone();
        let mut ready = std::mem::replace(&mut self.inner, clone);
        let layer = self.layer.clone();
        Box::pin(async move {
            let permit = layer.limiter.acquire(&*request.http, request.priority).await?;
            layer.stats.requests.fetch_add(1, Relaxed);
            // If it fails, the permit is dropped: whether the venue has counted the request is unknown.
            let reply = ready.call(request.clone()).await?;
            layer.stats.contacted.store(true, Relaxed);
            let verdict = layer.venue.check(&request.call, &reply.as_reply());
            layer.record_response(permit, &reply, verdict.as_ref().err());
            verdict.map(|()| reply).map_err(|error| layer.with_block_end(error, request.http.group))
        })
    }
}

impl RateLimitLayer {
    /// Adds the end of a lasting refusal to its error.
    fn with_block_end(&self, error: SourceError, group: RateLimitGroup) -> SourceError {
        if !matches!(error.kind(), SourceErrorKind::Banned(_) | SourceErrorKind::Throttled(_)) {
            return error;
        }
        match self.limiter.describe_block(group) {
            Some(notice) => {
                let message = format!("{error}, {notice}");
                error.with_message(message)
            }
            None => error,
        }
    }

    fn record_response(&self, permit: Permit, reply: &RawReply, refusal: Option<&SourceError>) {
        // Before the permit is settled, so that no request slips through in between.
        match refusal.map(SourceError::kind) {
            Some(SourceErrorKind::Throttled(after)) => self.limiter.throttled(permit.group(), after),
            Some(SourceErrorKind::Banned(duration)) => self.limiter.banned(duration),
            _ => {}
        }
        for report in self.venue.budget_reports(&reply.as_reply()) {
            self.limiter.observe_report(&permit, report);
        }
        if self.limiter.goes_by_clock() {
            self.record_venue_time();
        }
        permit.answered();
    }

    /// Tells the limiter what the venue's clock shows, as far as answers have shown it.
    fn record_venue_time(&self) {
        // Also looks whether the machine's clock was set, which makes the bounds void.
        if self.clock.is_measured()
            && let Some((from, to)) = self.clock.bounds()
        {
            let now = self.clock.machine().now().as_nanos();
            let shown = |lead: i64| Timestamp::from_nanos(now.saturating_add(lead));
            self.limiter.set_venue_time(shown(from), shown(to));
        }
    }
}
