//! Turns bytes into what was asked for.
//!
//! Inside the retry on purpose: an answer that was cut short can look complete to HTTP, and then only
//! reading it finds out.

use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use market_backbone_core::{Call, CandlePage, CandlePageRequest, SourceError, Venue};
use tower::{Layer, Service};

use super::beyond::Beyond;
use super::request::{Answer, RawReply, Reply, VenueRequest};

/// Puts a [`Read`] before a service.
#[derive(Clone, Debug)]
pub(crate) struct ReadLayer {
    pub(crate) venue: Arc<dyn Venue>,
    /// What every address that is asked begins with.
    pub(crate) base: Arc<str>,
    /// Judges stamps from the future.
    pub(crate) beyond: Beyond,
}

impl<S> Layer<S> for ReadLayer {
    type Service = Read<S>;

    fn layer(&self, inner: S) -> Read<S> {
        let Self { venue, base, beyond } = self.clone();
        Read { inner, venue, base, beyond }
    }
}

/// Reads replies as the venue writes them.
#[derive(Clone, Debug)]
pub(crate) struct Read<S> {
    inner: S,
    venue: Arc<dyn Venue>,
    base: Arc<str>,
    beyond: Beyond,
}

impl<S> Service<VenueRequest> for Read<S>
where
    S: Service<VenueRequest, Response = RawReply, Error = SourceError>,
    S::Future: Send + 'static,
{
    type Response = Reply;
    type Error = SourceError;
    type Future = BoxFuture<'static, Result<Reply, SourceError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SourceError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: VenueRequest) -> Self::Future {
        let venue = Arc::clone(&self.venue);
        let (base, sent) = (Arc::clone(&self.base), Arc::clone(&request.http));
        let (call, attempts) = (Arc::clone(&request.call), request.attempt);
        let beyond = self.beyond.clone();
        let reply = self.inner.call(request);
        Box::pin(async move {
            let raw = reply.await?;
            let next = match *call {
                // Others are pages themselves: who asks for one says how far it goes.
                Call::Markets | Call::Own(_) => venue.next_page(&sent, &raw.as_reply(), &base)?,
                _ => None,
            };
            Ok(Reply { answer: read(&*venue, &call, &raw, &beyond)?, next, attempts })
        })
    }
}

fn read(venue: &dyn Venue, call: &Call, raw: &RawReply, beyond: &Beyond) -> Result<Answer, SourceError> {
    let body = &raw.body;
    Ok(match call {
        Call::Candles(request) => {
            // A row of the future would be the newest there is.
            let before = request.before.map_or(raw.latest, |before| before.min(raw.latest));
            let due = CandlePageRequest { before: Some(before), ..request.clone() };
            let page = venue.decode_candles(&due, body, raw.asked_at)?;
            Answer::Candles(CandlePage { asked_at: raw.asked_at, ..page })
        }
        Call::Trades(request) => Answer::Trades(venue.decode_trades(request, body, raw.received)?),
        Call::Tickers(_) => {
            let tickers = all_of("tickers", venue.decode_tickers(body, raw.received)?);
            Answer::Tickers(beyond.tickers(tickers, raw.received))
        }
        Call::Books(_) => {
            let books = all_of("books", venue.decode_books(body, raw.received)?);
            Answer::Books(beyond.books(books, raw.received))
        }
        Call::Markets => Answer::Markets(venue.decode_markets(body)?),
        Call::Instruments(_) => Answer::Instruments(venue.decode_instruments(body)?),
        Call::Own(_) => Answer::Own(vec![raw.to_owned_reply()]),
    })
}

fn all_of<T>(what: &str, (read, dropped): (Vec<T>, u32)) -> Vec<T> {
    if dropped > 0 {
        tracing::warn!(dropped, "some {what} could not be read and are left out");
    }
    read
}
