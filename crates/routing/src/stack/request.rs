//! The requests and replies of the stack.

use std::sync::Arc;

use bytes::Bytes;
use market_backbone_core::{Call, HttpCall, HttpReply, OwnedReply, Priority, Timestamp};

/// One request on its way; cheap to clone, for a retry.
#[derive(Clone, Debug)]
pub(crate) struct VenueRequest {
    pub(crate) call: Arc<Call>,
    pub(crate) http: Arc<HttpCall>,
    pub(crate) priority: Priority,
    /// The number of this attempt, from 1.
    pub(crate) attempt: u32,
}

/// The raw reply, whatever its status.
#[derive(Clone, Debug)]
pub(crate) struct RawReply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
    /// The earliest venue time at which the venue handled the request.
    pub(crate) asked_at: Timestamp,
    /// The latest plausible venue time of the content: later times are wrong.
    pub(crate) latest_plausible: Timestamp,
    /// The time of the last byte, by the venue's clock as far as it is known.
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

/// A reply, and what it cost.
#[derive(Clone, Debug)]
pub(crate) struct VenueReply<T> {
    /// The decoded reply.
    pub(crate) payload: T,
    /// The call for the rest of it.
    pub(crate) next: Option<HttpCall>,
    /// The number of requests sent for it, retries included.
    pub(crate) attempts: u32,
}
