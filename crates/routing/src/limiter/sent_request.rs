//! One request of the log, and the latest moment at which the venue can have received it.

use std::time::Duration;

use market_backbone_core::RateUnit;
use tokio::time::Instant;

/// The time after which a request of another process has arrived or never will: that process may have been
/// killed.
const MAX_EXTERNAL_IN_FLIGHT: Duration = Duration::from_secs(5);

/// The outcome of a request after it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SendOutcome {
    InFlight,
    /// The reply arrived at this moment.
    Answered(Instant),
    /// The caller gave it up at this moment. It never arrives, or arrives a little later.
    Lost(Instant),
    /// The venue has received it by this moment for certain.
    Arrived(Instant),
}

/// Whose share of the window a request takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WindowShare {
    Critical,
    Others,
    /// Sent by another process of this machine, by an earlier one, or by somebody else who uses this address.
    External,
}

/// A request that the venue may still count.
#[derive(Clone, Copy, Debug)]
pub(super) struct SentRequest {
    /// The process that sent it; 0 stands for this one, or for somebody unknown.
    pub(super) writer: u32,
    pub(super) id: u64,
    pub(super) at: Instant,
    pub(super) share: WindowShare,
    pub(super) outcome: SendOutcome,
    pub(super) weight: u32,
    /// The number of requests that this entry stands for: 1, unless a venue's report showed several of
    /// unknown origin.
    pub(super) requests: u32,
}

impl SentRequest {
    /// Returns how much of a window the entry uses, which counts in `unit`.
    pub(super) fn charge(&self, unit: RateUnit) -> u64 {
        u64::from(unit.charge(self.weight, self.requests))
    }

    /// Returns the latest moment at which it can have arrived, less `credit` if it was answered; `None` if that is unknown.
    ///
    /// A request that was given up may arrive `late_arrival_grace` after that.
    pub(super) fn latest_arrival(&self, credit: Duration, late_arrival_grace: Duration) -> Option<Instant> {
        match self.outcome {
            SendOutcome::InFlight if self.is_external() => Some(self.at + MAX_EXTERNAL_IN_FLIGHT),
            SendOutcome::InFlight => None,
            SendOutcome::Answered(at) => Some(at.checked_sub(credit).unwrap_or(at).max(self.at)),
            SendOutcome::Lost(at) => Some(at + late_arrival_grace),
            SendOutcome::Arrived(at) => Some(at),
        }
    }

    pub(super) fn is_external(&self) -> bool {
        self.share == WindowShare::External
    }

    pub(super) fn is_in_flight(&self) -> bool {
        self.outcome == SendOutcome::InFlight
    }
}
