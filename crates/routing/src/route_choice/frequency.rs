//! The frequency of requests for a channel.

use std::collections::VecDeque;

use tokio::time::Instant;

use super::ChoiceConfig;

/// The frequency of requests for a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestFrequency {
    Often,
    Sometimes,
    Rare,
}

impl RequestFrequency {
    /// Classifies the mean gap between the requests; `None` if there are too few to say.
    pub(super) fn of(asked: &VecDeque<Instant>, config: &ChoiceConfig) -> Option<Self> {
        let (first, last) = (asked.front()?, asked.back()?);
        let gaps = u32::try_from(asked.len().checked_sub(1)?).ok()?;
        if asked.len() < config.min_samples || gaps == 0 {
            return None;
        }
        let mean = (*last - *first) / gaps;
        Some(if mean < config.start_below {
            Self::Often
        } else if mean < config.keep_below {
            Self::Sometimes
        } else {
            Self::Rare
        })
    }
}
