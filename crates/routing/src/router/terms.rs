//! On what terms a live value is asked for.

use std::time::Duration;

use market_backbone_core::{CallGroup, Priority, SourceError, SourceErrorKind};
use tokio::time::timeout;

use super::Shared;

/// On what terms a live value is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// How urgently.
    pub priority: Priority,
    /// A value that we heard of longer ago is asked for anew, even if the venue may have no newer one.
    pub not_older_than: Option<Duration>,
    /// An answer that would take longer is refused at once, as far as that can be told beforehand.
    pub within: Option<Duration>,
}

impl From<Priority> for Terms {
    fn from(priority: Priority) -> Self {
        Self { priority, ..Self::default() }
    }
}

impl Shared {
    /// What `asking` comes to, if it comes in time: `requests` of `group` are what it needs.
    ///
    /// Dropping it halfway gives up its place in the line, or what is under way.
    pub(super) async fn in_time<T>(
        &self,
        terms: Terms,
        (group, requests): (CallGroup, u64),
        asking: impl Future<Output = Result<T, SourceError>>,
    ) -> Result<T, SourceError> {
        let Some(within) = terms.within else { return asking.await };
        let takes = || self.limiter.eta(group, terms.priority, requests).map_or(within, |found| found.takes);
        let would_take = takes();
        if would_take > within {
            return Err(self.too_late(within, would_take));
        }
        match timeout(within, asking).await {
            Ok(answer) => answer,
            Err(_elapsed) => Err(self.too_late(within, within + takes())),
        }
    }

    fn too_late(&self, within: Duration, would_take: Duration) -> SourceError {
        let (took, allowed) = (would_take.as_millis(), within.as_millis());
        let message = format!("the answer would take about {took} ms, {allowed} ms were allowed");
        SourceError::new(SourceErrorKind::TooLate { would_take }, message).at(self.venue.capabilities().venue)
    }
}
