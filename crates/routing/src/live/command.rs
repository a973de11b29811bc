//! What a handle may ask of the task that owns the connections.

use tokio::sync::oneshot;

/// What a handle asks.
#[derive(Debug)]
pub(super) enum SessionCommand {
    /// Replace every connection that stands; says whether all were.
    Rotate(oneshot::Sender<bool>),
    /// Try again what the venue has refused.
    Retry,
}
