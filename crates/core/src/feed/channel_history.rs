//! The history of a channel in a feed that begins in the past.

use super::Channel;
use super::gap::LossReason;
use crate::Coverage;

/// The history of one channel, known once a feed has caught up with the present.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelHistory {
    /// The channel whose history this is.
    pub channel: Channel,
    /// The ranges of which every event has been delivered.
    pub coverage: Coverage,
    /// The reason why part of the requested history is missing, if any is.
    pub loss: Option<LossReason>,
}
