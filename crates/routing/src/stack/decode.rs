//! Decodes the bytes of a reply.
//!
//! Inside the retry on purpose: a truncated reply can look complete to HTTP, and then only decoding finds
//! out.

use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use market_backbone_core::{SourceError, Venue};
use tower::Service;

use super::future_stamp_filter::FutureStampFilter;
use super::request::{RawReply, VenueReply, VenueRequest};
use crate::rest::typed_request::Request;

/// A decoder of any reply of a venue.
#[derive(Clone, Debug)]
pub(crate) struct ReplyDecoder {
    pub(crate) venue: Arc<dyn Venue>,
    /// The beginning of every requested address.
    pub(crate) base: Arc<str>,
    /// The filter for timestamps in the future.
    pub(crate) future_stamps: FutureStampFilter,
}

impl ReplyDecoder {
    fn decode<R: Request>(
        &self,
        question: &R,
        sent: &VenueRequest,
        raw: &RawReply,
    ) -> Result<VenueReply<R::Reply>, SourceError> {
        let next = match R::APPEND_PAGE {
            Some(_) => self.venue.next_page(&sent.http, &raw.as_reply(), &self.base)?,
            None => None,
        };
        let payload = question.decode(&*self.venue, raw, &self.future_stamps)?;
        Ok(VenueReply { payload, next, attempts: sent.attempt })
    }
}

/// A service that decodes the replies to one question.
#[derive(Clone, Debug)]
pub(super) struct DecodeService<S, R> {
    pub(super) inner: S,
    pub(super) decoder: ReplyDecoder,
    pub(super) question: Arc<R>,
}

impl<S, R> Service<VenueRequest> for DecodeService<S, R>
where
    S: Service<VenueRequest, Response = RawReply, Error = SourceError>,
    S::Future: Send + 'static,
    R: Request,
{
    type Response = VenueReply<R::Reply>;
    type Error = SourceError;
    type Future = BoxFuture<'static, Result<Self::Response, SourceError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SourceError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: VenueRequest) -> Self::Future {
        let (decoder, question) = (self.decoder.clone(), Arc::clone(&self.question));
        let reply = self.inner.call(request.clone());
        Box::pin(async move { decoder.decode(&*question, &request, &reply.await?) })
    }
}
