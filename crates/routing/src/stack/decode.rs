//! Decodes the bytes of a reply.
//!
//! Inside the retry on purpose: a truncated reply can look complete to HTTP, and then only decoding finds
//! out.

use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use market_backbone_core::{Call, CandlePage, CandlePageRequest, SourceError, Venue};
use tower::{Layer, Service};

use super::future_stamp_filter::FutureStampFilter;
use super::request::{RawReply, ReplyPayload, VenueReply, VenueRequest};

/// A layer that puts a [`DecodeService`] before a service.
#[derive(Clone, Debug)]
pub(crate) struct DecodeLayer {
    pub(crate) venue: Arc<dyn Venue>,
    /// The beginning of every requested address.
    pub(crate) base: Arc<str>,
    /// The filter for timestamps in the future.
    pub(crate) future_stamps: FutureStampFilter,
}

impl<S> Layer<S> for DecodeLayer {
    type Service = DecodeService<S>;

    fn layer(&self, inner: S) -> DecodeService<S> {
        let Self { venue, base, future_stamps: beyond } = self.clone();
        DecodeService { inner, venue, base, future_stamps: beyond }
    }
}

/// Decodes replies in the venue's format.
#[derive(Clone, Debug)]
pub(crate) struct DecodeService<S> {
    inner: S,
    venue: Arc<dyn Venue>,
    base: Arc<str>,
    future_stamps: FutureStampFilter,
}

impl<S> Service<VenueRequest> for DecodeService<S>
where
    S: Service<VenueRequest, Response = RawReply, Error = SourceError>,
    S::Future: Send + 'static,
{
    type Response = VenueReply;
    type Error = SourceError;
    type Future = BoxFuture<'static, Result<VenueReply, SourceError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SourceError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: VenueRequest) -> Self::Future {
        let venue = Arc::clone(&self.venue);
        let (base, sent) = (Arc::clone(&self.base), Arc::clone(&request.http));
        let (call, attempts) = (Arc::clone(&request.call), request.attempt);
        let beyond = self.future_stamps.clone();
        let reply = self.inner.call(request);
        Box::pin(async move {
            let raw = reply.await?;
            let next = match *call {
                // Other calls are pages themselves: the caller of one says how far it reaches.
                Call::Markets | Call::VenueSpecific(_) => venue.next_page(&sent, &raw.as_reply(), &base)?,
                _ => None,
            };
            Ok(VenueReply { payload: decode(&*venue, &call, &raw, &beyond)?, next, attempts })
        })
    }
}

fn decode(
    venue: &dyn Venue,
    call: &Call,
    raw: &RawReply,
    beyond: &FutureStampFilter,
) -> Result<ReplyPayload, SourceError> {
    let body = &raw.body;
    Ok(match call {
        Call::Candles(request) => {
            // A row of the future would be the newest one.
            let before =
                request.before.map_or(raw.latest_plausible, |before| before.min(raw.latest_plausible));
            let due = CandlePageRequest { before: Some(before), ..request.clone() };
            let page = venue.decode_candles(&due, body, raw.asked_at)?;
            ReplyPayload::Candles(CandlePage { asked_at: raw.asked_at, ..page })
        }
        Call::Trades(request) => ReplyPayload::Trades(venue.decode_trades(request, body, raw.received)?),
        Call::Tickers(_) => {
            let tickers = all_of("tickers", venue.decode_tickers(body, raw.received)?);
            ReplyPayload::Tickers(beyond.tickers(tickers, raw.received))
        }
        Call::Books(_) => {
            let books = all_of("books", venue.decode_books(body, raw.received)?);
            ReplyPayload::Books(beyond.books(books, raw.received))
        }
        Call::Markets => ReplyPayload::Markets(venue.decode_markets(body)?),
        Call::PriceIncrements(_) => ReplyPayload::Instruments(venue.decode_price_increments(body)?),
        Call::VenueSpecific(_) => ReplyPayload::Own(vec![raw.to_owned_reply()]),
    })
}

fn all_of<T>(what: &str, (read, dropped): (Vec<T>, u32)) -> Vec<T> {
    if dropped > 0 {
        tracing::warn!(dropped, "some {what} could not be read and are left out");
    }
    read
}
