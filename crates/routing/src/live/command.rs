//! Commands from a handle to the task that owns the connections.

use tokio::sync::oneshot;

/// A command from a handle.
#[derive(Debug)]
pub(super) enum SessionCommand {
    /// Replaces every open connection; replies whether all were replaced.
    Rotate(oneshot::Sender<bool>),
    /// Tries again what the venue has refused.
    Retry,
}
