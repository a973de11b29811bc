//! What has been handed out of a feed, as a value that survives the program.

use std::collections::BTreeMap;
use std::fmt;

use market_backbone_core::{Channel, Timestamp, VenueId};

use super::bar_tracker::BarCheckpoint;
use super::delivered_trades::TradeCheckpoint;

/// What has been handed out of one channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ChannelCheckpoint {
    Trades(TradeCheckpoint),
    Candles {
        /// The open time of the oldest that has not been handed out as it will stay.
        due: Timestamp,
    },
    Bars(BarCheckpoint),
}

/// What has been handed out of a feed: a later feed that begins [after](super::Start::After) it goes on with the next
/// event, each once.
///
/// As text it is one line of printable ASCII without blanks, that any version of this crate from now on can read. It
/// grows with the trades of the last minute: seven bytes each, as a rule.
#[derive(Clone, PartialEq, Eq)]
pub struct Cursor {
    pub(super) venue: VenueId,
    pub(super) checkpoints: BTreeMap<Channel, ChannelCheckpoint>,
}

impl Cursor {
    /// The venue whose feed it is of.
    #[must_use]
    pub const fn venue(&self) -> VenueId {
        self.venue
    }

    /// The channels it knows of; tickers and books have nothing to go on from.
    pub fn channels(&self) -> impl Iterator<Item = &Channel> {
        self.checkpoints.keys()
    }

    /// Up to when, by the venue's clock, all of a channel has been handed out; `None` if it knows nothing of it.
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

/// Why a text is no cursor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CursorError {
    /// It does not begin like one.
    #[error("this is no cursor")]
    NotACursor,
    /// It was written by a later version.
    #[error("this cursor is of a later version; there is no reading it with this one")]
    TooNew,
    /// A part is missing, or was changed.
    #[error("this cursor is damaged")]
    Damaged,
}
