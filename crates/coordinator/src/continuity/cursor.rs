//! The position of a feed as a value that survives the program.

use std::collections::BTreeMap;
use std::fmt;

use market_backbone_core::{Channel, Timestamp, VenueId};

use super::bar_tracker::BarCheckpoint;
use super::delivered_trades::TradeCheckpoint;

/// The position within one channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ChannelCheckpoint {
    Trades(TradeCheckpoint),
    Candles {
        /// The open time of the oldest candle that has not been delivered in its final state.
        due: Timestamp,
    },
    Bars(BarCheckpoint),
}

/// The position of a feed. A later feed that begins [after](super::Start::After) it continues with the next
/// event and delivers each once.
///
/// As text it is one line of printable ASCII without blanks, which any version of this crate from now on can
/// read. It grows with the trades of the last minute, by about seven bytes each.
#[derive(Clone, PartialEq, Eq)]
pub struct Cursor {
    pub(super) venue: VenueId,
    pub(super) checkpoints: BTreeMap<Channel, ChannelCheckpoint>,
}

impl Cursor {
    /// Returns the venue of the feed.
    #[must_use]
    pub const fn venue(&self) -> VenueId {
        self.venue
    }

    /// Returns the channels it contains. Tickers and books have no position.
    pub fn channels(&self) -> impl Iterator<Item = &Channel> {
        self.checkpoints.keys()
    }

    /// Returns the moment, by the venue's clock, up to which everything of a channel has been delivered, or
    /// `None` if the cursor does not contain the channel.
    #[must_use]
    pub fn position(&self, channel: &Channel) -> Option<Timestamp> {
        Some(match self.checkpoints.get(channel)? {
            ChannelCheckpoint::Trades(mark) => mark.watermark,
            ChannelCheckpoint::Candles { due } => *due,
            ChannelCheckpoint::Bars(bars) => bars.due,
        })
    }

    pub(super) fn checkpoint(&self, channel: &Channel) -> Option<&ChannelCheckpoint> {
        self.checkpoints.get(channel)
    }
}

impl fmt::Debug for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let positions = self.checkpoints.keys().map(|channel| (channel, self.position(channel)));
        f.debug_map().entries(positions).finish()
    }
}

/// The reason why a text is not a cursor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CursorError {
    /// The text does not begin like a cursor.
    #[error("this is not a cursor")]
    NotACursor,
    /// The text was written by a later version.
    #[error("this cursor was written by a later version, which this one cannot read")]
    TooNew,
    /// A part of the text is missing or was changed.
    #[error("this cursor is damaged")]
    Damaged,
}
