//! Port for observers of what a venue sends, before anything of it is decoded.

use std::fmt::Debug;

use crate::Timestamp;

/// An observer of what a venue sends, as it arrives: a recorder.
///
/// Every method is called on the live path and must return at once. An observer that writes anywhere has a queue of its
/// own, and drops what does not fit.
pub trait WireObserver: Debug + Send + Sync + 'static {
    /// Observes that a connection was opened; its number is never used again.
    fn on_connected(&self, connection: u64, at: Timestamp);

    /// Observes a frame of data, before it is decoded.
    fn on_frame(&self, connection: u64, received: Timestamp, frame: &[u8]);

    /// Observes that a connection has ended, for whatever reason.
    fn on_disconnected(&self, connection: u64, at: Timestamp);

    /// Observes an answer: the path and query of its request, its status and headers, and its body, decompressed. The
    /// request's headers, which may hold a key, are not shown.
    fn on_reply(&self, received: Timestamp, target: &str, head: (u16, &[(String, String)]), body: &[u8]);
}
