//! Earlier versions of rows, stored beside the rows, so that a store can be asked what it held at a moment.
//!
//! Values that differ only in their last bits are one version: where the venue confirms a live candle, no
//! version is kept for them. A slot that was proven empty and got a row later has a version without a row.

use market_backbone_core::{Candle, Timestamp};

/// An earlier version of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Revision {
    /// The open time of the slot.
    pub(crate) open_time: Timestamp,
    /// The row as it was; `None` where the slot was known to be empty.
    pub(crate) candle: Option<Candle>,
    /// The time at which it ceased to hold.
    pub(crate) superseded_at: Timestamp,
}
