//! Memberships of markets in the tiers of the scanner, and their changes.

use std::fmt;

use market_backbone_core::{StreamKind, Symbol, Timestamp};

/// A tier of the scanner, the closest first. Each is a reason to subscribe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ScannerTier {
    /// A market that is about to be traded.
    HotZone,
    /// A market of the watchlist that is watched for the start of a move.
    Ignition,
    /// A market of the watchlist.
    Watchlist,
}

impl ScannerTier {
    /// All tiers, the closest first.
    pub const ALL: [Self; 3] = [Self::HotZone, Self::Ignition, Self::Watchlist];

    /// Returns `hot_zone`, `ignition` or `watchlist`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HotZone => "hot_zone",
            Self::Ignition => "ignition",
            Self::Watchlist => "watchlist",
        }
    }

    /// Returns the kinds of live data that a member needs.
    #[must_use]
    pub const fn streams(self) -> &'static [StreamKind] {
        match self {
            Self::HotZone => &[StreamKind::Trade, StreamKind::Book],
            Self::Ignition => &[StreamKind::Trade],
            Self::Watchlist => &[StreamKind::Ticker],
        }
    }
}

impl fmt::Display for ScannerTier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The reason why a membership began or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MembershipReason {
    /// The score has reached the bound.
    Score,
    /// The market is among the day's gainers.
    Gainer,
    /// The ignition score has reached the threshold, and the checks against traps passed.
    Ignition,
    /// The accumulation is in its last stage.
    Stage,
    /// Volume and price diverge.
    Divergence,
    /// A gainer with a high accumulation score.
    Accumulation,
    /// A program or a person asked for it.
    Asked,
    /// The market may be traded, and is watched for the start of a move.
    Tradeable,
    /// The reasons for the membership are gone.
    Cooled,
    /// Better markets took the place.
    Displaced,
}

impl MembershipReason {
    /// Returns the reason as one word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Score => "score",
            Self::Gainer => "gainer",
            Self::Ignition => "ignition",
            Self::Stage => "stage",
            Self::Divergence => "divergence",
            Self::Accumulation => "accumulation",
            Self::Asked => "asked",
            Self::Tradeable => "tradeable",
            Self::Cooled => "cooled",
            Self::Displaced => "displaced",
        }
    }
}

/// The beginning or end of a membership: a subscription to begin or to end.
#[derive(Clone, Debug, PartialEq)]
pub struct MembershipChange {
    /// The moment of the change, in event time.
    pub time: Timestamp,
    /// The market that joins or leaves.
    pub symbol: Symbol,
    /// The tier that it joins or leaves.
    pub tier: ScannerTier,
    /// `true` if the membership begins, `false` if it ends.
    pub is_added: bool,
    /// The reason for the change.
    pub reason: MembershipReason,
}
