//! The reasons for which a channel is wanted. They decide which channels stay when there is not room for all.

/// The reason for which a channel is wanted, the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Interest {
    /// An order or a position in the market.
    ActiveOrder,
    /// A market that is about to be traded.
    HotZone,
    /// A chart that somebody looks at.
    Chart,
    /// A program that reads the channel.
    Reader,
    /// A market watched for the start of a move.
    Ignition,
    /// The watchlist of markets, where the higher score goes first.
    Watchlist,
}

impl Interest {
    /// All interests, most urgent first.
    pub const ALL: [Self; 6] =
        [Self::ActiveOrder, Self::HotZone, Self::Chart, Self::Reader, Self::Ignition, Self::Watchlist];
}
