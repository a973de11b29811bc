//! What a row was before another took its place: kept beside the rows, so that a store can be asked what it held then.
//!
//! Two spellings of the same figures are one version: where the venue confirms what was heard, nothing is kept of the
//! last bits. A slot that was proven empty and got a row later has a version without one.

use market_backbone_core::{Candle, Timestamp};

/// A version of a row that does not hold any more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Revision {
    /// When the slot opens.
    pub(crate) open_time: Timestamp,
    /// The row as it was; `None` where it was known that nothing had traded.
    pub(crate) candle: Option<Candle>,
    /// When it ceased to hold.
    pub(crate) superseded_at: Timestamp,
}
