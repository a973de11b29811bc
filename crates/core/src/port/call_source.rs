//! Port for requests that only one venue has. Its adapter writes the request and reads the answer; the router
//! applies rate limits, retries and keys as for any other request.

use async_trait::async_trait;

use crate::{HttpCall, HttpReply, Priority, SourceError, Timestamp, VenueId};

/// An HTTP reply that owns its data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnedReply {
    /// The HTTP status code.
    pub status: u16,
    /// The headers, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// The whole body, decompressed.
    pub body: Vec<u8>,
    /// The time at which the last byte arrived, by the local clock.
    pub received: Timestamp,
}

impl OwnedReply {
    /// Returns the same reply, borrowed.
    #[must_use]
    pub fn as_reply(&self) -> HttpReply<'_> {
        HttpReply { status: self.status, headers: &self.headers, body: &self.body }
    }
}

/// A source that sends a venue's own requests. Implemented by the router.
#[async_trait]
pub trait CallSource: Send + Sync + 'static {
    /// Returns the venue whose answers these are. Everything read from them carries this id.
    fn venue(&self) -> VenueId;

    /// Sends `call` when the rate limiter permits it, and follows it to its last page.
    ///
    /// # Errors
    ///
    /// Whatever the venue answers.
    async fn call(&self, call: HttpCall, priority: Priority) -> Result<Vec<OwnedReply>, SourceError>;
}
