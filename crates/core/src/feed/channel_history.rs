//! What a feed that began in the past knows of that past.

use super::Channel;
use super::gap::LossReason;
use crate::Coverage;

/// What is known of one channel's past once a feed has caught up with the present.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelHistory {
    /// Whose past.
    pub channel: Channel,
    /// The stretches of which every event has been delivered.
    pub coverage: Coverage,
    /// Why some of what was asked for is missing, if any of it is.
    pub loss: Option<LossReason>,
}
