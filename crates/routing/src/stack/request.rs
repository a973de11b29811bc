//! What goes through the stack, and what comes back.

use std::sync::Arc;

use bytes::Bytes;
use market_backbone_core::{
    Call, CandlePage, HttpCall, HttpReply, Instrument, OrderBook, OwnedReply, PriceIncrement, Priority,
    Ticker, Timestamp, TradePage,
};

/// One request on its way; cheap to clone, for a repeat.
#[derive(Clone, Debug)]
pub(crate) struct VenueRequest {
    pub(crate) call: Arc<Call>,
    pub(crate) http: Arc<HttpCall>,
    pub(crate) priority: Priority,
    /// Which try this is, from 1.
    pub(crate) attempt: u32,
}

/// What came over the wire, whatever its status.
#[derive(Clone, Debug)]
pub(crate) struct RawReply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
    /// When the venue was asked by its own clock, at the earliest.
    pub(crate) asked_at: Timestamp,
    /// What the answer tells of has happened before this, by the venue's own clock: the rest is not true.
    pub(crate) latest_plausible: Timestamp,
    /// When the last byte was here, by the venue's clock as far as it is known.
    pub(crate) received: Timestamp,
}

impl RawReply {
    pub(crate) fn as_reply(&self) -> HttpReply<'_> {
        HttpReply { status: self.status, headers: &self.headers, body: &self.body }
    }

    pub(crate) fn to_owned_reply(&self) -> OwnedReply {
        OwnedReply {
            status: self.status,
            headers: self.headers.clone(),
            body: self.body.to_vec(),
            received: self.received,
        }
    }
}

/// What the venue answered, read.
#[derive(Clone, Debug)]
pub(crate) enum ReplyPayload {
    Candles(CandlePage),
    Trades(TradePage),
    Tickers(Vec<Ticker>),
    Books(Vec<OrderBook>),
    Markets(Vec<Instrument>),
    Instruments(Vec<PriceIncrement>),
    Own(Vec<OwnedReply>),
}

/// An answer and what it took.
#[derive(Clone, Debug)]
pub(crate) struct VenueReply {
    pub(crate) payload: ReplyPayload,
    /// Where the rest of it is.
    pub(crate) next: Option<HttpCall>,
    /// Requests sent for it, repeats included.
    pub(crate) attempts: u32,
}
