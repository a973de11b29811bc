//! What is known of one request that was sent, and whose share of the window it takes.

use std::time::Duration;

use tokio::time::Instant;

/// The time after which a request of another process has arrived or never will: that process may have been
/// killed.
pub(super) const MAX_EXTERNAL_IN_FLIGHT: Duration = Duration::from_secs(5);

/// The outcome of a request after it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SendOutcome {
    /// The reply arrived at this moment.
    Answered(Instant),
    /// The caller gave it up at this moment. It never arrives, or arrives a little later.
    Lost(Instant),
}

/// Whose share of the window a request takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WindowShare {
    Critical,
    Others,
    /// Sent by another process of this machine, by an earlier one, or by somebody else who uses this address.
    External,
}
