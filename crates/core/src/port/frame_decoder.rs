//! Port for what a venue's socket sends: the frames of one connection in, events out.

use std::fmt;
use std::time::Duration;

use crate::{Channel, FeedEvent, SourceErrorKind, SymbolTable, Timestamp};

/// A message of a frame about the connection rather than about a market.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ControlMessage {
    /// The venue is alive.
    Heartbeat,
    /// The venue has sent its first message and expects the login.
    LoginPrompt,
    /// The venue has accepted the login: subscriptions may be sent.
    LoggedIn,
    /// The venue confirms that it has begun to send these channels.
    Confirmed(Vec<Channel>),
    /// Another connection replaced this one, or there are too many: connecting again before `wait` is over would
    /// only evict another one.
    Evicted {
        /// The venue's own words.
        message: String,
        /// The time to wait before connecting again.
        wait: Duration,
    },
    /// This client reads too slowly and will be disconnected.
    TooSlow {
        /// The venue's own words.
        message: String,
    },
    /// The venue refuses what was sent and will close the connection.
    Refused {
        /// The venue's own words.
        message: String,
        /// The kind of error, which says what a program can do about it.
        kind: SourceErrorKind,
        /// `true` if it would refuse the same again.
        terminal: bool,
    },
}

/// The result of decoding a frame, beside the events read from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FrameOutcome {
    /// The number of elements that could not be read, or named a market nobody asked for.
    pub dropped: u32,
    /// The message about the connection, if the frame holds one.
    pub control: Option<ControlMessage>,
}

/// An error for a frame that could not be read at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot read a frame: {0}")]
pub struct FrameError(pub String);

/// A decoder of the frames of one connection, in the order in which they arrive.
///
/// It may remember what came before: the sequence numbers of a stream, or books that are kept up to date by differences.
/// What it remembers ends with its connection, and the connection after it begins with a fresh one. So a book of
/// differences is handed out only once a snapshot *of this connection* has come: where the venue sends none by socket
/// (Binance's `depth`), an adapter subscribes to whole books instead (`depth20@100ms`).
///
/// This is the hot path. An event of a market that is in `symbols` must allocate nothing: symbols are cloned from the
/// table, books are taken from [its pool](SymbolTable::book), and `events` keeps its room from frame to frame.
pub trait FrameDecoder: Send + fmt::Debug {
    /// Decodes one frame, received at `received`, and appends its events to `events`.
    ///
    /// `symbols` are the markets that are followed on this connection. What a frame says of others is counted in
    /// [`dropped`](FrameOutcome::dropped), and so is an element that cannot be read: it never takes its neighbours with
    /// it.
    ///
    /// # Errors
    ///
    /// If nothing of the frame can be read. The next frame is handed to the same decoder.
    fn decode(
        &mut self,
        frame: &[u8],
        received: Timestamp,
        symbols: &SymbolTable,
        events: &mut Vec<FeedEvent>,
    ) -> Result<FrameOutcome, FrameError>;
}
