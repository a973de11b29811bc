//! Why a channel is wanted: what decides who stays when there is not room for all.

/// The reason for which a channel is wanted, the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Interest {
    /// There is an order or a position in the market.
    ActiveOrder,
    /// The market is about to be traded.
    HotZone,
    /// Somebody looks at it.
    Chart,
    /// A program reads it.
    Reader,
    /// It is watched for a move that may begin.
    Ignition,
    /// It is on the list of markets worth watching, where the better score goes first.
    Watchlist,
}

impl Interest {
    /// All there are, most urgent first.
    pub const ALL: [Self; 6] =
        [Self::ActiveOrder, Self::HotZone, Self::Chart, Self::Reader, Self::Ignition, Self::Watchlist];
}
