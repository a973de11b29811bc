//! Port for what only one venue has: its adapter writes the request and reads the answer, the router takes care of
//! turns, retries and keys as for any other.

use async_trait::async_trait;

use crate::{HttpCall, HttpReply, Priority, SourceError, Timestamp, VenueId};

/// An answer kept whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnedReply {
    /// The status.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// All of it, decompressed.
    pub body: Vec<u8>,
    /// When the last byte was here, by our clock.
    pub received: Timestamp,
}

impl OwnedReply {
    /// The same, borrowed.
    #[must_use]
    pub fn as_reply(&self) -> HttpReply<'_> {
        HttpReply { status: self.status, headers: &self.headers, body: &self.body }
    }
}

/// Somewhere a venue's own requests can be sent. Implemented by the router.
#[async_trait]
pub trait CallSource: Send + Sync + 'static {
    /// Whose answers they are: what is read from them bears this name.
    fn venue(&self) -> VenueId;

    /// Sends `call` when its turn comes, and follows it to its last page.
    ///
    /// # Errors
    ///
    /// Whatever the venue answers.
    async fn call(&self, call: HttpCall, priority: Priority) -> Result<Vec<OwnedReply>, SourceError>;
}
